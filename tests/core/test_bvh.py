# SPDX-License-Identifier: Apache-2.0
"""BVH: a file worked out by hand, files that are broken, and real ones."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.errors import FormatError, MissingFileError
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.readers.bvh_grammar import parse_bvh

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


def test_cmus_hips_and_shoulders_count_for_little(data_folder: Path) -> None:
    sequence = read(data_folder / "cmu" / "02_01.bvh")
    names, standing = sequence.layout.keypoints, sequence.keypoints_m[1]
    assert sequence.confidence is not None
    low = {name for name, value in zip(names, sequence.confidence[1], strict=True) if value < 1.0}
    assert low == {"pelvis", "left_collar", "right_collar"}
    # In SMPL collars lie 8 cm to the sides of the neck's base; CMU's shoulders begin on the spine.
    apart = np.linalg.norm(standing[names.index("left_collar")] - standing[names.index("right_collar")])
    assert apart < 0.03
