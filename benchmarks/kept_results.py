# SPDX-License-Identifier: Apache-2.0
"""Results of long benchmarks on disk, so that a run that was interrupted continues where it ended.

They are kept by a fingerprint of the code and the assets that they depend on, and computed again when these change.
"""

from collections.abc import Callable
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from dancepose_addon.core.atomic import replacing

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "build" / "benchmarks"
CODE: Final = ("dancepose_addon/core/**/*.py", "dancepose_addon/inference/**/*.py", "benchmarks/fit_*.py")
ASSETS: Final = ("regressors/*", "markers/*", "twist/*", "*.npz")


def code_fingerprint() -> str:
    """Return sixteen hex digits that identify the code of the fit and the files that it reads."""
    digest = hashlib.sha256()
    assets = ROOT / "dancepose_addon" / "assets"
    paths = [path for pattern in CODE for path in ROOT.glob(pattern)]
    paths += [path for pattern in ASSETS for path in assets.glob(pattern) if path.is_file()]
    for path in sorted(paths):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class KeptResults:
    """JSON values by name, in a folder of this version of the code.

    Args:
        benchmark: Name of the benchmark.
    """

    def __init__(self, benchmark: str) -> None:
        self.folder = FOLDER / benchmark / code_fingerprint()

    def get(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return a kept value, or compute and keep it.

        Args:
            name: What identifies the value within the benchmark.
            compute: Returns the value.
        """
        path = self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.json"
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))["value"]
        value = compute()
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps({"name": name, "value": value}), encoding="utf-8")
        return value
