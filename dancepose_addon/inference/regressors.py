# SPDX-License-Identifier: Apache-2.0
"""Opening a regressor file on the best device that this machine truly has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import logging
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.bounded_files import brief, read_whole
from ..core.errors import FormatError, OptionError, RegressorError
from ..core.fit.regressor import (
    INPUT_NAME,
    LAYOUT_INPUT_NAME,
    METADATA_KEY,
    OUTPUT_NAME,
    PoseRegressor,
    RegressorInfo,
)
from ..core.fit.rest_pose_regressor import rest_pose_regressor
from ..core.printable_text import quoted, shown_name
from ..core.skeleton.layouts import get_layout
from ..core.skeleton.mapping import for_one_of
from ..core.skeleton.sequence import KeypointSequence
from .cuda_check import explain_no_cuda
from .numpy_session import NumpySession, require_operators
from .onnx_file import parse_model
from .onnxruntime_session import OnnxruntimeSession, import_onnxruntime, offers_cuda

LOGGER: Final = logging.getLogger(__name__)

DEVICES: Final = ("auto", "cuda", "cpu", "numpy")
REGRESSOR_FOLDER: Final = Path(__file__).parents[1] / "assets" / "regressors"
SHARED_FILE: Final = "shared.onnx"
"""One network for all layouts that have no separate file."""
MAX_FILE_BYTES: Final = 256 * 1024 * 1024

Session: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class FileRegressor:
    """A regressor opened from a file: ``core.fit.regressor.PoseRegressor``.

    Attributes:
        info: What the file states about itself.
        provider: What it runs on: "CUDA", "CPU" or "NumPy".
        source: Name of the file.
        session: Runs the graph.
    """

    info: RegressorInfo
    provider: str
    source: str
    session: Session = field(repr=False)

    def __call__(self, keypoints_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute local rotations.

        Args:
            keypoints_m: (T, K, 3), metres, SMPL axes.

        Returns:
            (T, 24, 3, 3), local rotations.

        Raises:
            RegressorError: The points are not the layout's, or the graph fails.
        """
        expected = (len(keypoints_m), self.info.layout.count, 3)
        if keypoints_m.shape != expected:
            raise RegressorError(
                f"{self.source} reads {self.info.layout.name}, (frames, {expected[1]}, 3); it was given points of "
                f"shape {keypoints_m.shape}. Choose a regressor for these points."
            )
        points = np.ascontiguousarray(keypoints_m, np.float32)
        if self.info.input_count > expected[1]:
            points = np.pad(points, ((0, 0), (0, self.info.input_count - expected[1]), (0, 0)))
        result = self.session(points)
        if result.shape != (len(keypoints_m), 24, 3, 3):
            raise RegressorError(
                f"{self.source} gave {OUTPUT_NAME} of shape {result.shape}; expected ({len(keypoints_m)}, 24, 3, 3). "
                "Export it again with `dancepose export`."
            )
        return result


def open_regressor(path: Path | str | None, *, layout: str = "md23", device: str = "auto") -> PoseRegressor:
    """Open a regressor file.

    Args:
        path: Of the file; None for the layout's default.
        layout: Layout that it has to read.
        device: ``auto`` takes CUDA where a session starts on it, then the processor, then NumPy; ``cuda`` refuses
            anything else; ``cpu`` falls back to NumPy; ``numpy`` needs no onnxruntime. The result's ``provider`` says
            what runs.

    Returns:
        The regressor.

    Raises:
        MissingFileError: There is no such file.
        LayoutError: There is no such layout.
        OptionError: There is no such device.
        RegressorError: The file breaks the contract of ``core.fit.regressor``, reads another layout, or the device is
            not available.
    """
    if device not in DEVICES:
        raise OptionError(f"There is no device {quoted(device)}; choose one of {', '.join(DEVICES)}.")
    chosen = _default_file(layout) if path is None else Path(path)
    data = _read(chosen)
    source = chosen.name
    model = parse_model(data, source)
    info = RegressorInfo.from_json(model.metadata.get(METADATA_KEY), source, layout)
    selector = info.selector
    fixed = {} if selector is None else {LAYOUT_INPUT_NAME: selector}
    require_operators(model, source, inputs=1 + len(fixed))
    if model.inputs != (INPUT_NAME, *fixed) or model.outputs != (OUTPUT_NAME,):
        raise RegressorError(
            f"{source} takes {_names(model.inputs)} and gives {_names(model.outputs)}; expected "
            f"{', '.join((INPUT_NAME, *fixed))} and {OUTPUT_NAME}. Export it with `dancepose export`."
        )
    # Before any runtime sees the file: the others reserve whatever a graph asks for.
    trial = NumpySession(model, source, fixed)
    trial.require_bounded((info.input_count, 3))
    failures: list[str] = []
    for provider, session in _sessions(trial, data, device, failures, fixed):
        regressor = FileRegressor(info, provider, source, session)
        try:
            _try_out(regressor)
        except RegressorError:
            raise
        except Exception as error:  # onnxruntime's own errors share no base class
            failures.append(f"{provider}: {brief(error)}")
            continue
        for failure in failures:
            LOGGER.warning("%s runs on %s; passed over %s", source, provider, failure)
        return regressor
    if device == "cuda":
        reason = explain_no_cuda(import_onnxruntime())
        raise RegressorError(f"{source} cannot run on CUDA here: {reason}. Or choose device auto.")
    raise RegressorError(f"{source} cannot run on {device} here ({'; '.join(failures)}). Choose device auto.")


def open_for(
    sequence: KeypointSequence, path: Path | None = None, *, device: str = "auto"
) -> tuple[KeypointSequence, PoseRegressor]:
    """Open a regressor for a motion.

    Where no regressor of the motion's own layout is bundled, one is taken whose points the motion has as well. Where
    there is none, poses come from geometry alone.

    Args:
        sequence: The motion.
        path: Of the file; None for a bundled one.
        device: As for ``open_regressor``.

    Returns:
        The motion in the layout that the regressor reads, and the regressor.

    Raises:
        RegressorError: There is none, or see ``open_regressor``.
    """
    if path is None:
        sequence = for_one_of(sequence, shipped_layouts())
        if sequence.layout.name not in shipped_layouts():
            return sequence, rest_pose_regressor(sequence.layout)
    return sequence, open_regressor(path, layout=sequence.layout.name, device=device)


def _names(values: Sequence[str]) -> str:
    return ", ".join(map(shown_name, values[:4])) or "nothing"


def _default_file(layout: str) -> Path:
    path = REGRESSOR_FOLDER / f"{Path(get_layout(layout).name).stem}.onnx"
    if not path.is_file() and layout in layouts_of(REGRESSOR_FOLDER / SHARED_FILE):
        return REGRESSOR_FOLDER / SHARED_FILE
    if not path.is_file():
        shipped = ", ".join(shipped_layouts()) or "none"
        raise RegressorError(
            f"No regressor for layout {layout} is shipped (there are: {shipped}). Give a file, trained with "
            "`dancepose train` and written with `dancepose export`."
        )
    return path


def shipped_layouts() -> tuple[str, ...]:
    """Return the layouts that a regressor is bundled for."""
    own = {file.stem for file in REGRESSOR_FOLDER.glob("*.onnx") if file.name != SHARED_FILE}
    return tuple(sorted(own | set(layouts_of(REGRESSOR_FOLDER / SHARED_FILE))))


def layouts_of(path: Path) -> tuple[str, ...]:
    """Return the layouts that a file reads; none where there is no such file.

    Args:
        path: Of the file.

    Raises:
        RegressorError: The file is damaged.
    """
    if not path.is_file():
        return ()
    info = RegressorInfo.from_json(parse_model(_read(path), path.name).metadata.get(METADATA_KEY), path.name)
    return tuple(markers.layout.name for markers in info.shared) or (info.layout.name,)


def _read(path: Path) -> bytes:
    try:
        return read_whole(path, limit_bytes=MAX_FILE_BYTES, what="an ONNX regressor")
    except FormatError as error:
        raise RegressorError(f"{error} Give a file that `dancepose export` wrote.") from error


def _sessions(
    trial: NumpySession,
    data: bytes,
    device: str,
    failures: list[str],
    fixed: Mapping[str, NDArray[np.float32]],
) -> Iterator[tuple[str, Session]]:
    """Yield sessions from the best device on; what does not start is added to ``failures``."""
    onnxruntime = None if device == "numpy" else import_onnxruntime()
    if device in ("auto", "cuda", "cpu") and onnxruntime is None:
        failures.append("onnxruntime, which is not installed or does not load")
    wanted = []
    if onnxruntime is not None:
        if device in ("auto", "cuda") and offers_cuda(onnxruntime):
            wanted.append(True)
        if device in ("auto", "cpu"):
            wanted.append(False)
        for cuda in wanted:
            try:
                session = OnnxruntimeSession(onnxruntime, data, fixed, cuda=cuda)
            except Exception as error:  # onnxruntime's own errors share no base class
                failures.append(f"{'CUDA' if cuda else 'CPU'}: {brief(error)}")
                continue
            if cuda and session.provider != "CUDA":
                failures.append("CUDA: onnxruntime started without it")
                continue
            yield session.provider, session
    if device != "cuda":
        yield "NumPy", trial


def _try_out(regressor: FileRegressor) -> None:
    """Run two random frames: a file or a device that fails should fail at opening."""
    count = regressor.info.layout.count
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (2, count, 3)).astype(np.float32)
    if not np.isfinite(regressor(points)).all():
        raise RegressorError(
            f"{regressor.source} gives NaN or infinite rotations: its weights are damaged. Export it again with "
            "`dancepose export`."
        )
