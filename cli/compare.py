# SPDX-License-Identifier: Apache-2.0
"""``dancepose compare``: compare two motions by the field's usual metrics."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.counting import counted
from dancepose_addon.core.fit.evaluation.comparison import compare_people
from dancepose_addon.core.fit.pipeline import FitResult
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.printable_text import escaped
from dancepose_addon.fitting import fit_people

from .arguments import BodyOption, DeviceOption, RegressorOption, with_options
from .display import Display, list_results, progress_bar, show_table
from .output_checks import TABLE, check_files

METRICS: Final = {
    "mpjpe_mm": ("joint position error (MPJPE)", "mm", "lower is closer"),
    "pa_mpjpe_mm": ("joint position error after Procrustes alignment (PA-MPJPE)", "mm", "lower is closer"),
    "pve_mm": ("vertex position error (PVE)", "mm", "lower is closer"),
    "local_rotation_error_deg": ("local joint rotation error", "degrees", "lower is closer"),
    "global_rotation_error_deg": ("global joint rotation error", "degrees", "lower is closer"),
    "acceleration_error_mm_per_frame2": ("joint acceleration error", "mm/frame²", "lower is closer"),
    "jerk_error_mm_per_frame3": ("joint jerk error", "mm/frame³", "lower is closer"),
    "floating_mm": ("height of the lowest sole above the floor", "mm", "lower is better"),
    "penetration_mm": ("depth of the soles below the floor", "mm", "lower is better"),
    "skating_ratio": ("share of frames with a sliding foot", "0 to 1", "lower is better"),
    "standing_slide_mm_per_s": ("speed of standing feet", "mm/s", "lower is better"),
    "hand_contact": ("share of frames in which persons' hands touch", "0 to 1", "mean over pairs of persons"),
    "hand_distance_mm": ("distance of persons' hands, median", "mm", "mean over pairs of persons"),
    "overlap_mm": ("depth by which bodies overlap, greatest", "mm", "lower is better"),
    "physical_foot_contact": ("physical foot contact score (PFC)", "no unit", "lower is better"),
}
"""Title, unit and direction of each metric."""

FLOOR_DIFFERENCE_M: Final = 0.01
"""Floors that differ by less are the same floor: the soles of a fitted body are not known better."""


@with_options
def compare_command(
    first: Annotated[Path, typer.Argument(metavar="A", help="A motion file of any format.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The motion file to compare it with.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the figures here, .json.")] = None,
    reading: ReadOptions = ReadOptions(),
    regressor: RegressorOption = None,
    body: BodyOption = None,
    device: DeviceOption = None,
) -> None:
    """Compare two motions: positions, rotations, vertices, smoothness and feet. Files of keypoints are fitted first."""
    check_files({"--out": (out, TABLE)}, (first, second, body, regressor, reading.layout))
    model = load_body(body)
    with progress_bar() as display:
        fits = [_fits_of(path, model, reading, regressor, device or "auto", display) for path in (first, second)]
    motions = [[fit.motion for fit in people] for people in fits]
    table = compare_people(motions[0], motions[1], model)
    floors = [float(people[0].report["floor_m"]) for people in fits]
    table["notices"] += _different_floors(*floors)
    table["floor_m"] = {"A": round(floors[0], 4), "B": round(floors[1], 4)}
    for notice in table["notices"]:
        typer.echo(escaped(f"Note: {notice}"), err=True)
    persons = f"{table['persons']} persons, " if "persons" in table else ""
    show_table(f"{persons}{counted(table['frames'], 'frame')}, A: {first.name}, B: {second.name}", metric_rows(table))
    if out is not None:
        with replacing(out) as temporary:
            temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    list_results({"figures": out})


def _different_floors(first_m: float, second_m: float) -> list[str]:
    """Return a notice if the floors of two files have different heights, which the figures do not show."""
    if abs(first_m - second_m) < FLOOR_DIFFERENCE_M:
        return []
    where = f"In the files, the floor of A is at {first_m:.3f} m and that of B at {second_m:.3f} m."
    return [f"{where} Each motion is put on its own floor, so this difference of height is in none of the figures."]


def _fits_of(
    path: Path, body: BodyModel, reading: ReadOptions, regressor: Path | None, device: str, display: Display
) -> list[FitResult]:
    fits = fit_people(
        path,
        body=body,
        hints=reading.hints(),
        frames=reading.frame_range(),
        regressor=regressor,
        device=device,
        progress=display.progress,
    )
    result = fits[0]
    if result.report["regressor"] is not None and result.report["error_mm"]:
        display.notice(f"{path.name} holds keypoints; a body was fitted to them with the default options.")
    return fits


def metric_rows(table: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the rows to print: each metric with its unit and direction, and the value or the values of A and B."""
    rows = [(_title(name), f"{value:g}") for name, value in table["between"].items()]
    each = table["each"]
    return rows + [(_title(name), f"A {each['A'][name]:g}, B {each['B'][name]:g}") for name in each["A"]]


def _title(name: str) -> str:
    title, unit, direction = METRICS[name]
    return f"{title}, {unit}, {direction}"
