# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits of a study's clips, for every study worker."""

import hashlib
import json

import numpy as np

from .core.body.model_io import load_body
from .core.body.people_file import save_people
from .core.errors import InputError
from .core.fit.pipeline import FitResult
from .core.io.read_options import ReadOptions
from .core.messages import DoneReply, FitRequest
from .fitting import fit_people


def fit_clip(request: FitRequest) -> DoneReply:
    """Fit one clip and write its motion and report.

    Raises:
        InputError: The source cannot be used, or is too short.
    """
    fits = fit_people(
        request.source,
        body=load_body(request.body),
        hints=ReadOptions(layout=request.layout, fps=request.fps, read=request.read).hints(),
        regressor=request.regressor,
        device=request.device,
        settings=request.settings,
    )
    result = fits[0]
    duration_s, fps = result.sequence.duration_s, result.sequence.fps
    # The last key may lie one frame of either rate before the end.
    if duration_s + max(1.0 / fps, 1.0 / request.video_fps) < request.min_duration_s:
        raise InputError(
            f"{request.source} lasts {duration_s:.2f} s; the study needs {request.min_duration_s:.2f} s of it. "
            "Shorten length_s or segments, or give a longer clip."
        )
    standing = result.ground.contact.any(axis=(1, 2)).mean()
    result.report["contact_share"] = round(float(standing), 4)
    if len(fits) > 1:
        result.report["other_persons"] = [fit.report for fit in fits[1:]]
    save_people([fit.motion for fit in fits], result.body, request.motion)
    result.save_report(request.report)
    return DoneReply(id=request.id, seconds=0.0, digest=_digest_of(fits), notices=tuple(result.report["notices"]))


def _digest_of(fits: list[FitResult]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for fit in fits:
        motion = fit.motion
        for array in (motion.pose_in(motion.tree), motion.translation_m, motion.betas):
            digest.update(np.ascontiguousarray(array).data)
        digest.update(json.dumps([motion.scale, motion.fps, fit.report["floor_m"]]).encode())
    return digest.hexdigest()
