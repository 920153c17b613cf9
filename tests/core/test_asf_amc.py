# SPDX-License-Identifier: Apache-2.0
"""ASF and AMC files: three bones against SciPy's rotations, and what is damaged."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.errors import FormatError, InputError, MissingFileError
from dancepose_addon.core.skeleton.readers import asf_amc
from dancepose_addon.core.skeleton.recording import Hints

ASF = """# a comment
:version 1.10
:units
  mass 1.0
  length {length}
  angle {angle}
:root
  order {order}
  position 0 0 0
:bonedata
  begin
     name hand # with a comment
     direction 0 0 1
     length 2
     axis 10 20 30 XYZ
     dof rz rx
  end
  begin
     name arm
     direction 1 0 0
     length 3
     axis 0 0 0 XYZ
     dof rx ry rz
  end
  begin
     name stiff
     direction 0 1 0
     length 4
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root arm stiff
    arm hand
  end
"""
AMC = """#!OML:ASF
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 10 20 30
arm 5 6 7
hand 40 50
2
root 4 5 6 -10 0 0
arm 0 0 0
unknown 1 2
"""


def asf(*, length: str = "0.45", angle: str = "deg", order: str = "TX TY TZ RX RY RZ") -> str:
    return ASF.format(length=length, angle=angle, order=order)


def read(skeleton: str, motion: str) -> dict[str, np.ndarray]:
    read_skeleton = asf_amc._read_skeleton(skeleton)
    names, points = asf_amc._pose(read_skeleton, asf_amc._read_motion(motion, read_skeleton)[1])
    return {name: points[:, number] for number, name in enumerate(names)}


def expected(
    degrees: tuple[float, float, float], arm: tuple[float, float, float], hand: tuple[float, float]
) -> list[np.ndarray]:
    """Directions of arm, hand and stiff bone; extrinsic rotations about x, y and z, and axis C: C L C^-1."""
    root = Rotation.from_euler("xyz", degrees, degrees=True)
    upper = root * Rotation.from_euler("xyz", arm, degrees=True)
    axis = Rotation.from_euler("xyz", [10, 20, 30], degrees=True)
    lower = upper * axis * Rotation.from_euler("xz", [hand[1], hand[0]], degrees=True) * axis.inv()
    return [upper.apply([3.0, 0, 0]), lower.apply([0, 0, 2.0]), root.apply([0, 4.0, 0])]


def test_bones_agree_with_scipy() -> None:
    found = read(asf(), AMC)
    assert list(found) == ["root", "arm", "stiff", "stiff_end", "hand", "hand_end"]
    for frame, (place, angles) in enumerate(
        (((1.0, 2.0, 3.0), ((10, 20, 30), (5, 6, 7), (40, 50))), ((4.0, 5.0, 6.0), ((-10, 0, 0), (0, 0, 0), (0, 0))))
    ):
        arm, hand, stiff = expected(*angles)
        np.testing.assert_allclose(found["root"][frame], place)
        np.testing.assert_allclose(found["arm"][frame], place)
        np.testing.assert_allclose(found["stiff_end"][frame], place + stiff, atol=1e-9)
        np.testing.assert_allclose(found["hand"][frame], place + arm, atol=1e-9)
        if frame == 0:
            np.testing.assert_allclose(found["hand_end"][frame], place + arm + hand, atol=1e-9)
    assert np.isnan(found["hand_end"][1]).all()  # the second frame has no line of the hand


def test_the_letters_of_an_axis_are_the_order_of_rotations() -> None:
    turned = "1\nroot 1 2 3 10 20 30\narm 5 6 7\nhand 40 50\n"
    skeleton = asf().replace("XYZ", "ZYX")
    assert skeleton.count("ZYX") >= 2
    found = read(skeleton, turned)
    root = Rotation.from_euler("xyz", [10, 20, 30], degrees=True)
    upper = root * Rotation.from_euler("zyx", [7, 6, 5], degrees=True)
    axis = Rotation.from_euler("zyx", [30, 20, 10], degrees=True)
    lower = upper * axis * Rotation.from_euler("zx", [40, 50], degrees=True) * axis.inv()
    arm = upper.apply([3.0, 0, 0])
    np.testing.assert_allclose(found["hand"][0] - [1, 2, 3], arm, atol=1e-9)
    np.testing.assert_allclose(found["hand_end"][0] - [1, 2, 3], arm + lower.apply([0, 0, 2.0]), atol=1e-9)


def test_numbers_of_frames_count(tmp_path: Path) -> None:
    (tmp_path / "a.asf").write_text(asf())
    frames = [f"{number}\nroot {number} 2 3 0 0 0\narm 0 0 0\nhand 0 0\n" for number in range(1, 31)]
    (tmp_path / "a.amc").write_text("".join([*frames[:10], *frames[20:]]))
    found = asf_amc.open_file(tmp_path / "a.amc", Hints(as_named=True))
    assert len(found.points) == 30
    assert np.flatnonzero(np.isnan(found.points).all(axis=(1, 2))).tolist() == list(range(10, 20))
    assert ("lost frames", "10 of 30") in [(one.topic, one.value) for one in found.findings]
    for wrong in ([*frames[15:], *frames[:15]], [*frames, *frames]):
        (tmp_path / "a.amc").write_text("".join(wrong))
        with pytest.raises(InputError, match="goes back in its frame numbers"):
            asf_amc.open_file(tmp_path / "a.amc", Hints(as_named=True))


def test_radians_and_another_order_of_the_root() -> None:
    turned = "1\nroot 0.5 3 2 1\narm 0 0 0\nhand 0 0\n"
    found = read(asf(angle="rad", order="RZ TZ TY TX"), turned)
    np.testing.assert_allclose(found["root"], [[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(found["hand"][0] - [1, 2, 3], 3.0 * np.array([np.cos(0.5), np.sin(0.5), 0.0]), atol=1e-9)


@pytest.mark.parametrize(
    ("skeleton", "motion", "reason"),
    [
        (asf(), "1\nroot 1 2 3 4 5\n", "root has not 6 numbers in every frame"),
        (asf(), "1\nroot 1 2 3 4 5 6\n2\nroot 1 2 3 4 5\n", "root has not 6 numbers"),
        (asf(), "1\narm 1 2 3\n", "no frame with a root"),
        (asf(), "root 1 2 3 4 5 6\n", "no frame with a root"),
        (asf(), "1\nroot 1 2 3 4 5 1e10\n", "the number '1e10'"),
        (asf(), "1\nroot 1 2 3 4 5 nan\n", "the number 'nan'"),
        (asf().replace("arm hand", "hand arm"), AMC, "has no parent, or is its own"),
        (asf().replace("direction 0 0 1", "direction 0 0"), AMC, "where three numbers are expected"),
        (asf().replace("length 2", "length x"), AMC, "could not convert"),
    ],
)
def test_damaged_files(tmp_path: Path, skeleton: str, motion: str, reason: str) -> None:
    if "hand arm" in skeleton:
        skeleton = skeleton.replace("root arm stiff", "root stiff").replace("hand arm", "hand arm\n    arm hand")
    (tmp_path / "a.asf").write_text(skeleton)
    (tmp_path / "a.amc").write_text(motion)
    with pytest.raises(FormatError, match=f"is damaged.*{reason}"):
        asf_amc.open_file(tmp_path / "a.amc", Hints())


@pytest.mark.parametrize(
    ("skeletons", "motion", "expected_name"),
    [
        (("05.asf", "06.asf"), "05_02.amc", "05.asf"),
        (("05.asf", "05_02.asf"), "05_02.amc", "05_02.asf"),
        (("hdm_bd.asf", "x.asf"), "HDM_bd_01_02_120.amc", "hdm_bd.asf"),
        (("other.asf",), "05_02.amc", "other.asf"),
        (("a.ASF",), "b.amc", "a.ASF"),
    ],
)
def test_the_skeleton_of_a_motion(tmp_path: Path, skeletons: tuple[str, ...], motion: str, expected_name: str) -> None:
    for name in (*skeletons, motion):
        (tmp_path / name).write_text("")
    assert asf_amc._skeleton_of(tmp_path / motion).name == expected_name


def test_without_a_skeleton(tmp_path: Path) -> None:
    for name in ("05_02.amc", "1.asf", "2.asf"):
        (tmp_path / name).write_text("")
    with pytest.raises(MissingFileError, match=r"lies beside it \(2 others\)"):
        asf_amc.open_file(tmp_path / "05_02.amc", Hints())
    with pytest.raises(FormatError, match="is the skeleton alone"):
        asf_amc.open_file(tmp_path / "1.asf", Hints())
