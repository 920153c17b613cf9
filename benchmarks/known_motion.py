"""Real motion with known theta: CMU recordings on the default body, and key-points of any layout computed from it.

Used by the benchmarks of the fit. Betas are drawn by the clip's number, one set per clip, so a fit that does not solve
for shape has larger errors.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose.trainer.mocap.cmu_retargeting import repair_flips, retarget
from dancepose.trainer.mocap.poses import Clip, level_subjects
from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.skeleton.layouts import Layout
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for
from dancepose_addon.core.skeleton.readers.bvh_grammar import parse_bvh
from dancepose_addon.core.skeleton.sequence import KeypointSequence

DATA: Final = Path(__file__).parents[2] / "shared" / "data"
FPS: Final = 30.0
BETAS_SPREAD: Final = 1.0


@dataclass(frozen=True)
class KnownMotion:
    """A clip whose body, pose and translation are known."""

    name: str
    motion: BodyMotion

    def seen(self, layout: Layout, body: BodyModel) -> KeypointSequence:
        """Return the clip's key-points of a layout, without any error."""
        motion = self.motion
        points = keypoints_from_pose(
            markers_for(layout), body.rest_joints(motion.betas), motion.pose_rotmat, motion.translation_m
        )
        return KeypointSequence(points, motion.fps, layout, source=self.name)


def load_known_motion(
    folder: Path, body: BodyModel, names: tuple[str, ...] = (), *, levelled: bool = True
) -> list[KnownMotion]:
    """Load recordings of a folder by name, or all of them. Flips of the capture solver are repaired or cut off.

    Args:
        folder: Folder of CMU's .bvh files.
        body: The body.
        names: Names of the recordings, or None for all.
        levelled: Remove the effect of marker placement on head and wrists, as for the poses that regressors are trained
            and
            evaluated on (``trainer.mocap.cmu_retargeting.level``).

    Returns:
        The clips.
    """
    clips, subjects = [], {}
    for number, path in enumerate(sorted(folder.glob("*.bvh"))):
        recording = parse_bvh(path)
        local, usable, _ = repair_flips(retarget(recording, body.rest_joints())[1:], recording.fps)
        step = max(1, round(recording.fps / FPS))
        start, end = _longest_run(usable)
        pose = np.ascontiguousarray(local[start:end:step])
        if len(pose) < 60:
            continue
        betas = np.random.default_rng(number).normal(scale=BETAS_SPREAD, size=body.beta_count).astype(np.float32)
        path_units = recording.root_positions[1:][start:end:step]
        # The file's unit is its own: legs of the same length make it metres.
        scale = _leg_m(body.rest_joints(betas)) / _leg_units(recording.offsets, recording.names)
        translation = (path_units * scale).astype(np.float32) - body.rest_joints(betas)[0]
        motion = BodyMotion(pose, translation, betas, 1.0, recording.fps / step)
        clips.append(KnownMotion(path.stem, motion))
        subjects[path.stem] = Clip(path.stem, pose, recording.offsets.tobytes())
    if levelled:
        poses = {clip.name: clip.pose_rotmat for clip in level_subjects(list(subjects.values()))}
        clips = [replace(clip, motion=replace(clip.motion, pose_rotmat=poses[clip.name])) for clip in clips]
    return [clip for clip in clips if not names or clip.name in names]


def _leg_m(rest_joints_m: F32) -> float:
    chain = [JOINT_INDEX[name] for name in ("left_hip", "left_knee", "left_ankle")]
    return float(np.linalg.norm(np.diff(rest_joints_m[chain], axis=0), axis=1).sum())


def _leg_units(offsets: F32, names: tuple[str, ...]) -> float:
    return float(sum(np.linalg.norm(offsets[names.index(name)]) for name in ("LeftLeg", "LeftFoot")))


def _longest_run(flags: NDArray[np.bool_]) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))
