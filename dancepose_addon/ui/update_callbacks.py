# SPDX-License-Identifier: GPL-3.0-or-later
"""Update callbacks of the settings. The panels only show their results and compute nothing."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import bpy
import numpy as np

from ..blender.narrowing import scene_of, view_layer_of
from ..blender.rig.dancer import body_of, dancers_of, read_record, set_shape, write_record
from ..blender.rig.redressing import redress
from ..core.body.looks import dressed
from ..core.body.model import BodyModel
from ..core.body.model_io import load_body
from ..core.errors import DancePoseError
from ..inference import open_regressor
from . import reading
from .preferences import preferred_path

if TYPE_CHECKING:
    from .properties import DANCEPOSE_PG_settings, DANCEPOSE_PG_stage

SHOWN_DECIMALS = 2
"""Decimals of the betas in the panel. The omitted digits move no point of the default body by more than 0.25 mm."""
BETA_COUNT = 10
"""Number of beta sliders."""

_suppressed = [False]


@contextmanager
def suppressed() -> Iterator[None]:
    """Disable the callbacks while the extension itself changes settings."""
    before, _suppressed[0] = _suppressed[0], True
    try:
        yield
    finally:
        _suppressed[0] = before


def on_source(settings: "DANCEPOSE_PG_settings", context: bpy.types.Context) -> None:
    """Examine a newly chosen file."""
    if _suppressed[0]:
        return
    with suppressed():
        settings.first = settings.last = 0
        if not isinstance(settings.id_data, bpy.types.Object):
            settings.result = ""  # it belongs to the previous file
    on_reading(settings, context)


def on_reading(settings: "DANCEPOSE_PG_settings", _context: bpy.types.Context) -> None:
    """Examine the file again with changed overrides."""
    if _suppressed[0]:
        return
    settings.problem, settings.found = "", ""
    if not settings.source:
        return
    try:
        settings.found = reading.describe_source(settings)
    except DancePoseError as error:
        settings.problem = reading.panel_message(error)


def on_body(settings: "DANCEPOSE_PG_settings", context: bpy.types.Context) -> None:
    """Show name, licence and height of a newly chosen body."""
    if _suppressed[0]:
        return
    settings.problem = settings.body_found = ""
    try:
        body = chosen_body(settings, context)
    except DancePoseError as error:
        settings.problem = reading.panel_message(error)
        return
    settings.body_found = f"{body.name}: {body.licence}"
    if not isinstance(settings.id_data, bpy.types.Object):
        settings.height = height_of(body, settings.betas, 1.0)


def on_regressor(settings: "DANCEPOSE_PG_settings", context: bpy.types.Context) -> None:
    """Open a newly chosen regressor or device; show what it is and where it runs, or why it does not."""
    if _suppressed[0]:
        return
    settings.regressor_problem = settings.regressor_found = ""
    try:
        layout = reading.layout_of(settings) or "md23"
        path = find_regressor(own_regressor(settings), preferred_path(context, "regressors"), layout)
        regressor = open_regressor(path, layout=layout, device=settings.device)
    except DancePoseError as error:
        settings.regressor_problem = reading.panel_message(error)
        return
    info = regressor.info
    reads = ", ".join(markers.layout.name for markers in info.shared) or info.layout.name
    licence = info.licence.partition(". ")[0].rstrip(".")
    settings.regressor_found = f"{info.name}, on {regressor.provider}. Layouts: {reads}. Licence: {licence}."


def on_betas(settings: "DANCEPOSE_PG_settings", context: bpy.types.Context) -> None:
    """Apply a shape that was changed by hand, to a dancer or to the next import."""
    if _suppressed[0]:
        return
    with suppressed():
        settings.give_betas = True
    dancer = settings.id_data
    settings.problem = ""
    try:
        if not isinstance(dancer, bpy.types.Object):
            settings.height = height_of(chosen_body(settings, context), settings.betas, 1.0)
            return
        settings.height = shape_dancer(dancer, settings.betas, view_layer_of(context))
    except DancePoseError as error:
        settings.problem = reading.panel_message(error)


def rounded_betas(settings: "DANCEPOSE_PG_settings") -> tuple[float, ...]:
    """Return the values of the sliders. Blender shows more decimals for small numbers unless they are rounded."""
    return tuple(round(beta, SHOWN_DECIMALS) for beta in settings.betas)


def set_shown_betas(settings: "DANCEPOSE_PG_settings", values: Sequence[float]) -> None:
    """Set the betas from the sliders. Sliders that were not moved keep their hidden decimals."""
    pairs = zip(values, rounded_betas(settings), settings.betas, strict=True)
    settings.betas = [exact if abs(new - shown) < 1e-6 else new for new, shown, exact in pairs]


def on_look(stage: "DANCEPOSE_PG_stage", context: bpy.types.Context) -> None:
    """Give all dancers the chosen look and figure."""
    for dancer in dancers_of(scene_of(context)):
        try:
            redress(dancer, worn_body(body_of(read_record(dancer)), context))
        except DancePoseError as error:
            stage.problem = str(error)


def worn_body(body: BodyModel, context: bpy.types.Context) -> BodyModel:
    """Return a body with the look and figure of the scene.

    Raises:
        BodyFileError: If the file of figures is damaged.
    """
    stage = cast("DANCEPOSE_PG_stage", getattr(scene_of(context), "dancepose_stage"))  # noqa: B009 - no stub has it
    return dressed(body, stage.look, figure=stage.figure)


def on_overlay(_settings: "DANCEPOSE_PG_stage", context: bpy.types.Context) -> None:
    """Redraw the viewports."""
    if context.screen is not None:
        for area in context.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def chosen_body(settings: "DANCEPOSE_PG_settings", context: bpy.types.Context) -> BodyModel:
    """Load the body of the settings, of the preferences, or the one shipped.

    Raises:
        DancePoseError: If the file cannot be used.
    """
    chosen = Path(bpy.path.abspath(settings.body)) if settings.body else preferred_path(context, "body")
    return load_body(chosen)


def own_regressor(settings: "DANCEPOSE_PG_settings") -> Path | None:
    """Return the regressor file of the settings, or None."""
    return Path(bpy.path.abspath(settings.regressor)) if settings.regressor else None


def find_regressor(own: Path | None, folder: Path | None, layout: str) -> Path | None:
    """Return the regressor file to use, or None for the one shipped.

    Args:
        own: File of the settings.
        folder: Folder of the preferences, searched for a file named after the layout.
        layout: Name of the layout, or path of its file.

    Returns:
        The file, or None.
    """
    if own is not None or folder is None:
        return own
    named = folder / f"{Path(layout).stem}.onnx"
    return named if named.is_file() else None


def shape_dancer(dancer: bpy.types.Object, betas: Iterable[float], view_layer: bpy.types.ViewLayer) -> float:
    """Give a dancer another shape, in the scene and in its record.

    Args:
        dancer: Armature of the dancer.
        betas: Shape coefficients.
        view_layer: View layer that shows the dancer.

    Returns:
        The dancer's height in metres.

    Raises:
        DancePoseError: If the dancer's body cannot be loaded, or its parts were deleted or edited.
    """
    record = read_record(dancer)
    body = body_of(record)
    values = np.array(padded(betas)[: body.beta_count], np.float32)
    set_shape(dancer, body, betas=values, scale=record.scale, view_layer=view_layer)
    write_record(dancer, record.with_betas(values.tolist()))
    return height_of(body, values.tolist(), record.scale)


def padded(betas: Iterable[float]) -> tuple[float, ...]:
    """Return as many betas as there are sliders; missing ones are 0, the mean shape."""
    return (*betas, *(0.0,) * BETA_COUNT)[:BETA_COUNT]


def height_of(body: BodyModel, betas: Sequence[float], scale: float) -> float:
    """Return the height of a body in its T-pose, metres."""
    vertices = body.rest_vertices(np.array(betas[: body.beta_count], np.float32))
    return float(scale * np.ptp(vertices[:, 1]))
