"""What happens when a user changes a setting: the panels show its outcome, and work out nothing themselves."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..blender.rig.dancer import body_of, read_record, set_shape, write_record
from ..core.body.model import BodyModel
from ..core.body.model_io import load_body
from ..core.errors import DancePoseError
from ..inference import open_regressor
from . import reading
from .preferences import preferred

SHOWN_DECIMALS = 2
"""Of betas: what is not shown moves no point of the default body by more than a quarter of a millimetre."""

_hushed = [False]


@contextmanager
def quiet() -> Iterator[None]:
    """Settings that are changed inside by the extension itself cause nothing."""
    before, _hushed[0] = _hushed[0], True
    try:
        yield
    finally:
        _hushed[0] = before


def on_source(settings: Any, context: bpy.types.Context) -> None:
    """Another file: what it is, is found out at once."""
    if _hushed[0]:
        return
    with quiet():
        settings.first = settings.last = 0
        if not isinstance(settings.id_data, bpy.types.Object):
            settings.result = ""  # it was another file's
    on_reading(settings, context)


def on_reading(settings: Any, _context: bpy.types.Context) -> None:
    """Something was said of the file: it is looked at again."""
    if _hushed[0]:
        return
    settings.problem, settings.found = "", ""
    if not settings.source:
        return
    try:
        settings.found = reading.describe_source(settings)
    except DancePoseError as error:
        settings.problem = str(error)


def on_body(settings: Any, context: bpy.types.Context) -> None:
    """Another body: its name, licence and height are shown."""
    if _hushed[0]:
        return
    settings.problem = settings.body_found = ""
    try:
        body = chosen_body(settings, context)
    except DancePoseError as error:
        settings.problem = str(error)
        return
    settings.body_found = f"{body.name}: {body.licence}"
    if not isinstance(settings.id_data, bpy.types.Object):
        settings.height = height_of(body, settings.betas, 1.0)


def on_regressor(settings: Any, context: bpy.types.Context) -> None:
    """Another regressor or device: it is opened, and says what it is and what it runs on."""
    if _hushed[0]:
        return
    settings.problem = settings.regressor_found = ""
    layout = reading.layout_of(settings) or "md23"
    try:
        path = find_regressor(own_regressor(settings), preferred(context, "regressors"), layout)
        regressor = open_regressor(path, layout=layout, device=settings.device)
    except DancePoseError as error:
        settings.problem = str(error)
        return
    info = regressor.info
    reads = ", ".join(markers.layout.name for markers in info.shared) or info.layout.name
    licence = info.licence.partition(". ")[0].rstrip(".")
    settings.regressor_found = f"{info.name}, on {regressor.provider}. Reads {reads}. Licence: {licence}."


def on_betas(settings: Any, context: bpy.types.Context) -> None:
    """The shape of a dancer, or of the next one, was changed by hand."""
    if _hushed[0]:
        return
    with quiet():
        settings.give_betas = True
    dancer = settings.id_data
    settings.problem = ""
    try:
        if not isinstance(dancer, bpy.types.Object):
            settings.height = height_of(chosen_body(settings, context), settings.betas, 1.0)
            return
        settings.height = shape_dancer(dancer, settings.betas, context.view_layer)
    except DancePoseError as error:
        settings.problem = str(error)


def rounded_betas(settings: Any) -> tuple[float, ...]:
    """What the sliders show: Blender gives small numbers more decimals than others, and rounded ones it does not."""
    return tuple(round(beta, SHOWN_DECIMALS) for beta in settings.betas)


def set_shown_betas(settings: Any, values: Iterable[float]) -> None:
    """The slider that was moved counts; the others keep what they have behind their last decimal."""
    pairs = zip(values, rounded_betas(settings), settings.betas, strict=True)
    settings.betas = [exact if abs(new - shown) < 1e-6 else new for new, shown, exact in pairs]


def on_overlay(_settings: Any, context: bpy.types.Context) -> None:
    """Draw the views again."""
    if context.screen is not None:
        for area in context.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def chosen_body(settings: Any, context: bpy.types.Context) -> BodyModel:
    """The body of the settings, of the preferences, or the one shipped."""
    chosen = Path(bpy.path.abspath(settings.body)) if settings.body else preferred(context, "body")
    return load_body(chosen)


def own_regressor(settings: Any) -> Path | None:
    """The regressor file of the settings, where one is chosen."""
    return Path(bpy.path.abspath(settings.regressor)) if settings.regressor else None


def find_regressor(own: Path | None, folder: Path | None, layout: str) -> Path | None:
    """The chosen file or, of the preferences' folder, the one called after the layout; None: the one shipped."""
    if own is not None or folder is None:
        return own
    named = folder / f"{Path(layout).stem}.onnx"
    return named if named.is_file() else None


def shape_dancer(dancer: bpy.types.Object, betas: Iterable[float], view_layer: bpy.types.ViewLayer) -> float:
    """Give a dancer another shape, in the scene and in its record. Returns its height in metres; raises as
    ``set_shape`` and ``body_of`` do."""
    record = read_record(dancer)
    body = body_of(record)
    values = np.array(padded(betas)[: body.beta_count], np.float32)
    set_shape(dancer, body, betas=values, scale=record.scale, view_layer=view_layer)
    write_record(dancer, record.with_betas(values.tolist()))
    return height_of(body, values, record.scale)


def padded(betas: Iterable[float]) -> tuple[float, ...]:
    """As many as the sliders are; those that are missing are those of the mean shape."""
    return (*betas, *(0.0,) * 10)[:10]


def height_of(body: BodyModel, betas: Any, scale: float) -> float:
    """Of the body in its T-pose, metres."""
    vertices = body.rest_vertices(np.array(betas[: body.beta_count], np.float32))
    return float(scale * np.ptp(vertices[:, 1]))
