# SPDX-License-Identifier: Apache-2.0
"""The body of another clip: one dancer keeps one figure."""

from pathlib import Path

import numpy as np

from ...body.model import BodyModel
from ...body.motion import BodyMotion
from ...errors import InputError
from ...skeleton.markers import MarkerSet
from .from_lengths import Shape


def shape_from_motion(path: Path, markers: MarkerSet, body: BodyModel) -> Shape:
    """Take betas and scale from a motion file.

    Args:
        path: a motion that a fit wrote.
        markers: attachment of the layout's points.
        body: the body that the new motion uses.

    Returns:
        The shape, without a residual, since nothing was solved.

    Raises:
        MissingFileError: the file does not exist.
        FormatError: the file is not a motion.
        InputError: the file has more betas than the body.
    """
    motion = BodyMotion.load(path)
    if len(motion.betas) > body.beta_count:
        raise InputError(
            f"{path} has {len(motion.betas)} betas; the body has {body.beta_count}. Give a motion of this body."
        )
    betas = np.zeros(body.beta_count, np.float32)
    betas[: len(motion.betas)] = motion.betas
    return Shape(betas, float(motion.scale), markers)
