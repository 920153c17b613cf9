# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits of a study's clips, for every study worker."""

import hashlib
import json

import numpy as np

from .core.body.model_io import load_body
from .core.errors import InputError
from .core.fit.pipeline import FitResult
from .core.io.read_options import ReadOptions
from .core.messages import DoneReply, FitRequest
from .fitting import fit_file


def fit_clip(request: FitRequest) -> DoneReply:
    """Fit one clip and write its motion and report.

    Raises:
        InputError: The source cannot be used, or is too short.
    """
    result = fit_file(
        request.source,
        body=load_body(request.body),
        hints=ReadOptions(layout=request.layout, fps=request.fps, read=request.read).hints(),
        regressor=request.regressor,
        device=request.device,
        settings=request.settings,
    )
    duration_s, fps = result.sequence.duration_s, result.sequence.fps
    # The last key may lie one frame of either rate before the end.
    if duration_s + max(1.0 / fps, 1.0 / request.video_fps) < request.min_duration_s:
        raise InputError(
            f"{request.source} lasts {duration_s:.2f} s; the study needs {request.min_duration_s:.2f} s of it. "
            "Shorten length_s or segments, or give a longer clip."
        )
    standing = result.ground.contact.any(axis=(1, 2)).mean()
    result.report["contact_share"] = round(float(standing), 4)
    result.save(request.motion)
    result.save_report(request.report)
    return DoneReply(id=request.id, seconds=0.0, digest=_digest_of(result), notices=tuple(result.report["notices"]))


def _digest_of(result: FitResult) -> str:
    motion = result.motion
    digest = hashlib.blake2b(digest_size=8)
    for array in (motion.pose_rotmat, motion.translation_m, motion.betas):
        digest.update(np.ascontiguousarray(array).data)
    digest.update(json.dumps([motion.scale, motion.fps, result.report["floor_m"]]).encode())
    return digest.hexdigest()
