# SPDX-License-Identifier: Apache-2.0
"""``dancepose convert``: any motion that is read, as any that is written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import InputError, OptionError
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.frame_rate import resample_motion
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.io.writers.aist import FPS as AIST_FPS, write_aist
from dancepose_addon.core.io.writers.amass import write_amass
from dancepose_addon.core.io.writers.bvh import write_bvh
from dancepose_addon.core.io.writers.points import write_csv, write_npy, write_npz
from dancepose_addon.core.output_links import require_plain, resolved
from dancepose_addon.core.printable_text import escaped, shown_name
from dancepose_addon.core.retarget.gltf_header import character_files
from dancepose_addon.core.retarget.map_file import require_character
from dancepose_addon.core.skeleton.layouts import SMPL24, get_layout
from dancepose_addon.core.skeleton.mapping import to_layout
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for
from dancepose_addon.core.skeleton.resampling import resample
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.fitting import fit_opened, require_used

from .arguments import (
    BlenderOption,
    BodyOption,
    CharacterMapOption,
    CharacterOption,
    DeviceOption,
    RegressorOption,
    known_layout,
    number,
    with_options,
)
from .display import list_results, progress_bar
from .output_checks import check_files
from .renderer import run_renderer
from .source_folders import expand_sources, for_each

PARAMETERS: Final = ("npz", "smpl", "smplh", "smplx", "pkl", "bvh")
SCENES: Final = ("fbx", "glb", "usd", "usda", "usdc", "abc")
POINTS: Final = ("npy", "csv", "points")
FORMATS: Final = (*PARAMETERS, *SCENES, *POINTS)
SUFFIX_OF: Final = {"smpl": "npz", "smplh": "npz", "smplx": "npz", "points": "npz"}
FORMAT_HELP: Final = (
    "Write this format instead of the one of OUT's suffix. npz: DancePose, AMASS-style; smpl, smplh, smplx: AMASS for "
    "other loaders; pkl: AIST++; bvh; fbx, glb, usd, abc: through Blender; npy, csv, points (.npz): keypoints."
)

FLOOR_MOVED_M: Final = 0.05
"""A floor that is moved by less is not mentioned: soles are not known better in most files."""


@dataclass(frozen=True)
class Conversion:
    """What to write, and how.

    Attributes:
        form: Format, one of ``FORMATS``.
        layout: Layout of written keypoints, or None for their own.
        fps: Frames per second to resample to, or None.
        reading: Options of reading.
        body: Body of SMPL parameters.
        body_path: File of ``body``, or None for the bundled one.
        regressor: ONNX file, or None for the bundled one.
        device: What the regressor runs on.
        settings: Settings of the fit.
        blender: A Blender program, or None for the bpy wheel.
        character: File of a character whose bones are written instead of the body's, or None.
        character_map: The user's map of its bones, or None.
    """

    form: str
    layout: str | None
    fps: float | None
    reading: ReadOptions
    body: BodyModel
    body_path: Path | None
    regressor: Path | None
    device: str
    settings: FitSettings
    blender: Path | None
    character: Path | None = None
    character_map: Path | None = None


SourcesArgument = Annotated[
    list[str],
    typer.Argument(metavar="IN... OUT", help="Motion files, folders or glob patterns; then a file or folder."),
]
LayoutOutOption = Annotated[
    str | None,
    typer.Option("--layout-out", metavar="NAME", help="Convert written keypoints to this layout."),
]
FpsOutOption = Annotated[
    float | None,
    typer.Option(
        "--fps-out",
        parser=number("--fps-out", float, 0.1, 1000.0),
        metavar="F",
        help="Resample to this many frames per second.",
    ),
]


@with_options
def convert_command(
    sources: SourcesArgument,
    to: Annotated[str | None, typer.Option("--to", metavar="FORMAT", help=FORMAT_HELP)] = None,
    layout_out: LayoutOutOption = None,
    fps_out: FpsOutOption = None,
    reading: ReadOptions = ReadOptions(),
    regressor: RegressorOption = None,
    body: BodyOption = None,
    character: CharacterOption = None,
    character_map: CharacterMapOption = None,
    device: DeviceOption = None,
    settings: FitSettings = FitSettings(),
    blender: BlenderOption = None,
) -> None:
    """Convert motion files; from keypoints to SMPL parameters by fitting a body."""
    if len(sources) < 2:
        raise typer.BadParameter("Give the files to convert, and then the file or folder to write.")
    if not sources[-1]:
        raise InputError("The path of the output is empty. Give a file or a folder.")
    out, paths = Path(sources[-1]), expand_sources(sources[:-1])
    if len(paths) > 1 and out.suffix and not out.is_dir():
        raise InputError(
            f"{out} is a file name, but {len(paths)} motions are converted. Give a folder, and --to FORMAT."
        )
    to_folder = len(paths) > 1 or out.is_dir() or not out.suffix
    form = (to or out.suffix.removeprefix(".")).lower()
    if not form:
        raise typer.BadParameter(
            f"{escaped(str(out))} is taken for a folder, which names no format; choose --to {', '.join(FORMATS)}."
        )
    if form not in FORMATS:
        raise typer.BadParameter(f"{form!r} is not a format that can be written; choose --to {', '.join(FORMATS)}.")
    _require_effect(form, layout_out, character, fps_out, blender)
    require_character(character, character_map)
    suffix = SUFFIX_OF.get(form, form)
    names = _out_names(paths, out, suffix) if to_folder else {paths[0]: out}
    outputs = {f"The output of {shown_name(path.name, 200)},": (name, (f".{suffix}",)) for path, name in names.items()}
    inputs = (*paths, body, regressor, reading.layout, *character_files(character), character_map, *settings.files)
    check_files(outputs, inputs)
    if to_folder:
        require_plain(names.values(), out)
    wanted = Conversion(
        form=form,
        layout=layout_out,
        fps=fps_out,
        reading=reading,
        body=load_body(body),
        body_path=body,
        regressor=regressor,
        device=device or "auto",
        settings=settings,
        blender=blender,
        character=character,
        character_map=character_map,
    )

    def work(path: Path) -> None:
        _convert_one(path, names[path], wanted)
        list_results({path.name: names[path]})

    for_each(paths, work)


def _require_effect(
    form: str, layout_out: str | None, character: Path | None, fps_out: float | None, blender: Path | None
) -> None:
    """Refuse options that would have no effect on a format."""
    if layout_out is not None:
        if form not in POINTS:
            raise OptionError(f"--layout-out has no effect on --to {form}, which writes SMPL parameters. Remove it.")
        get_layout(known_layout(layout_out))
    if form == "pkl" and fps_out not in (None, AIST_FPS):
        raise OptionError(
            f"--fps-out {fps_out:g} has no effect on --to pkl: files of AIST++ have {AIST_FPS:g} frames per second. "
            "Remove it."
        )
    if blender is not None and form not in SCENES and character is None:
        raise OptionError(f"--blender has no effect on --to {form}, which needs no Blender. Remove it.")
    if character is not None and form not in (*SCENES, "bvh"):
        raise OptionError(
            f"--character has no effect on --to {form}: a character's dance is written as {', '.join(SCENES)} or bvh. "
            "Choose one of these, or remove --character."
        )


def _out_names(paths: list[Path], folder: Path, suffix: str) -> dict[Path, Path]:
    """Return a file in ``folder`` for each path; equal names get the name of their folder as a prefix."""
    stems = [path.name if path.is_dir() else path.stem for path in paths]
    result: dict[Path, Path] = {}
    for path, stem in zip(paths, stems, strict=True):
        name = stem if stems.count(stem) == 1 else f"{resolved(path).parent.name}_{stem}"
        out = folder / f"{name}.{suffix}"
        number = 2
        while out in result.values():
            out, number = folder / f"{name}_{number}.{suffix}", number + 1
        result[path] = out
    return result


def _convert_one(path: Path, out: Path, wanted: Conversion) -> None:
    reading = wanted.reading
    opened = open_source(path, body=wanted.body, frames=reading.frame_range(), hints=reading.hints())
    notes = opened.notes if isinstance(opened, KeypointSequence) else tuple(opened.provenance["notices"])
    for note in notes:
        typer.echo(escaped(f"Note: {path.name}: {note}"), err=True)
    if wanted.form in POINTS:
        if wanted.settings != FitSettings() or wanted.regressor is not None:
            raise OptionError(
                f"Options of the fit have no effect on --to {wanted.form}, which writes keypoints. Remove them."
            )
        _write_points(_points_of(opened, wanted), out, wanted)
        return
    motion = _fitted(opened, wanted)
    if wanted.fps is not None:
        motion = resample_motion(motion, wanted.fps)
    _write_parameters(motion, out, wanted)


def _points_of(opened: KeypointSequence | BodyMotion, wanted: Conversion) -> KeypointSequence:
    """Return keypoints in the wanted layout; those of SMPL parameters are computed from the body."""
    if isinstance(opened, KeypointSequence):
        return opened if wanted.layout is None else to_layout(opened, get_layout(wanted.layout))
    _note_floor(float(opened.provenance.get("floor_m", 0.0)))
    layout = SMPL24 if wanted.layout is None else get_layout(wanted.layout)
    rest = wanted.body.rest_joints(opened.betas)
    points = keypoints_from_pose(
        markers_for(layout), rest, opened.pose_rotmat, opened.translation_m, scale=opened.scale
    )
    return KeypointSequence(points, opened.fps, layout, source=str(opened.provenance.get("source", "")))


def _note_floor(floor_m: float) -> None:
    """Mention that a motion is put on a floor of another height than the file's."""
    if abs(floor_m) >= FLOOR_MOVED_M:
        where = "above" if floor_m > 0.0 else "below"
        text = f"the floor of the file is {abs(floor_m):.2f} m {where} zero; the written motion is on a floor at zero."
        typer.echo(f"Note: {text}", err=True)


def _write_points(sequence: KeypointSequence, out: Path, wanted: Conversion) -> None:
    chosen = sequence if wanted.fps is None else resample(sequence, wanted.fps)
    writers: dict[str, Callable[[KeypointSequence, Path], None]] = {
        "npy": write_npy,
        "csv": write_csv,
        "points": write_npz,
    }
    writers[wanted.form](chosen, out)
    if wanted.form == "npy":
        typer.echo(f"Note: {out.name} does not store the frame rate, {chosen.fps:g} frames per second.", err=True)


def _fitted(opened: KeypointSequence | BodyMotion, wanted: Conversion) -> BodyMotion:
    with progress_bar() as display:
        result = fit_opened(
            opened,
            body=wanted.body,
            regressor=wanted.regressor,
            device=wanted.device,
            settings=wanted.settings,
            progress=display.progress,
        )
    _note_floor(float(result.report["floor_m"]))
    require_used(
        [result],
        regressor=wanted.regressor,
        device=wanted.device,
        keep_contacts=wanted.settings.keep_contacts,
    )
    return result.motion


def _write_parameters(motion: BodyMotion, out: Path, wanted: Conversion) -> None:
    if wanted.form == "npz":
        motion.save(out, wanted.body)
    elif wanted.form in ("smpl", "smplh", "smplx"):
        write_amass(motion, wanted.body, out, model=wanted.form)
    elif wanted.form == "pkl":
        write_aist(motion, out)
    elif wanted.form == "bvh" and wanted.character is None:
        write_bvh(motion, wanted.body, out)
    else:
        _through_blender(motion, out, wanted)


def _through_blender(motion: BodyMotion, out: Path, wanted: Conversion) -> None:
    """Write a rig with one key per frame, by a Blender process."""
    with TemporaryDirectory() as folder, progress_bar() as display:
        between = Path(folder) / "motion.npz"
        motion.save(between, wanted.body)
        arguments = [str(between), f"--export={out}", f"--fps-out={motion.fps}", f"--work={folder}"]
        files = {"--body": wanted.body_path, "--character": wanted.character, "--character-map": wanted.character_map}
        arguments += [f"{name}={path}" for name, path in files.items() if path is not None]
        run_renderer(arguments, blender=wanted.blender, display=display)
