# SPDX-License-Identifier: Apache-2.0
"""Messages, documentation and comments avoid idioms that are not technical English."""

from pathlib import Path
import re

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "dancepose_addon", "trainer", "export", "study", "raster", "rating", "plots", "cli", "src",
    "tools", "benchmarks", "tests", "docs", "examples",
)  # fmt: skip
IDIOMS = re.compile(
    r"\b(?:mend(?:ed|s|ing)?|nobody|hangs? on|stands? in\b(?! for)|stands? for\b|rides? on|riding on|is told|are told"
    r"|told (?:of|by|from|apart)|tells? (?:of|what|how|where)|lies? (?:in|where|amid)|of its own|of their own"
    r"|at hand|amid|whereto|goes on\b|go on\b|by heart|said of|says of|says nothing|learned anew|anew)\b",
    re.IGNORECASE,
)


def texts() -> list[Path]:
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if not path.is_symlink()]
    found += [*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "NOTICE"]
    return [
        path
        for path in found
        if path.suffix in (".py", ".md", ".toml", ".css", "") and path.is_file() and "__pycache__" not in path.parts
    ]


def test_texts_use_plain_technical_english() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match.group(0)}"
        for path in texts()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        for match in IDIOMS.finditer(line)
    ]
    assert found == []
