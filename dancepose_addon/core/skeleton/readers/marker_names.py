# SPDX-License-Identifier: Apache-2.0
"""Names of markers in C3D and TRC files: which are markers at all, and each name once."""

from collections.abc import Collection
from pathlib import Path
import re
from typing import Final

MODEL_OUTPUT: Final = re.compile(
    r"(?:angles?|moments?|powers?|forces?|torques?|progress|momentum|centreofmass\w*|centerofmass\w*|com|cop|grf\w*|gma)$",
    re.IGNORECASE,
)
"""What biomechanical models write beside the markers."""
VIRTUAL: Final = re.compile(r"^(?:[LR](?:FE|TI|FO|TO|CL|HU|RA|HN|FI)|PEL|TRX|HED|SPI)[OALP]$")
"""Ends of the axes of Plug-in Gait's segments."""
GROUPS: Final = ("ANGLES", "MOMENTS", "POWERS", "FORCES", "SCALARS", "MODEL_OUTPUTS")
"""Parameters of a C3D file's POINT group that name model outputs."""


def is_marker(name: str, outputs: Collection[str] = ()) -> bool:
    """Whether a point's name is that of a marker.

    Args:
        name: Without the subject's prefix.
        outputs: Names that the file itself calls model outputs.

    Returns:
        False for angles, moments, powers, ends of segments' axes and points without a name.
    """
    bare = name[:200]
    return bool(bare) and not bare.startswith("*") and bare not in outputs and not (
        MODEL_OUTPUT.search(bare) or VIRTUAL.match(bare)
    )  # fmt: skip


def each_once(names: list[str], path: Path) -> tuple[list[str], tuple[str, ...]]:
    """Number names that come more than once.

    Args:
        names: Of a file's points.
        path: Of the file, for the note.

    Returns:
        Names that are all different, and a note where some were not.
    """
    counts: dict[str, int] = {}
    taken = set(names)
    result: list[str] = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        new = name
        while counts[name] > 1 and (new == name or new in taken):
            new = f"{name}_{counts[name]}"
            if new in taken:
                counts[name] += 1
        taken.add(new)
        result.append(new)
    twice = sorted({name for name, count in counts.items() if count > 1})
    if not twice:
        return result, ()
    listed = ", ".join(name[:24] for name in twice[:4])
    return result, (f"{path} has several points called {listed}; they were numbered.",)
