# SPDX-License-Identifier: Apache-2.0
"""Text and files of an evaluation."""

from collections.abc import Mapping, Sequence
import json
from pathlib import Path
from typing import Any

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.counting import counted
from dancepose_addon.core.skeleton.layouts import Layout

from .evaluation_plot import plot_errors, plot_frames
from .regressor_metrics import ClipErrors

TITLES = {"recorded": "Recorded key-points", "known": "Motion with known rotations"}


def format_evaluation(kind: str, table: Mapping[str, Any]) -> str:
    """Format an evaluation as lines of text.

    Args:
        kind: ``recorded`` or ``known``.
        table: Result of ``regressor_metrics.summarise``.

    Returns:
        The lines.
    """
    known = "rotation_deg" in table
    columns = ["clip", "frames", "mean mm", "95 % mm", "worst", "worst mm"] + (["degrees", "PVE mm"] if known else [])
    rows = [
        [name, row["frames"], row["mean_mm"], row["p95_frame_mm"], row["worst_frame"], row["worst_frame_mm"]]
        + ([row["rotation_deg"], row["pve_mm"]] if known else [])
        for name, row in table["by_clip"].items()
    ]
    total = ["all", table["frames"], table["mean_mm"], table["p95_frame_mm"], "", table["worst_frame_mm"]]
    rows.append(total + ([table["rotation_deg"], table["pve_mm"]] if known else []))
    width = max(len(str(row[0])) for row in rows)
    lines = [f"{TITLES[kind]}, regressor alone:"]
    lines += [f"  {row[0]!s:<{width}}" + "".join(f"{cell!s:>10}" for cell in row[1:]) for row in [columns, *rows]]
    for name in ("forward", "backward"):
        part = table[name]
        said = (
            f"  facing {'+z' if name == 'forward' else 'away'}: {part['mean_mm']} mm over "
            f"{counted(part['frames'], 'frame')}"
        )
        lines.append(said + (f", {part['rotation_deg']} degrees, PVE {part['pve_mm']} mm" if known else ""))
    lines.append("  by point, mm: " + _listed(table["by_point_mm"]))
    if known:
        lines.append("  by joint, degrees: " + _listed(table["by_joint_deg"]))
    return "\n".join(lines)


def write_evaluation(
    errors: Sequence[ClipErrors], table: Mapping[str, Any], layout: Layout, folder: Path, kind: str
) -> dict[str, Path | None]:
    """Write the table and two pictures.

    Args:
        errors: Errors of the clips.
        table: Result of ``regressor_metrics.summarise``.
        layout: Layout of the points.
        folder: Where to write.
        kind: ``recorded`` or ``known``; part of the file names.

    Returns:
        Title: path of each file.

    Raises:
        OutputError: A file cannot be written.
        ConfigError: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers, by_error, by_frame = (folder / f"{kind}{end}" for end in (".json", "-errors.png", "-frames.png"))
    with replacing(numbers) as temporary:
        temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return {
        f"{kind} numbers": numbers,
        f"{kind} errors": plot_errors(errors, layout, by_error),
        f"{kind} frames": plot_frames(errors, layout, by_frame),
    }


def _listed(values: Mapping[str, float]) -> str:
    ordered = sorted(values.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {value}" for name, value in ordered)
