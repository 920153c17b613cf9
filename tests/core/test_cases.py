# SPDX-License-Identifier: Apache-2.0
"""The inputs of tests/cases, each against the right result that its README states."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import DoubtError, InputError, LayoutError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.layout_file import layout_template, write_layout
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.readers import Examination, examine, open_recording, read
from dancepose_addon.core.skeleton.recording import Hints, PointRecording

CASES = Path(__file__).parents[1] / "cases"
RIGS = (
    "shape_ordinary.bvh", "shape_zero_bones.bvh", "still_zero_bones.bvh", "bvh_bom.bvh", "bvh_one_row_more.bvh",
    "bvh_two_roots.bvh", "rig_beat.bvh", "rig_biped.bvh", "rig_daz.bvh", "rig_deepmotion.bvh", "rig_makehuman.bvh",
    "rig_mixamo_nocolon.bvh", "rig_rigify.bvh", "rig_smpl_fbx.bvh", "rig_vroid.bvh",
)  # fmt: skip
"""Files of one invented person of 1.66 to 1.7 m, 30 fps, centimetres, y up."""


def value_of(examination: Examination, topic: str) -> str:
    return next(finding.value for finding in examination.findings if finding.topic == topic)


@pytest.mark.parametrize("name", RIGS)
def test_rigs_are_read_whole_and_without_doubt(name: str) -> None:
    examination = examine(CASES / name)
    recording, found = examination.recording, examination.interpretation
    assert isinstance(recording, PointRecording)
    assert found is not None
    assert found.layout.name == "smpl24"
    assert found.metres == 0.01
    assert value_of(examination, "up axis") == "y"
    assert found.fps == pytest.approx(30.0, abs=0.01)
    assert not [finding.sentence() for finding in examination.findings if finding.doubtful]


def test_unusual_bvh_is_said() -> None:
    assert "announces 40 frames and has 41" in examine(CASES / "bvh_one_row_more.bvh").recording.notes[0]
    assert "Hips was read, not Prop" in examine(CASES / "bvh_two_roots.bvh").recording.notes[0]


def test_kinect_hands_feet_and_centres() -> None:
    """Kinect v1 by hand from its header: HandLeft is column 7 (with three columns a point), WristLeft 6."""
    recording = examine(CASES / "kinect1_names.csv").recording
    assert isinstance(recording, PointRecording)
    header = (CASES / "kinect1_names.csv").read_text().splitlines()[0].split(",")[1::3]
    own = [title[:-2] for title in header]
    row = (CASES / "kinect1_names.csv").read_text().splitlines()[1].split(",")[1:]
    for joint, name in {
        "left_wrist": "WristLeft", "left_hand": "HandLeft", "left_ankle": "AnkleLeft", "left_foot": "FootLeft",
        "pelvis": "HipCenter", "neck": "ShoulderCenter", "right_hip": "HipRight", "head": "Head",
    }.items():  # fmt: skip
        assert recording.names is not None
        at = own.index(name)
        assert recording.points[0, recording.names.index(joint)].tolist() == [
            float(value) for value in row[3 * at : 3 * at + 3]
        ]
    assert examine(CASES / "kinect2_names.csv").recording.layout == "kinect25"  # type: ignore[union-attr]


def doubts_of(examination: Examination) -> list[str]:
    return [finding.topic for finding in examination.findings if finding.doubtful]


def test_odd_collars_are_judged_by_their_limbs() -> None:
    examination = examine(CASES / "collars_one_point.bvh")
    assert examination.interpretation is not None
    assert examination.interpretation.metres == 0.01
    assert value_of(examination, "up axis") == "y"
    assert doubts_of(examination) == []  # collars at one point are not used
    clip = read(CASES / "collars_one_point.bvh")
    assert len(clip) == 40
    collars = [clip.layout.keypoints.index(f"{side}_collar") for side in ("left", "right")]
    assert np.isnan(clip.keypoints_m[:, collars]).all()


def test_a_rate_written_as_frame_time_is_taken_for_one_and_said() -> None:
    examination = examine(CASES / "bvh_frame_time_30.bvh")
    assert examination.interpretation is not None
    assert examination.interpretation.fps == pytest.approx(30.0)
    assert doubts_of(examination) == ["rate"]


def test_a_time_column_that_counts_frames_asks_for_the_rate() -> None:
    with pytest.raises(InputError, match="--fps"):
        read(CASES / "time_is_frame.csv")
    assert read(CASES / "time_is_frame.csv", fps=30.0).fps == 30.0


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("body_pose_69.npy", InputError, "SMPL's 23 joints without global_orient"),
        ("rotations.csv", DoubtError, "look like angles"),
        ("spin_part_and_S.npz", LayoutError, "no person in coco17, h36m17"),
        ("names_twice.trc", LayoutError, "no known layout"),
    ],
)  # fmt: skip
def test_refusals_say_the_true_reason(name: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        read(CASES / name, fps=30.0)


@pytest.mark.parametrize(
    ("name", "layout", "metres", "up", "frames"),
    [
        ("h36m_32.npy", "h36m17", 0.001, "z", 40), ("persons_second_T1K3.npy", "smpl24", 1.0, "y", 40),
        ("joints.json", "smpl24", 1.0, "y", 40), ("opencap.trc", "body25", 1.0, "y", 40),
        ("commas.trc", "body25", 1.0, "y", 40), ("shape_points22.npz", "smpl22", 1.0, "y", 40),
        ("c3d_model_outputs.c3d", "plugingait39", 0.001, "y", 40), ("zero_limb_24.npy", "smpl24", 1.0, "y", 40),
        ("root_centred_24.npy", "smpl24", 1.0, "y", 40),
    ],
)  # fmt: skip
def test_points_are_understood(name: str, layout: str, metres: float, up: str, frames: int) -> None:
    examination = examine(CASES / name, Hints(fps=30.0))
    found = examination.interpretation
    assert found is not None
    assert (found.layout.name, found.metres, value_of(examination, "up axis")) == (layout, metres, up)
    assert not found.swaps_sides
    assert np.linalg.det(found.turn) > 0
    assert len(read(CASES / name, fps=30.0)) == frames


def test_zeros_are_unseen_and_a_root_in_the_origin_is_said() -> None:
    limb = read(CASES / "zero_limb_24.npy", fps=30.0)
    assert limb.confidence is not None
    unseen = np.flatnonzero((limb.confidence == 0).all(axis=0))
    assert [limb.layout.keypoints[point] for point in unseen] == ["right_elbow", "right_wrist", "right_hand"]
    assert any("exactly zero" in note for note in limb.notes)
    centred = read(CASES / "root_centred_24.npy", fps=30.0)
    assert centred.confidence is None
    assert any("place lost" in note for note in centred.notes)


@pytest.mark.parametrize(
    ("name", "fps"),
    [
        ("smplx_names.npz", None),
        ("pose_trans_75.npy", None),
        ("joblib_zlib.pkl", None),
        ("extra_empty_member.npz", 30.0),
    ],
)
def test_rotations_are_read(name: str, fps: float | None) -> None:
    if fps is None:
        with pytest.raises(InputError, match="--fps"):
            open_source(CASES / name, body=load_body())
    motion = open_source(CASES / name, body=load_body(), fps=30.0 if fps is None else None)
    assert isinstance(motion, BodyMotion)
    assert len(motion) == 40
    assert motion.fps == 30.0
    # One invented motion: the head stays above the pelvis.
    assert (motion.pose_rotmat[:, 0, 1, 1] > 0.8).all()


def test_a_template_of_repeated_names_and_model_outputs_can_be_used(tmp_path: Path) -> None:
    for name in ("names_twice.trc", "c3d_model_outputs.c3d"):
        recording = open_recording(CASES / name, Hints(as_named=True))
        assert isinstance(recording, PointRecording)
        assert recording.names is not None
        assert not [point for point in recording.names if "Angle" in point or "Moment" in point or "Power" in point]
        write_layout(tmp_path / "mine.toml", layout_template(recording.names, "Mine"))
        assert get_layout(str(tmp_path / "mine.toml")).count == len(recording.names)
        (tmp_path / "mine.toml").unlink()
