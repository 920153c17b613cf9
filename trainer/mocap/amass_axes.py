# SPDX-License-Identifier: Apache-2.0
"""The axes of AMASS motions: z is up, unless the bodies say otherwise."""

from pathlib import Path

import numpy as np

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.io.theta import interpret_theta
from dancepose_addon.core.skeleton.doubt import require_sure
from dancepose_addon.core.skeleton.recording import NO_HINTS, PoseRecording


def up_of(local: F32, path: Path) -> tuple[str, str]:
    """Find the axis of an AMASS motion that is up.

    Args:
        local: (T, 24, 3, 3), local rotations, the root's in the axes of the file.
        path: Of the file, for messages.

    Returns:
        The axis, and a sentence where it is not z.

    Raises:
        DoubtError: The rotations are those of no person.
    """
    rotvec = rotmat_to_rotvec(local).astype(np.float64)
    recording = PoseRecording(rotvec, np.zeros((len(rotvec), 3)), "AMASS motion", str(path), up="z")
    up, _, findings = interpret_theta(recording)
    require_sure(tuple(one for one in findings if one.topic == "rotations"), None, str(path), NO_HINTS)
    return up, "" if up == "z" else f" Its up axis is {up}, not z as of AMASS."
