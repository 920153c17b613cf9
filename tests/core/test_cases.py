"""The inputs of tests/cases, each against the right result that its README states."""

from pathlib import Path

import pytest

from dancepose_addon.core.skeleton.readers import Examination, examine
from dancepose_addon.core.skeleton.recording import PointRecording

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
