# SPDX-License-Identifier: Apache-2.0
"""What can run regressors on this machine, found by running one."""

from pathlib import Path
import platform
import time
from typing import Final

import numpy as np

from ..core.body.model_io import load_body
from ..core.checklist import BAD, NOTE, OK, Check
from ..core.errors import DancePoseError
from ..core.skeleton.layouts import LAYOUTS
from .cuda_check import explain_no_cuda
from .onnxruntime_session import environment_in_use, import_onnxruntime
from .regressors import REGRESSOR_FOLDER, open_regressor, shipped_layouts

FRAMES: Final = 1024
"""Of the clip that a device is timed with."""
DEVICES: Final = (("cuda", "on CUDA"), ("cpu", "on CPU"), ("numpy", "on NumPy"))


def check_runtime(body: Path | None = None, regressors: Path | None = None) -> list[Check]:
    """Check Python, NumPy, onnxruntime and the devices that it truly runs on, the body and the regressors.

    Args:
        body: An SMPL-format file to check; None for the default.
        regressors: A folder of the user's own regressors, or None.

    Returns:
        The findings.
    """
    checks = [
        Check("system", OK, f"{platform.system()} {platform.release()}, {platform.machine()}"),
        Check("Python", OK, platform.python_version()),
        Check("NumPy", OK, np.__version__),
        _onnxruntime(),
    ]
    checks += [_device(device, title) for device, title in DEVICES]
    checks += [_body(body), _shipped()]
    return checks + ([_folder(regressors)] if regressors is not None else [])


def _onnxruntime() -> Check:
    module = import_onnxruntime()
    environment = environment_in_use()
    where = f", from {environment}" if environment else ""
    if module is None:
        advice = "Regressors run on NumPy, which is as fast on the processor; only a GPU needs onnxruntime."
        return Check("onnxruntime", NOTE, f"none that loads{where}.", advice)
    found = f"{module.__version__}{where}, {module.__file__}"
    return Check("onnxruntime", OK, found)


def _device(device: str, title: str) -> Check:
    """Run the regressor on a device, since what onnxruntime lists need not start."""
    try:
        regressor = open_regressor(None, layout="md23", device=device)
        points = np.random.default_rng(0).normal(0.0, 0.4, (FRAMES, 23, 3)).astype(np.float32)
        regressor(points)
        clock = time.perf_counter()
        regressor(points)
        spent_ms = 1000.0 * (time.perf_counter() - clock)
    except DancePoseError as error:
        if device == "cuda":
            return Check(title, NOTE, "does not run.", f"{explain_no_cuda(import_onnxruntime())}.")
        return Check(title, BAD, "does not run.", str(error))
    rate = f"{spent_ms:.0f} ms for {FRAMES} frames"
    if device == "cpu" and regressor.provider != "CPU":
        return Check(title, NOTE, f"{rate}, on {regressor.provider} instead of onnxruntime")
    return Check(title, OK, rate)


def _body(path: Path | None) -> Check:
    try:
        body = load_body(path)
    except DancePoseError as error:
        return Check("body", BAD, "cannot be used.", str(error))
    return Check("body", OK, f"{body.name}, {len(body.v_template_m)} vertices, {body.licence}")


def _shipped() -> Check:
    try:
        return Check("regressors", OK, f"shipped for {', '.join(shipped_layouts())}")
    except DancePoseError as error:
        return Check("regressors", BAD, f"{REGRESSOR_FOLDER} is damaged.", str(error))


def _folder(folder: Path) -> Check:
    if not folder.is_dir():
        return Check("own regressors", BAD, f"{folder} is no folder.", "Choose another in the preferences.")
    files = sorted(folder.glob("*.onnx"))
    if not files:
        return Check("own regressors", NOTE, f"{folder} holds no .onnx file.")
    wrong = []
    other = [file.name for file in files if file.stem not in LAYOUTS]
    for file in (file for file in files if file.stem in LAYOUTS):
        try:
            open_regressor(file, layout=file.stem, device="numpy")
        except DancePoseError as error:
            wrong.append(str(error))
    if wrong:
        return Check("own regressors", BAD, f"{len(wrong)} of {len(files)} in {folder} cannot be used.", wrong[0])
    if other:
        said = f"{other[0]} in {folder} is not used: files here have the names of layouts, such as md23.onnx."
        return Check("own regressors", NOTE, said, "Rename it, or give it with --regressor.")
    return Check("own regressors", OK, f"{len(files)} in {folder}")
