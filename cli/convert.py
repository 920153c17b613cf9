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
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.fit.pose.levenberg_marquardt import REFINE_STEPS
from dancepose_addon.core.fit.settings import settings_from
from dancepose_addon.core.io.frame_rate import resample_motion
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.io.theta import pelvis_places
from dancepose_addon.core.io.writers.aist import write_aist
from dancepose_addon.core.io.writers.amass import write_amass
from dancepose_addon.core.io.writers.bvh import write_bvh
from dancepose_addon.core.io.writers.points import write_csv, write_npy, write_npz
from dancepose_addon.core.skeleton.layouts import SMPL24, get_layout
from dancepose_addon.core.skeleton.mapping import to_layout
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.core.skeleton.resampling import resample
from dancepose_addon.core.skeleton.sequence import KeypointSequence, validate
from dancepose_addon.inference import open_for

from .arguments import (
    BodyOption,
    DeviceOption,
    FpsOption,
    FramesOption,
    LayoutOption,
    ReadOption,
    RefineOption,
    RegressorOption,
    parse_frames,
)
from .display import list_results, progress_bar
from .source_folders import expand, for_each
from .worker import run_headless

THETA: Final = ("npz", "smpl", "smplh", "smplx", "pkl", "bvh")
SCENES: Final = ("fbx", "glb", "usd", "usda", "usdc", "abc")
POINTS: Final = ("npy", "csv", "points")
FORMATS: Final = (*THETA, *SCENES, *POINTS)
SUFFIX_OF: Final = {"smpl": "npz", "smplh": "npz", "smplx": "npz", "points": "npz"}
FORMAT_HELP: Final = (
    "npz: ours, AMASS-style; smpl, smplh, smplx: AMASS for others' loaders; pkl: AIST++; bvh; fbx, glb, usd, abc: "
    "through Blender; npy, csv, points (.npz): key-points. By default what OUT's suffix says."
)


@dataclass(frozen=True)
class Wanted:
    """What is to be written, and how it is come by."""

    form: str
    layout: str | None
    fps: float | None
    frames: tuple[int, int | None] | None
    body: BodyModel
    body_path: Path | None
    regressor: Path | None
    device: str
    refine: int
    blender: Path | None
    hints: Hints


def convert(
    sources: Annotated[
        list[str], typer.Argument(metavar="IN... OUT", help="Motion files, folders or patterns; then a file or folder.")
    ],
    to: Annotated[str | None, typer.Option("--to", metavar="FORMAT", help=FORMAT_HELP)] = None,
    layout_out: Annotated[
        str | None, typer.Option("--layout-out", help="Layout of key-points that are written; by default their own.")
    ] = None,
    fps_out: Annotated[
        float | None, typer.Option("--fps-out", min=0.1, help="Frames per second to resample to.")
    ] = None,
    frames: FramesOption = None,
    layout: LayoutOption = None,
    fps: FpsOption = None,
    regressor: RegressorOption = None,
    body: BodyOption = None,
    device: DeviceOption = None,
    refine: RefineOption = REFINE_STEPS,
    read: ReadOption = None,
    blender: Annotated[Path | None, typer.Option(help="A Blender program, instead of the bpy wheel.")] = None,
) -> None:
    """Convert motions: key-points to key-points, theta to anything; key-points to theta by fitting a body."""
    if len(sources) < 2:
        raise typer.BadParameter("Give what to convert, and then where to write it.")
    out, paths = Path(sources[-1]), expand(sources[:-1])
    to_folder = len(paths) > 1 or out.is_dir() or not out.suffix
    form = (to or out.suffix.removeprefix(".")).lower()
    if form not in FORMATS:
        raise typer.BadParameter(
            f"{form or 'nothing'!r} is no format that is written; choose --to {', '.join(FORMATS)}."
        )
    wanted = Wanted(
        form=form,
        layout=layout_out,
        fps=fps_out,
        frames=parse_frames(frames),
        body=load_body(body),
        body_path=body,
        regressor=regressor,
        device=device or "auto",
        refine=refine,
        blender=blender,
        hints=Hints(layout=layout, fps=fps).with_text(read),
    )
    names = _out_names(paths, out, SUFFIX_OF.get(form, form)) if to_folder else {paths[0]: out}

    def work(path: Path) -> None:
        _convert_one(path, names[path], wanted)
        list_results({path.name: names[path]})

    for_each(paths, work)


def _out_names(paths: list[Path], folder: Path, suffix: str) -> dict[Path, Path]:
    """A file in ``folder`` for each path; those of one name get their folder's name before it."""
    stems = [path.name if path.is_dir() else path.stem for path in paths]
    result: dict[Path, Path] = {}
    for path, stem in zip(paths, stems, strict=True):
        name = stem if stems.count(stem) == 1 else f"{path.parent.name}_{stem}"
        out = folder / f"{name}.{suffix}"
        number = 2
        while out in result.values():
            out, number = folder / f"{name}_{number}.{suffix}", number + 1
        result[path] = out
    return result


def _convert_one(path: Path, out: Path, wanted: Wanted) -> None:
    opened = open_source(path, body=wanted.body, frames=wanted.frames, hints=wanted.hints)
    notes = opened.notes if isinstance(opened, KeypointSequence) else tuple(opened.provenance["notices"])
    for note in notes:
        typer.echo(f"Note: {path.name}: {note}", err=True)
    if wanted.form in POINTS:
        _write_points(_points_of(opened, wanted), out, wanted)
        return
    motion = opened if isinstance(opened, BodyMotion) else _fitted(opened, wanted)
    if wanted.fps is not None:
        motion = resample_motion(motion, wanted.fps)
    _write_theta(motion, out, wanted)


def _points_of(opened: KeypointSequence | BodyMotion, wanted: Wanted) -> KeypointSequence:
    """Key-points in the layout that is asked for; those of theta are the body's own."""
    if isinstance(opened, KeypointSequence):
        return opened if wanted.layout is None else to_layout(opened, get_layout(wanted.layout))
    layout = SMPL24 if wanted.layout is None else get_layout(wanted.layout)
    rest = wanted.body.rest_joints(opened.betas)
    points = keypoints_from_pose(
        markers_for(layout), rest, opened.pose_rotmat, opened.translation_m, scale=opened.scale
    )
    return KeypointSequence(points, opened.fps, layout, source=str(opened.provenance.get("source", "")))


def _write_points(sequence: KeypointSequence, out: Path, wanted: Wanted) -> None:
    chosen = sequence if wanted.fps is None else resample(sequence, wanted.fps)
    writers: dict[str, Callable[[KeypointSequence, Path], None]] = {
        "npy": write_npy,
        "csv": write_csv,
        "points": write_npz,
    }
    writers[wanted.form](chosen, out)
    if wanted.form == "npy":
        typer.echo(f"Note: {out.name} cannot say that it has {chosen.fps:g} frames a second.", err=True)


def _fitted(sequence: KeypointSequence, wanted: Wanted) -> BodyMotion:
    chosen, regressor = open_for(validate(sequence), wanted.regressor, device=wanted.device)
    settings = settings_from(refine=wanted.refine)
    with progress_bar() as display:
        result = fit(chosen, regressor=regressor, body=wanted.body, settings=settings, progress=display.progress)
    return result.motion


def _write_theta(motion: BodyMotion, out: Path, wanted: Wanted) -> None:
    if wanted.form == "npz":
        motion.save(out, rest_pelvis_m=pelvis_places(motion, wanted.body)[0] - motion.translation_m[0])
    elif wanted.form in ("smpl", "smplh", "smplx"):
        write_amass(motion, wanted.body, out, model=wanted.form)
    elif wanted.form == "pkl":
        write_aist(motion, out)
    elif wanted.form == "bvh":
        write_bvh(motion, wanted.body, out)
    else:
        _through_blender(motion, out, wanted)


def _through_blender(motion: BodyMotion, out: Path, wanted: Wanted) -> None:
    """A rig in a Blender process, with a key a frame, and its exporter."""
    with TemporaryDirectory() as folder, progress_bar() as display:
        between = Path(folder) / "motion.npz"
        motion.save(between, rest_pelvis_m=pelvis_places(motion, wanted.body)[0] - motion.translation_m[0])
        arguments = [str(between), f"--export={out}", f"--fps-out={motion.fps}", f"--work={folder}"]
        arguments += [f"--body={wanted.body_path}"] * (wanted.body_path is not None)
        run_headless(arguments, blender=wanted.blender, display=display)
