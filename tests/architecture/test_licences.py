# SPDX-License-Identifier: Apache-2.0
"""Every Python file names its licence, and nothing under Apache-2.0 needs what is under the GPL.

Rule: what imports Blender's API, or a module of this project that does, is GPL-3.0-or-later; all else is Apache-2.0.
"""

from pathlib import Path
import re
import tomllib

from tests.architecture.test_imports import imports
from tests.support.sources import source_of, tree_of

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "benchmarks", "cli", "dancepose_addon", "examples", "export", "plots", "raster", "rating", "src/dancepose",
    "study", "tests", "tools", "trainer",
)  # fmt: skip
LIBRARY = (
    "dancepose_addon/core", "dancepose_addon/inference", "trainer", "export", "study", "raster", "rating", "plots",
    "cli",
)  # fmt: skip
"""What other code bases may import: never under the GPL."""
GPL, APACHE = "GPL-3.0-or-later", "Apache-2.0"
HEADER = re.compile(r"# SPDX-License-Identifier: (\S+)")
BLENDERS = {"aud", "blf", "bmesh", "bpy", "bpy_extras", "gpu", "mathutils"}
OURS = re.compile(r"dancepose_addon\.(blender|ui|registration|headless\w*|launch)\b")


def python_files() -> list[Path]:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts]
    return sorted([*files, ROOT / "render.py"])


def uses_blender(path: Path) -> bool:
    return any(found.name.split(".")[0] in BLENDERS or OURS.match(found.name) for found in imports(path))


def licence_of(path: Path) -> str:
    """The licence that the rule gives a file."""
    name = path.relative_to(ROOT).as_posix()
    if name.startswith("dancepose_addon/"):
        return APACHE if name.startswith(("dancepose_addon/core/", "dancepose_addon/inference/")) else GPL
    return GPL if name == "render.py" or uses_blender(path) else APACHE


def test_every_file_names_its_licence() -> None:
    wrong = {}
    for path in python_files():
        first = source_of(path).partition("\n")[0]
        found = HEADER.fullmatch(first)
        if found is None or found.group(1) != licence_of(path):
            wrong[path.relative_to(ROOT).as_posix()] = f"{first!r}, expected {licence_of(path)}"
    assert wrong == {}


def test_the_library_needs_nothing_under_the_gpl() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{one.line} imports {one.name}"
        for folder in LIBRARY
        for path in sorted((ROOT / folder).rglob("*.py"))
        for one in imports(path)
        if one.name.split(".")[0] in BLENDERS or OURS.match(one.name)
    ]
    assert found == []


def test_both_texts_are_here_and_named() -> None:
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").strip().startswith("GNU GENERAL PUBLIC LICENSE")
    assert "Apache License" in (ROOT / "LICENSE-APACHE").read_text(encoding="utf-8")[:200]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == f"{APACHE} AND {GPL}"
    assert set(project["license-files"]) == {"LICENSE", "LICENSE-APACHE", "NOTICE"}
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert {name for name in ("US 10395411 B2", "US 11017577 B2", "correctives=False") if name not in notice} == set()
    # The zip that Blender installs holds both parts, so it is under the GPL.
    assert tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["license"] == [f"SPDX:{GPL}"]


def test_headers_stand_before_the_docstring() -> None:
    """A header that came before a shebang or an encoding line would hide it."""
    for path in python_files():
        assert not re.search(r"(?m)\A# SPDX.*\n#!", source_of(path)), path
        tree_of(path)
