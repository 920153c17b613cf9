# SPDX-License-Identifier: Apache-2.0
"""SMPL's parameters by names: members of every tool, and what is refused."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.skeleton.readers import smpl_tables, theta_contents
from dancepose_addon.core.skeleton.readers.smpl_tables import Candidate, candidates_in, pose_of
from dancepose_addon.core.skeleton.readers.theta_contents import (
    decide_values,
    named_parameters,
    plain_forms,
    pose_is_natural,
)
from dancepose_addon.core.skeleton.recording import Hints, PoseRecording
from tests.support.samples import points_of, waltz
from tests.support.short_dance import DANCE, FRAMES, MOTION, PLACE, matrices, require_same_turns, with_fingers
from tests.support.tool_samples import rotvecs

RANDOM = np.random.default_rng(4)


def tables(arrays: dict[str, Any], **hints: Any) -> PoseRecording:
    return pose_of(candidates_in(arrays, "it"), arrays, "it", Hints(**hints))


def test_parameters_in_the_world_come_before_those_of_the_camera() -> None:
    one = {"poses": DANCE.reshape(FRAMES, 72)}
    other = {"poses": DANCE.reshape(FRAMES, 72) + 0.01}
    table = {"smpl_params_incam": other, "smpl_params_global": one}
    assert [found.path for found in candidates_in(table, "it")] == ["smpl_params_global"]
    assert [found.path for found in candidates_in({"incam": other}, "it")] == ["incam"]
    assert [found.path for found in candidates_in({"a": one, "incam": other}, "it")] == ["a"]
    assert [Candidate(path, {}).rank for path in ("World.cam_1", "x.WORLD", "x_cam", "x")] == [0, 1, -1, 0]


def test_tables_are_looked_for_to_a_depth_of_four() -> None:
    value: Any = {"poses": DANCE.reshape(FRAMES, 72)}
    for depth in range(1, 6):
        value = {"a": value}
        assert len(candidates_in(value, "it")) == int(depth <= 4)
    listed = [{"poses": DANCE.reshape(FRAMES, 72)} for _ in range(2)]
    assert [found.path for found in candidates_in({"people": listed}, "it")] == ["people.0", "people.1"]


def test_lists_with_an_entry_for_each_person() -> None:
    """3DPW: every member is a list of arrays; members of another length belong to all."""
    table = {
        "poses": [DANCE.reshape(FRAMES, 72), DANCE.reshape(FRAMES, 72) * 0.5],
        "trans": [PLACE, PLACE + 1.0],
        "sequence": "a",
    }
    first, second = candidates_in(table, "it")
    assert (first.path, second.path) == ("0", "1")
    np.testing.assert_array_equal(second.table["trans"], PLACE + 1.0)
    assert second.table["sequence"] == "a"
    found = tables(table, take=1)
    require_same_turns(found.rotvec, 0.5 * DANCE)
    assert (found.findings[0].topic, found.findings[0].count) == ("person", 2)
    with pytest.raises(InputError, match="2 persons; there is no number 2"):
        tables(table, take=2)
    parts = {"one": {"poses": table["poses"][0]}, "two": {"poses": table["poses"][1]}}
    assert tables(parts).findings[0].count == 1


def test_frames_of_a_track_are_its_longest_stretch() -> None:
    frames: list[Any] = [{"1": 0, "poses": DANCE[frame].reshape(1, 72), "id": np.array(3)} for frame in range(FRAMES)]
    frames[10] = None
    (found,) = candidates_in({"frames": frames}, "it")
    assert len(found.table["poses"]) == 19
    assert found.path == "frames.3"
    assert (found.findings[0].value, found.findings[0].confidence) == ("11 to 29", 0.8)
    assert "29 of 30" in found.findings[0].why
    frames[10] = frames[9]
    assert candidates_in({"frames": frames}, "it")[0].findings == ()


def test_body_and_root_by_names() -> None:
    base = {"global_orient": DANCE[:, :1], "transl": PLACE}
    found = tables({**base, "body_pose": DANCE[:, 1:22].reshape(FRAMES, 63)})
    require_same_turns(found.rotvec[:, :22], DANCE[:, :22])
    np.testing.assert_array_equal(found.translation, PLACE)
    assert (found.model, found.gender, found.fps, found.form) == ("smplh", "neutral", None, "SMPL parameters")
    assert tables({**base, "body_pose": DANCE[:, 1:24]}).model == "smpl"
    assert tables({**base, "body_pose": DANCE[:, 1:22], "jaw_pose": np.zeros((FRAMES, 3))}).model == "smplx"
    assert tables({"smplx_a": {**base, "body_pose": DANCE[:, 1:22]}}).model == "smplx"
    assert tables({"a": {**base, "body_pose": DANCE[:, 1:22], "gender": "FEMALE"}, "fps": 24.0}).fps == 24.0
    assert tables({**base, "body_pose": DANCE[:, 1:22], "gender": "FEMALE"}).gender == "female"
    assert tables({**base, "body_pose": DANCE[:, 1:22], "gender": np.array(["male"])}).gender == "male"
    with pytest.raises(InputError, match=r"21 joints .* without global_orient"):
        tables({"body_pose": DANCE[:, 1:22]})
    with pytest.raises(FormatError, match="29 frames of global_orient and 30 of body_pose"):
        tables({**base, "global_orient": DANCE[1:, :1], "body_pose": DANCE[:, 1:22]})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (PLACE, PLACE), (PLACE[None], PLACE), (PLACE[:, None], PLACE), (PLACE.T, PLACE), (PLACE[0], PLACE[:1]),
        (np.concatenate([PLACE, PLACE]), PLACE), (None, np.zeros((1, 3))),
    ],
    ids=["frames", "batch", "ones", "time last", "one", "padded", "none"],
)  # fmt: skip
def test_shapes_of_places(given: np.ndarray | None, expected: np.ndarray) -> None:
    found, lost = smpl_tables._place({} if given is None else {"trans": given}, FRAMES, "it")
    np.testing.assert_array_equal(found, np.broadcast_to(expected, (FRAMES, 3)))
    assert len(lost) == int(given is None)


def test_places_that_are_refused() -> None:
    for wrong in (PLACE[1:], PLACE[:, :2], np.ones((3, 29)), np.ones((2, FRAMES, 3))):
        with pytest.raises(FormatError, match=r"expected \(30, 3\)"):
            smpl_tables._place({"trans": wrong}, FRAMES, "it")
    broken = PLACE.copy()
    broken[3, 1] = np.nan
    with pytest.raises(InputError, match="not finite"):
        smpl_tables._place({"trans": broken}, FRAMES, "it")
    np.testing.assert_array_equal(smpl_tables._place({"trans": np.eye(3)}, 3, "it")[0], np.eye(3))


def test_lengths_betas_and_genders() -> None:
    def length(value: Any, take: int = 0, key: str = "lengths") -> int:
        return smpl_tables._length_of({key: value}, Hints(take=take))

    assert [length(np.array([5, 7]), take) for take in (0, 1, 2)] == [5, 7, 0]
    assert length(np.array([[9]])) == 9
    assert length(np.array([-4])) == 0
    assert length(np.array([4.0])) == length([4]) == 0
    assert length(np.array([6]), key="length") == 6
    shown = np.tile(np.arange(3.0), (5, 1))
    shown[0] = 99.0
    np.testing.assert_array_equal(smpl_tables._betas({"betas": shown}, "it"), [0, 1, 2])
    np.testing.assert_array_equal(smpl_tables._betas({"betas": np.arange(3.0)}, "it"), [0, 1, 2])
    assert smpl_tables._betas({}, "it").tolist() == [0.0] * 10
    assert len(smpl_tables._betas({"betas": np.ones(500)}, "it")) == 400
    with pytest.raises(FormatError, match="betas that are not numbers"):
        smpl_tables._betas({"betas": np.full(3, np.nan)}, "it")


@pytest.mark.parametrize(
    ("count", "model", "kept"), [(24, "smpl", 24), (23, "smpl", 24), (26, "smplh", 22), (29, "smplx", 22)]
)
def test_easymocap(count: int, model: str, kept: int) -> None:
    """Rh holds the root; the first of the poses is zero, or is left out of 23."""
    vectors = RANDOM.normal(scale=0.3, size=(FRAMES, count, 3))
    found, name = smpl_tables._easymocap(vectors, DANCE[:, :1], "it")
    assert (found.shape, name) == ((FRAMES, kept, 3), model)
    np.testing.assert_array_equal(found[:, 0], DANCE[:, 0])
    np.testing.assert_array_equal(found[:, 1:], vectors[:, :23] if count == 23 else vectors[:, 1:kept])


def test_persons_as_the_first_axis() -> None:
    both = np.stack([DANCE, 0.5 * DANCE]).reshape(2, FRAMES, 72)
    table = {"poses": both, "trans": np.stack([PLACE, PLACE + 1.0]), "betas": np.array([[1.0] * 10, [2.0] * 10])}
    found = tables(table, take=1)
    require_same_turns(found.rotvec, 0.5 * DANCE)
    np.testing.assert_array_equal(found.translation, PLACE + 1.0)
    assert found.betas.tolist() == [2.0] * 10
    assert (found.findings[0].value, found.findings[0].count) == ("number 1", 2)
    with pytest.raises(InputError, match="2 persons; there is no number 2"):
        tables(table, take=2)


def test_results_of_mdm_have_their_rate() -> None:
    table = {"thetas": matrices(DANCE).reshape(FRAMES, 24, 9)[..., :6].transpose(1, 2, 0), "root_translation": PLACE.T}
    found = tables(table)
    require_same_turns(found.rotvec, DANCE)
    np.testing.assert_array_equal(found.translation, PLACE)
    assert (found.fps, found.form) == (20.0, "SMPL parameters of MDM")
    assert tables({**table, "fps": 30.0}).fps == 30.0
    assert len(tables({**table, "lengths": np.array([12])}).rotvec) == 12


def test_aist_and_edge_by_names() -> None:
    poses = DANCE.reshape(FRAMES, 72)
    aist = named_parameters({"smpl_poses": poses, "smpl_trans": 50.0 * PLACE, "smpl_scaling": np.array([50.0])}, "it")
    np.testing.assert_allclose(aist.translation, PLACE)
    assert (aist.fps, aist.up, aist.is_pelvis, aist.form) == (60.0, "y", False, "AIST++ motion")
    edge = named_parameters({"smpl_poses": poses, "smpl_trans": PLACE, "full_pose": np.ones((FRAMES, 24, 3))}, "it")
    assert (edge.fps, edge.up, edge.is_pelvis, edge.form) == (30.0, "z", True, "EDGE motion")
    assert edge.joints is not None
    plain = named_parameters({"smpl_poses": poses, "smpl_trans": PLACE.T}, "it")
    assert (plain.fps, plain.up, plain.is_pelvis, plain.form, plain.joints) == (None, None, False, "SMPL poses", None)
    np.testing.assert_array_equal(plain.translation, PLACE)
    assert (
        named_parameters({"smpl_poses": poses, "smpl_trans": PLACE, "fps": 24.0, "smpl_scaling": np.ones(1)}, "it").fps
        == 24.0
    )
    for scaling in (np.ones(2), np.array([1e-3]), np.array([1e6]), np.array([-1.0])):
        with pytest.raises(FormatError, match="smpl_scaling"):
            named_parameters({"smpl_poses": poses, "smpl_trans": PLACE, "smpl_scaling": scaling}, "it")
    with pytest.raises(FormatError, match="expected smpl_trans"):
        named_parameters({"smpl_poses": poses}, "it")


def test_amass_and_our_own_by_names() -> None:
    table = {
        "poses": with_fingers(52, RANDOM).reshape(FRAMES, 156),
        "trans": PLACE,
        "betas": np.arange(16.0),
        "gender": np.array("female"),
    }
    found = named_parameters({**table, "mocap_framerate": 120.0}, "it")
    assert (found.model, found.gender, found.fps, found.up, found.scale) == ("smplh", "female", 120.0, "z", 1.0)
    assert (found.form, found.rest_pelvis) == ("AMASS motion", None)
    np.testing.assert_array_equal(found.betas, np.arange(16.0))
    assert found.detail is not None
    assert found.detail.hands is not None
    assert named_parameters({**table, "gender": b"male"}, "it").gender == "male"
    ours = {**table, "rest_pelvis": np.arange(3.0), "scale": 0.9, "provenance": '{"body": {"fingerprint": "abc"}}'}
    found = named_parameters(ours, "it")
    assert (found.model, found.form, found.scale) == ("abc", "DancePose motion", 0.9)
    assert found.rest_pelvis is not None
    assert found.rest_pelvis.tolist() == [0, 1, 2]
    assert named_parameters({**ours, "provenance": "x"}, "it").model == "smpl"
    for wrong in ({"scale": 1e-3}, {"scale": 1e3}, {"rest_pelvis": np.ones(2)}, {"rest_pelvis": np.full(3, np.nan)}):
        with pytest.raises(FormatError, match="rest_pelvis"):
            named_parameters({**ours, **wrong}, "it")
    with pytest.raises(FormatError, match="betas that are not numbers"):
        named_parameters({**table, "betas": np.full(10, np.nan)}, "it")
    with pytest.raises(FormatError, match=r"expected \(30, 3\)"):
        named_parameters({**table, "trans": PLACE[1:]}, "it")
    beat = named_parameters({**table, "expressions": np.full((FRAMES, 100), 0.1)}, "it")
    assert beat.detail is not None
    assert beat.detail.expression is not None


def values_of(points: np.ndarray, **hints: str) -> tuple[str, float]:
    name, finding = decide_values(points, Hints(**hints))
    return name, finding.confidence


def test_positions_and_rotations_are_told_apart() -> None:
    points = points_of(MOTION, "smpl24").astype(np.float64)
    assert values_of(points) == ("positions", 0.98)
    assert values_of(points[:, :20]) == ("positions", 0.99)
    spread = rotvecs(waltz())[::20]
    assert values_of(spread) == ("rotations", 0.95)
    assert values_of(spread[:5]) == ("rotations", 0.95)
    assert values_of(spread[:4]) == ("rotations", 0.7)
    assert values_of(DANCE) == ("rotations", 0.7)  # a second, in which distances between vectors hardly change
    assert values_of(DANCE, values="positions") == ("positions", 1.0)
    assert values_of(points, values="rotations") == ("rotations", 1.0)
    # Neither: longer than a turn, and no person.
    assert values_of(20.0 * RANDOM.normal(size=(FRAMES, 24, 3))) == ("positions", 0.4)
    hidden = points.copy()
    hidden[::2, 5] = 0.0
    assert values_of(hidden) == ("positions", 0.98)
    with pytest.raises(InputError, match="no values 'angles'"):
        values_of(points, values="angles")
    for count in (21, 23):
        with pytest.raises(InputError, match=f"{3 * count} numbers a frame that are rotations"):
            values_of(DANCE[:, 1 : count + 1])


def test_natural_poses() -> None:
    pose = np.zeros((9, 24, 3))
    assert not pose_is_natural(pose)
    for bend, across, natural in (
        (1.0, 0.0, True), (-0.2, 0.0, True), (-0.4, 0.0, False), (2.5, 0.0, True), (2.7, 0.0, False), (0.1, 0.5, True),
        (0.1, 0.65, False), (1.0, 0.9, True), (1.0, 1.1, False),
    ):  # fmt: skip
        pose[:, 4:6] = [bend, across, across]
        pose[:3, 4:6] = 0.0  # less than half of the clip
        assert pose_is_natural(pose) is natural
    most = {3: 0.8, 0: 7.0, 12: 0.9, 16: 2.4, 18: 2.8, 21: 1.5}
    for joint, angle in most.items():
        for factor in (0.99, 1.01):
            pose = np.zeros((9, 24, 3))
            pose[:, 4:6, 0] = 0.1
            pose[:, joint, 2] = factor * angle
            assert pose_is_natural(pose) is (factor < 1.0)


def test_rotations_without_a_name() -> None:
    turns = matrices(DANCE)
    quaternions = Rotation.from_rotvec(DANCE.reshape(-1, 3)).as_quat().reshape(FRAMES, 24, 4)
    for form in (turns, turns.reshape(FRAMES, 216), turns.reshape(FRAMES, 24, 9)[..., :6],
                 turns.reshape(FRAMES, 24, 9)[..., :6].reshape(FRAMES, 144), quaternions):  # fmt: skip
        found = plain_forms(form, "it", Hints(), 24.0)
        assert found is not None
        require_same_turns(found.rotvec, DANCE)
        assert (found.model, found.fps) == ("smpl", 24.0)
        assert not found.translation.any()
        assert plain_forms(form, "it", Hints(values="positions"), None) is None
        assert plain_forms(form, "it", Hints(layout="smpl24"), None) is None
    for other in (DANCE, DANCE.reshape(FRAMES, 72), 3.0 * turns, turns[:0], np.ones((FRAMES, 20, 6))):
        assert plain_forms(other, "it", Hints(), None) is None
    assert theta_contents.recognises({"poses": 1, "trans": 1})
    assert theta_contents.recognises({"smpl_poses": 1})
    assert not theta_contents.recognises({"poses": 1})


def test_finedance_vectors() -> None:
    found = theta_contents.finedance_vectors(
        np.concatenate([PLACE, with_fingers(52, RANDOM).reshape(FRAMES, 156)], axis=1), "it"
    )
    require_same_turns(found.rotvec[:, :22], DANCE[:, :22])
    np.testing.assert_array_equal(found.translation, PLACE)
    assert (found.fps, found.model) == (30.0, "smplh")
    with pytest.raises(InputError, match="zero frames"):
        theta_contents.finedance_vectors(np.zeros((0, 159)), "it")
