# SPDX-License-Identifier: Apache-2.0
"""The functions of the public API, with defaults for everything that has one."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from dancepose_addon import fitting
from dancepose_addon.core.body import model_io
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.pipeline import FitResult
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.output_paths import Output, require_outputs
from dancepose_addon.core.picture_options import parse_size
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from .blender_process import run_headless

PathLike: TypeAlias = str | Path


def load_body(path: PathLike | None = None) -> BodyModel:
    """Load an SMPL-format body.

    Args:
        path: The body's .npz or .pkl file, which is opened without executing anything in it; None for the bundled
            CC0 body.

    Returns:
        The body: template, shape space, joints, weights.

    Raises:
        BodyFileError: The file is not an SMPL-format body.
    """
    return model_io.load_body(None if path is None else Path(path))


def read(
    path: PathLike,
    *,
    layout: str | None = None,
    fps: float | None = None,
    frames: tuple[int, int | None] | None = None,
    hints: str | None = None,
    body: BodyModel | None = None,
) -> KeypointSequence | BodyMotion:
    """Read a motion file of any supported format.

    Args:
        path: The file, or the folder of an M&D clip.
        layout: Skeleton layout, a name or the path of a .toml file; None to detect it.
        fps: Frames per second; None to take them from the file.
        frames: First frame, and one past the last or None for the end; None for all.
        hints: What the file leaves open, as of ``--read``: for example ``"unit=cm,up=z"``.
        body: Body that receives SMPL rotations; None for the bundled one.

    Returns:
        Keypoints in metres in SMPL's axes (y up), or SMPL parameters if the file holds rotations.

    Raises:
        InputError: The file cannot be used; the message says why.
    """
    options = ReadOptions(layout=layout, fps=fps, read=hints)
    return open_source(_path_of(path), body=body or load_body(), frames=frames, hints=options.hints())


def fit(
    motion: KeypointSequence | BodyMotion,
    *,
    body: BodyModel | None = None,
    regressor: PathLike | PoseRegressor | None = None,
    device: str = "auto",
    settings: FitSettings = FitSettings(),
    progress: Progress = silent,
) -> FitResult:
    """Fit a body to keypoints; SMPL rotations are used as they are.

    Args:
        motion: Keypoints, or SMPL parameters on ``body``.
        body: Body to fit; None for the bundled one.
        regressor: An ONNX file or an opened regressor; None for the bundled one of the layout.
        device: What the regressor runs on: ``auto``, ``cuda``, ``cpu`` or ``numpy``.
        settings: Settings of the fit.
        progress: Called with the fraction done, in [0, 1], and the current step.

    Returns:
        The fitted motion with errors, contacts and a report.

    Raises:
        InputError: The keypoints cannot be used, or a setting does not apply to rotations.
        RegressorError: There is no regressor for the layout, or it cannot run on the device.
    """
    chosen = Path(regressor) if isinstance(regressor, str) else regressor
    return fitting.fit_opened(
        motion, body=body or load_body(), regressor=chosen, device=device, settings=settings, progress=progress
    )


def fit_file(
    path: PathLike,
    *,
    layout: str | None = None,
    fps: float | None = None,
    frames: tuple[int, int | None] | None = None,
    hints: str | None = None,
    settings: FitSettings = FitSettings(),
    body: BodyModel | None = None,
) -> FitResult:
    """Read a motion file and fit a body to it, in one step.

    Args:
        path: The file, or the folder of an M&D clip.
        layout: Skeleton layout, a name or the path of a .toml file; None to detect it.
        fps: Frames per second; None to take them from the file.
        frames: First frame, and one past the last or None for the end; None for all.
        hints: What the file leaves open, as of ``--read``: for example ``"unit=cm,up=z"``.
        settings: Settings of the fit.
        body: Body to fit; None for the bundled one.

    Returns:
        The fitted motion with errors, contacts and a report.

    Raises:
        InputError: The file cannot be used; the message says why.
        RegressorError: There is no regressor for the layout.
    """
    options = ReadOptions(layout=layout, fps=fps, read=hints)
    return fitting.fit_file(
        _path_of(path), body=body or load_body(), hints=options.hints(), frames=frames, settings=settings
    )


def _path_of(path: object) -> Path:
    """The path of a motion file. Raises InputError for anything that is no path."""
    if isinstance(path, str | Path) and str(path):
        return Path(path)
    raise InputError(f"{path!r:.60} is not a path. Give the path of a motion file, as a string or a Path.")


def render(
    motion: BodyMotion | FitResult | PathLike,
    out: PathLike,
    *,
    body: PathLike | None = None,
    engine: str = "auto",
    size: tuple[int, int] = (640, 640),
    fps: float = 25.0,
    blender: PathLike | None = None,
    progress: Progress = silent,
) -> Path:
    """Render a video in a Blender process (the bpy wheel or a Blender program), or here by the fast engine.

    Args:
        motion: A motion, a fit, or a motion file. Only a file brings its music along.
        out: Video to write, .mp4; by the fast engine also .gif.
        body: SMPL-format body file; None for the bundled body.
        engine: ``cycles``, ``workbench``, ``fast`` (without Blender), or ``auto`` for Blender's best that starts here.
        size: Width and height in pixels, both even.
        fps: Frames per second of the video. The motion keeps its speed.
        blender: A Blender program; None for the bpy wheel or a Blender on PATH.
        progress: Called with the fraction done, in [0, 1], and the current step.

    Returns:
        The path of the video.

    Raises:
        InputError: The motion cannot be used, or an argument is not possible.
        EngineError: There is no Blender, or no render engine starts; or OpenGL is missing.
        OutputError: The video cannot be written.
    """
    target = Path(out)
    try:
        parse_size(f"{size[0]}x{size[1]}")
    except ValueError as error:
        raise InputError(f"{error}. Give another size.") from None
    if not 1.0 <= fps <= 240.0:
        raise InputError(f"{fps!r} is not a frame rate from 1 to 240. Give another one.")
    suffixes = (".mp4", ".gif") if engine == "fast" else (".mp4",)
    require_outputs([Output("out", target, suffixes)], _inputs_of(motion, body))
    if isinstance(motion, FitResult | BodyMotion):
        (motion.motion if isinstance(motion, FitResult) else motion).require_usable()
    if engine == "fast":
        _render_fast(motion, target, body=body, size=size, fps=fps, progress=progress)
        return target
    arguments = [f"--out={target}", f"--engine={engine}", f"--size={size[0]}x{size[1]}", f"--fps-out={fps}"]
    arguments += [] if body is None else [f"--body={body}"]
    with TemporaryDirectory() as folder:
        source = Path(folder) / "motion.npz"
        if isinstance(motion, FitResult | BodyMotion):
            if isinstance(motion, FitResult):
                motion = motion.motion
            motion.save(source, load_body(body))
        elif Path(motion).exists():
            source = Path(motion)
        else:
            raise InputError(f"{motion} does not exist. Give a motion, a fit, or the path of a motion file.")
        program = None if blender is None else Path(blender)
        run_headless([str(source), *arguments], blender=program, progress=progress)
    return target


def _inputs_of(motion: BodyMotion | FitResult | PathLike, body: PathLike | None) -> list[Path]:
    """Return the files that a render reads, or that its motion was read from."""
    found = [] if body is None else [Path(body)]
    if isinstance(motion, FitResult):
        found += motion.source_files
    elif not isinstance(motion, BodyMotion):
        found.append(Path(motion))
    return [path for path in found if path.exists()]


def _render_fast(
    motion: BodyMotion | FitResult | PathLike,
    out: Path,
    *,
    body: PathLike | None,
    size: tuple[int, int],
    fps: float,
    progress: Progress,
) -> None:
    from .fast_render import render_fast
    from .film_request import Dancer, FilmRequest, dancer_of

    chosen = load_body(body)
    if not isinstance(motion, FitResult | BodyMotion):
        motion = fit_file(motion, body=chosen)
    if isinstance(motion, FitResult):
        dancer, duration_s, audio = dancer_of(motion), motion.sequence.duration_s, motion.sequence.audio
    else:
        dancer, duration_s, audio = Dancer(chosen, motion), len(motion) / motion.fps, None
    render_fast(FilmRequest((dancer,), duration_s, size, fps, audio), out, progress=progress)
