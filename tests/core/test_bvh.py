# SPDX-License-Identifier: Apache-2.0
"""BVH: a file worked out by hand, files that are broken, and real ones."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.errors import FormatError, MissingFileError
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.readers import open_recording, read
from dancepose_addon.core.skeleton.readers.bvh_grammar import parse_bvh
from dancepose_addon.core.skeleton.readers.bvh_points import with_thorax
from dancepose_addon.core.skeleton.readers.named_points import doubled_points
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.fitting import fit_file

SMALL = """HIERARCHY
ROOT Hips
{
  OFFSET 5 6 7
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Chest
  {
    OFFSET 0 2 0
    CHANNELS 3 Xrotation Yrotation Zrotation
    End Site
    {
      OFFSET 0 0 3
    }
  }
  JOINT Leg
  {
    OFFSET 1 0 0
    CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -4 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.04
1 2 3 0 0 0  0 0 0  1 0 0 0 0 0
1 2 3 90 0 0  90 0 0  0 -1 0 10 20 30
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "clip.bvh"
    path.write_text(text)
    return path


def test_by_hand(tmp_path: Path) -> None:
    motion = parse_bvh(_write(tmp_path, SMALL))
    assert motion.names == ("Hips", "Chest", "Chest_end", "Leg", "Leg_end")
    assert motion.parents == (-1, 0, 1, 0, 3)
    assert (len(motion), motion.fps) == (2, pytest.approx(25.0))
    assert np.array_equal(motion.root_positions, [[1, 2, 3], [1, 2, 3]])
    _, positions = motion.forward_kinematics()
    assert np.allclose(positions[0], [[1, 2, 3], [1, 4, 3], [1, 4, 6], [2, 2, 3], [2, -2, 3]])
    # The hips turn x to y and y to -x; the chest, besides, z to -y, which the hips turn to x.
    assert np.allclose(positions[1, :3], [[1, 2, 3], [-1, 2, 3], [2, 2, 3]], atol=1e-6)
    # The leg's own position takes the place of its offset.
    assert np.allclose(positions[1, 3], [2, 2, 3], atol=1e-6)


def test_channels_multiply_in_the_order_of_the_file(tmp_path: Path) -> None:
    motion = parse_bvh(_write(tmp_path, SMALL))
    assert np.allclose(motion.rotations[1, 3], Rotation.from_euler("ZXY", [10, 20, 30], degrees=True).as_matrix())
    assert np.allclose(motion.rotations[1, 0], Rotation.from_euler("ZYX", [90, 0, 0], degrees=True).as_matrix())
    assert np.array_equal(motion.rotations[:, [2, 4]], np.tile(np.eye(3), (2, 2, 1, 1)))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("HIERARCHY", "ANARCHY", "not BVH"),
        ("MOTION", "", "not BVH"),
        ("Frames: 2", "Frames: 3", "30 numbers where 3 frames of 15 channels need 45"),
        ("10 20 30", "10 20", "29 numbers"),
        ("10 20 30", "10 20 nan", "not finite"),
        ("10 20 30", "10 20 1e300", r"not finite, or beyond 1e\+09"),
        ("10 20 30", "10 20 -2e9", r"not finite, or beyond 1e\+09"),
        ("10 20 30", "10 20 x", "could not convert"),
        ("Frame Time: 0.04", "Frame Time: 0", "0.0 s"),
        ("Frames: 2", "Frames: 0", "0 frames"),
        ("3 Xrotation Yrotation Zrotation", "3 Xrotation Yrotation Wrotation", "wrotation"),
        ("OFFSET 0 -4 0\n    }\n  }\n}", "OFFSET 0 -4 0\n    }\n  }\n", "not closed"),
        ("OFFSET 0 -4 0\n    }\n  }\n}", "OFFSET 0 -4 0\n    }\n  }\n}}", "cut short"),
        ("JOINT Leg", "BONE Leg", "'BONE' where a joint"),
        ("Frames: 2", "Frames:", "cut short"),
    ],
)
def test_broken_files_are_refused_in_words(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SMALL
    with pytest.raises(FormatError, match=said):
        parse_bvh(_write(tmp_path, SMALL.replace(old, new)))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="cannot be read"):
        parse_bvh(tmp_path / "none.bvh")
    with pytest.raises(FormatError, match="not BVH"):
        parse_bvh(_write(tmp_path, ""))


def test_real_recording_starts_with_a_t_pose_of_a_person(data_folder: Path) -> None:
    motion = parse_bvh(data_folder / "cmu" / "02_01.bvh")
    assert (len(motion), motion.fps) == (344, pytest.approx(120.0, abs=0.01))
    _, positions = motion.forward_kinematics()
    at = dict(zip(motion.names, positions[0], strict=True))
    span, height = at["LeftHand"] - at["RightHand"], at["Head_end"] - at["LeftFoot"]
    assert span[0] > 0.98 * np.linalg.norm(span)
    assert height[1] > 0.98 * np.linalg.norm(height)
    assert at["LeftToeBase"][2] > at["LeftFoot"][2]
    # Walking: each foot stands still now and then, while the hips move on.
    feet = positions[1:, [motion.names.index("LeftFoot"), motion.names.index("RightFoot")]]
    speed = np.linalg.norm(np.diff(feet, axis=0), axis=-1)
    hips = np.linalg.norm(np.diff(motion.root_positions[1:], axis=0), axis=-1)
    assert (np.percentile(speed, 10, axis=0) < 0.3 * np.median(hips)).all()


def test_cmus_hips_count_for_little_and_doubled_joints_for_nothing(data_folder: Path) -> None:
    sequence = read(data_folder / "cmu" / "02_01.bvh")
    names, standing = sequence.layout.keypoints, sequence.keypoints_m[1]
    assert sequence.confidence is not None
    value = dict(zip(names, sequence.confidence[1], strict=True))
    assert {name for name in names if value[name] == 0.0} == {
        "pelvis", "left_collar", "right_collar", "left_hand", "right_hand",
    }  # fmt: skip
    assert {name for name in names if 0.0 < value[name] < 1.0} == {"left_hip", "right_hip"}
    assert np.isnan(standing[names.index("pelvis")]).all()


def test_cmus_trunk_has_the_proportions_of_a_person(data_folder: Path) -> None:
    """Shoulders are at 0.80 to 0.84 of the height of a standing person, necks at 0.83 to 0.87 (Drillis, Contini)."""
    for clip in ("01_01", "02_01", "09_01"):
        motion = parse_bvh(data_folder / "cmu" / f"{clip}.bvh")
        whole, length = with_thorax(motion)
        assert length == pytest.approx(np.linalg.norm(motion.offsets[motion.names.index("Spine1")]))
        assert with_thorax(whole)[1] == 0.0  # a file that has the bone stays as it is
        _, positions = whole.forward_kinematics()
        up = dict(zip(whole.names, positions[0, :, 1], strict=True))  # a T-pose
        floor = up["LeftToeBase"]
        height = up["Head_end"] - floor + 0.5 * (up["Head_end"] - up["Head"])  # the crown is above the file's head
        assert 0.79 < (up["LeftArm"] - floor) / height < 0.85, clip
        assert 0.82 < (up["Neck1"] - floor) / height < 0.88, clip


@pytest.mark.parametrize("clip", ["02_06", "09_01"])
def test_trunks_of_cmus_clips_do_not_fold(clip: str, data_folder: Path) -> None:
    """In these clips people stand, bend to the floor and run; no vertebra turns by a right angle."""
    fit = fit_file(data_folder / "cmu" / f"{clip}.bvh", frames=(0, 120))
    cosine = 0.5 * (np.trace(fit.motion.pose_rotmat, axis1=2, axis2=3) - 1.0)
    angle = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    for joint in ("spine1", "spine2", "spine3", "neck", "left_collar", "right_collar"):
        assert np.median(angle[:, JOINT_INDEX[joint]]) < 35.0, joint


def test_joints_of_bones_without_length_are_left_out() -> None:
    """Collars at one point show neither; of a joint at the root the root is kept."""
    names = SMPL24.keypoints
    points = np.random.default_rng(3).normal(size=(30, 24, 3))
    assert doubled_points(points, SMPL24) == []
    points[:, names.index("spine1")] = points[:, 0]
    points[:, names.index("spine3")] = points[:, names.index("neck")]
    points[:, names.index("left_hand")] = points[:, names.index("left_wrist")]
    points[:, names.index("right_collar")] = points[:, names.index("left_collar")] + 1e-5
    found = [names[at] for at in doubled_points(points, SMPL24)]
    assert found == ["spine1", "spine3", "left_collar", "right_collar", "left_hand"]
    points[7, names.index("left_hand")] += 0.1  # it moves in one frame
    points[:, names.index("head")] = np.nan
    assert [names[at] for at in doubled_points(points, SMPL24)] == found[:4]


def test_a_template_has_the_names_of_the_file(data_folder: Path) -> None:
    source = data_folder / "cmu" / "09_01.bvh"
    recording = open_recording(source, Hints(as_named=True))
    assert recording.names == parse_bvh(source).names
    assert len(set(recording.names)) == len(recording.names)


def test_angles_that_may_be_radians_are_doubted(tmp_path: Path) -> None:
    """BVH has degrees; a motion of less than five in all is hardly one."""
    for degrees, doubted in (((90, 20), False), ((1.5708, 0.3491), True)):
        root, leg = degrees
        text = SMALL.replace("1 2 3 90 0 0  90 0 0  0 -1 0 10 20 30", f"1 2 3 {root} 0 0  {root} 0 0  0 -1 0 0 {leg} 0")
        path = _write(tmp_path, text)
        topics = {finding.topic for finding in open_recording(path, Hints(as_named=True)).findings}
        assert ("rotations" in topics) == doubted
