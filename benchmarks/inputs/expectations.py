# SPDX-License-Identifier: Apache-2.0
"""What is right for each case of tests/cases, after its README; and how an input is judged."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.io.theta import interpret_theta
from dancepose_addon.core.skeleton.readers import Examination, examine, require_plausible
from dancepose_addon.core.skeleton.recording import Finding, Hints, PoseRecording


@dataclass(frozen=True)
class Verdict:
    """What became of an input.

    Attributes:
        kind: right, doubted, refused or wrong.
        why: In words.
    """

    kind: str
    why: str = ""


@dataclass(frozen=True)
class Expected:
    """What is true of an input.

    Attributes:
        layout: Name of the layout; ``rotations`` for SMPL parameters.
        metres: Per unit of the file.
        up: The file's axis.
        rate: Frames a second that it has, or None where it says none.
        fps: What the user gives, or None.
        refusal: Words of the true reason, where it is to be refused.
        doubt: Topic of a doubt that has to be said.
        mirrored: Whether the file's axes are left-handed.
        most_error_m: Mean distance to which a body is fitted.
    """

    layout: str = "smpl24"
    metres: float = 1.0
    up: str = "y"
    rate: float | None = 30.0
    fps: float | None = None
    refusal: str = ""
    doubt: str = ""
    mirrored: bool = False
    most_error_m: float = 0.05


_RIG: Final = Expected(metres=0.01)
_ARRAY: Final = Expected(rate=None, fps=30.0)
_ROTATIONS: Final = Expected(layout="rotations", rate=None, fps=30.0)
EXPECTED: Final[dict[str, Expected]] = {
    **{
        f"{name}.bvh": _RIG
        for name in (
            "shape_ordinary", "shape_zero_bones", "still_zero_bones", "rig_rigify", "rig_smpl_fbx", "rig_daz",
            "rig_mixamo_nocolon", "rig_deepmotion", "rig_vroid", "rig_beat", "rig_makehuman", "rig_biped", "bvh_bom",
            "bvh_one_row_more", "bvh_two_roots",
        )
    },
    "collars_one_point.bvh": Expected(metres=0.01, most_error_m=0.08),
    "bvh_frame_time_30.bvh": Expected(metres=0.01, doubt="rate"),
    "shape_points22.npz": Expected(layout="smpl22", rate=20.0),
    "kinect1_names.csv": Expected(doubt="points"),
    "kinect2_names.csv": Expected(layout="kinect25"),
    "h36m_32.npy": Expected(layout="h36m17", metres=0.001, up="z", rate=None, fps=30.0),
    "body_pose_69.npy": Expected(refusal="without global_orient"),
    "pose_trans_75.npy": _ROTATIONS,
    "smplx_names.npz": _ROTATIONS,
    "extra_empty_member.npz": Expected(layout="rotations", rate=30.0),
    "joblib_zlib.pkl": _ROTATIONS,
    "spin_part_and_S.npz": Expected(refusal="no person"),
    "zero_limb_24.npy": Expected(rate=None, fps=30.0, doubt="unseen points"),
    "persons_second_T1K3.npy": _ARRAY,
    "root_centred_24.npy": Expected(rate=None, fps=30.0, doubt="place"),
    "time_is_frame.csv": Expected(rate=None, fps=30.0),
    "rotations.csv": Expected(refusal="angles"),
    "opencap.trc": Expected(layout="body25", rate=60.0, doubt="points"),
    "commas.trc": Expected(layout="body25", rate=60.0, doubt="points"),
    "names_twice.trc": Expected(refusal="layout template"),
    "joints.json": _ARRAY,
    "c3d_model_outputs.c3d": Expected(layout="plugingait39", metres=0.001, rate=100.0, doubt="points"),
}  # fmt: skip


def judge_case(path: Path, expected: Expected) -> Verdict:
    """Read an input as ``inspect`` and ``fit`` do, and judge.

    Args:
        path: The file.
        expected: What is true of it.

    Returns:
        The verdict.
    """
    try:
        if expected.fps is not None:
            unknown = examine(path)
            rate = next((f for f in _findings(unknown, Hints()) if f.topic == "rate"), None)
            if rate is not None and rate.confidence == 1.0:
                return Verdict("wrong", f"its rate is not known, and was taken for {rate.value}")
        hints = Hints(fps=expected.fps)
        examination = examine(path, hints)
        require_plausible(examination, hints)
        findings = _findings(examination, hints)
    except DancePoseError as error:
        if expected.refusal and expected.refusal in str(error):
            return Verdict("refused", str(error))
        return Verdict("wrong", f"refused: {error}")
    if expected.refusal:
        return Verdict("wrong", "read, although it holds nothing usable")
    return _judged(examination, findings, expected)


def _findings(examination: Examination, hints: Hints) -> tuple[Finding, ...]:
    recording = examination.recording
    if isinstance(recording, PoseRecording):
        return (*examination.findings, *interpret_theta(recording, hints)[2])
    return examination.findings


def _judged(examination: Examination, findings: tuple[Finding, ...], expected: Expected) -> Verdict:
    doubts = {finding.topic for finding in findings if finding.doubtful}
    found, recording = examination.interpretation, examination.recording
    if found is None:
        is_true = expected.layout == "rotations" and (expected.rate is None or recording.fps == expected.rate)
        return Verdict("right") if is_true else Verdict("wrong", "taken for rotations, or at another rate")
    up = next(finding.value for finding in findings if finding.topic == "up axis")
    truths = {
        "layout": found.layout.name == expected.layout,
        "unit": abs(found.metres / expected.metres - 1.0) < 0.02,
        "up axis": up == expected.up,
        "sides": found.swaps_sides is False and (_is_left_handed(found.turn) == expected.mirrored),
        "rate": expected.rate is None or (found.fps is not None and abs(found.fps / expected.rate - 1.0) < 0.01),
    }
    untrue = [topic for topic, is_true in truths.items() if not is_true]
    silent = [topic for topic in untrue if topic not in doubts and "order of the points" not in doubts]
    if silent:
        return Verdict("wrong", f"{', '.join(silent)} not true, and nothing said")
    if untrue:
        return Verdict("doubted", f"{', '.join(untrue)} not true, and said")
    if expected.doubt and expected.doubt not in doubts:
        return Verdict("wrong", f"no report of {expected.doubt}")
    return Verdict("right", f"said: {', '.join(sorted(doubts))}" if doubts else "")


def _is_left_handed(turn: object) -> bool:
    import numpy as np

    return bool(np.linalg.det(np.asarray(turn)) < 0)
