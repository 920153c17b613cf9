# SPDX-License-Identifier: Apache-2.0
"""Where the dance lies that comes with the project."""

from pathlib import Path
from typing import Final

EXAMPLE: Final = Path("examples") / "waltz"


def example_folder() -> Path | None:
    """The bundled waltz, an M&D folder with its music: in the extension's assets or in the checkout; None elsewhere."""
    addon = Path(__file__).resolve().parents[2]
    return next((place / EXAMPLE for place in (addon / "assets", addon.parent) if (place / EXAMPLE).is_dir()), None)
