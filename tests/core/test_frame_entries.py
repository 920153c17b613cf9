# SPDX-License-Identifier: Apache-2.0
"""Entries of frames, persons in a frame, folders of frames, and hands alone: by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import distance_matrix

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.skeleton.readers import frame_folders, frame_lists, frame_persons, hands_alone
from dancepose_addon.core.skeleton.readers.frame_lists import frames_in, has_flat_points, place_of, points_of_entry
from dancepose_addon.core.skeleton.readers.frame_persons import persons_of_frame
from dancepose_addon.core.skeleton.readers.person_tracks import Track, longest_run, tracks_in
from dancepose_addon.core.skeleton.readers.track_points import table_of_points

RANDOM = np.random.default_rng(8)
FIVE = RANDOM.normal(size=(5, 3))
HERE = Path("it")


def scored(points: np.ndarray) -> np.ndarray:
    return np.column_stack([points, np.ones(len(points))])


def hand() -> np.ndarray:
    """(21, 3): a wrist, and five fingers with four points each, 3 cm apart."""
    fingers = [[0.025 * (finger - 2), 0.08 + 0.03 * part, 0.0] for finger in range(5) for part in range(4)]
    return np.array([[0.0, 0.0, 0.0], *fingers])


def test_the_length_of_a_hand_against_the_shortest_tree() -> None:
    edges = np.array(hands_alone.TREE)
    for points in (hand(), RANDOM.normal(size=(21, 3))):
        length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1).sum()
        shortest = minimum_spanning_tree(distance_matrix(points, points)).sum()
        assert hands_alone._excess(points) == pytest.approx(length / shortest)
    assert hands_alone._excess(np.zeros((21, 3))) == np.inf
    assert hands_alone._excess(hand()) < 1.25
    assert hands_alone._excess(RANDOM.permutation(hand())) > 2.0


def test_hands_without_a_body_are_refused() -> None:
    for count, number in ((1, r"a hand \(21"), (2, r"two hands \(42")):
        points = np.tile(hand(), (4, count, 1)) + RANDOM.normal(size=(4, 1, 3))
        with pytest.raises(InputError, match=f"it holds points of {number}"):
            hands_alone.refuse_hands_alone(points, "it")
        points[1:3] = np.nan  # frames without a hand say nothing
        with pytest.raises(InputError):
            hands_alone.refuse_hands_alone(points, "it")
        hands_alone.refuse_hands_alone(RANDOM.permutation(points, axis=1), "it")
        hands_alone.refuse_hands_alone(np.zeros_like(points), "it")
        hands_alone.refuse_hands_alone(np.full_like(points, np.nan), "it")
        hands_alone.refuse_hands_alone(points[:0], "it")
    hands_alone.refuse_hands_alone(np.tile(hand(), (4, 1, 1))[:, :20], "it")
    # In one place the hand is a point, of no shape; flat hands are hands.
    mixed = np.tile(RANDOM.permutation(hand()), (3, 1, 1))
    mixed[1] = hand()
    hands_alone.refuse_hands_alone(mixed, "it")
    mixed[2] = hand()
    with pytest.raises(InputError):
        hands_alone.refuse_hands_alone(mixed, "it")


@pytest.mark.parametrize(
    ("item", "place"),
    [
        (np.array([1.0, 2.0, 3.0]), [1, 2, 3, 1]), (np.array([1.0, 2.0, 3.0, 0.5]), [1, 2, 3, 0.5]),
        (np.array([1.0, np.nan, 3.0]), [1, np.nan, 3, 0]), ({"x": 1, "Y": 2, "z": 3}, [1, 2, 3, 1]),
        ({"x": 1, "y": 2, "z": 3, "visibility": 0.25}, [1, 2, 3, 0.25]), (np.array([1.0, 2.0]), [np.nan] * 3 + [0]),
        ({"x": 1, "y": 2}, [1, 2, np.nan, 1]), (np.ones(5), [np.nan] * 3 + [0]), (None, [np.nan] * 3 + [0]),
        (np.array(["a", "b", "c"]), [np.nan] * 3 + [0]), (np.ones((3, 1)), [np.nan] * 3 + [0]),
    ],
)  # fmt: skip
def test_places(item: Any, place: list[float]) -> None:
    np.testing.assert_array_equal(place_of(item), place)


def test_what_is_a_place() -> None:
    for item in (np.ones(3), np.ones(4, int), {"X": 1, "y": 1, "z": 1}):
        assert frame_lists.is_place(item)
    for item in (np.ones(2), np.ones(5), np.ones((3, 1)), np.array(["a", "b", "c"]), {"x": 1, "y": 1}, [1, 2, 3], None):
        assert not frame_lists.is_place(item)


def test_points_of_one_person_at_one_moment() -> None:
    with_score = np.column_stack([FIVE, [0.1, 0.2, 0.3, 0.4, 1.0]])
    for value in (FIVE, FIVE[None], FIVE.ravel(), list(FIVE), FIVE.astype("f4").astype(float)):
        np.testing.assert_allclose(points_of_entry(value), scored(FIVE), atol=1e-6)
    for value in (with_score, with_score[None], with_score.ravel(), list(with_score)):
        np.testing.assert_allclose(points_of_entry(value), with_score)
    # 60 numbers are 15 points of four if every fourth is a confidence, else 20 of three.
    flat = RANDOM.uniform(2.0, 3.0, 60)
    assert points_of_entry(flat).shape == (20, 4)
    flat[3::4] = np.linspace(0.0, 1.0, 15)
    assert points_of_entry(flat).shape == (15, 4)
    for wrong in (-0.1, 1.1):
        flat[3] = wrong
        assert points_of_entry(flat).shape == (20, 4)
    assert points_of_entry(RANDOM.uniform(2.0, 3.0, 20)).shape == (5, 4)
    for value in (
        flat[:12],
        flat[:14],
        flat[:17],
        np.ones((5, 2)),
        np.ones((2, 5, 3)),
        np.array(["a"] * 15),
        None,
        [],
        [1.0],
        "x",
    ):
        assert points_of_entry(value).shape == (0, 4)
    hidden = FIVE.copy()
    hidden[2, 1] = np.nan
    assert points_of_entry(hidden)[:, 3].tolist() == [1, 1, 0, 1, 1]


@pytest.mark.parametrize(
    ("table", "person"),
    [
        ({"poses": np.zeros(72)}, True), ({"body_pose": np.zeros((1, 63))}, True),
        ({"pose": np.zeros((24, 3, 3))}, True),
        ({"poses": np.zeros(24 * 4)}, True), ({"poses": np.zeros(71)}, False), ({"poses": np.zeros(78)}, False),
        ({"poses": np.zeros(78), "Rh": np.zeros(3)}, True), ({"poses": np.zeros(87), "Rh": np.zeros(3)}, True),
        ({"poses": np.array(["x"] * 72)}, False), ({"joints": FIVE}, True), ({"joints": FIVE[:4]}, False), ({}, False),
        ({f"j{n}": np.ones(3) for n in range(5)}, True), ({f"j{n}": np.ones(3) for n in range(4)}, False),
        ({"joints": {f"j{n}": {"x": 1, "y": 1, "z": 1} for n in range(5)}}, True),
    ],
)  # fmt: skip
def test_what_is_a_person(table: dict[str, Any], *, person: bool) -> None:
    assert frame_lists._is_person(table) is person
    assert (frames_in([table]) is not None) is person


def entry(shift: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"keypoints3d": FIVE + shift, **more}


def test_containers_of_frames() -> None:
    frames = [entry(), None, []]
    assert frames_in(frames) is frames
    by_name = {"000.jpg": entry(), "clip_001": {}}
    assert len(frames_in(by_name) or []) == 2
    one = {"people": [entry()], "version": 1.3}
    found = frames_in(one)
    assert found is not None
    assert found[0] is one
    for other in (
        {"000.jpg": entry(), "name": {}},
        [entry(), "text"],
        [entry(), 5],
        [],
        {},
        [{}],
        "text",
        None,
        {"000": {}},
    ):
        assert frames_in(other) is None
    late: list[Any] = [None] * 200
    assert frames_in([*late[:199], entry()]) is not None
    assert frames_in([*late, entry()]) is None


def test_persons_are_followed() -> None:
    frames = [
        [entry(id=7), entry(1.0, id=8)], {"people": [entry(2.0, id=8), entry(9.0, id=8)]}, [], entry(3.0,
        id=np.array([8])),
    ]  # fmt: skip
    tracks = tracks_in(frames)
    assert [(track.name, track.frames, track.total) for track in tracks] == [
        ("8", [0, 1, 3], 4), ("7", [0], 4), ("0", [1], 4),  # the last has the name of another one
    ]  # fmt: skip
    assert [float(one["keypoints3d"][0, 0] - FIVE[0, 0]) for one in tracks[0].entries] == pytest.approx([1, 2, 3])
    assert [track.name for track in tracks_in([[entry(), {"x": 1}, entry()]])] == ["0", "1"]
    assert [track.name for track in tracks_in([entry(track_id="n" * 30)])] == ["n" * 24]
    phalp = {"tid": np.array([4]), "smpl": [{"body_pose": np.zeros(69)}, {"body_pose": np.zeros(69)}, "x", {"y": 1}]}
    assert [track.name for track in tracks_in([phalp])] == ["4", "1"]


def test_points_of_a_track() -> None:
    track = Track("a", [1, 3], [entry(), entry(1.0)], 5)
    table = table_of_points(track, "it")
    assert np.isnan(table["points"]).all(axis=(1, 2)).tolist() == [True, False, True, False, True]
    np.testing.assert_allclose(table["points"][3], FIVE + 1.0)
    assert table["confidence"].tolist() == [[0] * 5, [1] * 5, [0] * 5, [1] * 5, [0] * 5]
    assert "joint_names" not in table
    named = [
        {"joints": {f"j{n}": np.ones(3) * n for n in range(5)}},
        {"joints": {"j4": np.array([7.0, 8.0, 9.0, 0.5])}},
    ]
    table = table_of_points(Track("a", [0, 1], named, 2), "it")
    assert table["joint_names"] == [f"j{n}" for n in range(5)]
    assert table["points"][1, 4].tolist() == [7, 8, 9]
    assert table["confidence"].tolist() == [[1] * 5, [0, 0, 0, 0, 0.5]]
    assert table_of_points(Track("a", [0], [{"joints": {f"j{n}": np.ones(3) for n in range(4)}}], 1), "it") == {}
    with pytest.raises(FormatError, match="different numbers of points"):
        table_of_points(Track("a", [0, 1], [entry(), {"keypoints3d": np.ones((6, 3))}], 2), "it")
    scores = entry(keypoint_scores=np.array([0.0, 0.5, 2.0, -1.0, np.nan]))
    assert table_of_points(Track("a", [0], [scores], 1), "it")["confidence"].tolist() == [[0, 0.5, 1, 0, 0]]
    other = entry(scores=np.ones(4))
    assert table_of_points(Track("a", [0], [other], 1), "it")["confidence"].tolist() == [[1] * 5]


def test_names_of_listed_points() -> None:
    def listed(*names: Any) -> dict[str, Any]:
        return {"joints": [{"x": n, "y": 0, "z": 0, "name": name} for n, name in enumerate(names)]}

    found = table_of_points(Track("a", [0], [listed(*"abcde")], 1), "it")
    assert found["joint_names"] == list("abcde")
    assert found["points"][0, :, 0].tolist() == [0, 1, 2, 3, 4]
    for names in (("a", "b", "c", "d", ""), ("a", "b", "c", "d", 5)):
        assert "joint_names" not in table_of_points(Track("a", [0], [listed(*names)], 1), "it")


@pytest.mark.parametrize(
    ("entries", "flat"),
    [
        ([{"people": [{"pose_keypoints_2d": np.ones(75)}]}], True), ([{"joints": np.ones((5, 2))}], True),
        ([[{"joints": np.ones((5, 2))}]], True), ([{"joints": np.ones((5, 3))}], False),
        ([{"x": np.ones((5, 2))}], False),
        ([None, "x", {}], False), ([{}] * 199 + [{"joints": np.ones((5, 2))}], True),
        ([{}] * 200 + [{"joints": np.ones((5, 2))}], False),
    ],
)  # fmt: skip
def test_points_in_the_picture_alone(entries: list[Any], *, flat: bool) -> None:
    assert has_flat_points(entries) is flat


@pytest.mark.parametrize(
    ("frames", "run"),
    [([0, 1, 3, 4, 5, 9], (2, 5)), ([4], (0, 1)), ([0, 1, 2], (0, 3)), ([0, 1, 5, 6], (0, 2)), ([0, 2, 4], (0, 1))],
)
def test_the_longest_stretch_of_frames(frames: list[int], run: tuple[int, int]) -> None:
    assert longest_run(Track("a", frames, [{}] * len(frames), 10)) == run


def test_persons_with_poses_in_a_frame() -> None:
    poses = RANDOM.normal(size=(2, 72))
    romp = {"results": {"smpl_thetas": poses, "cam_trans": np.arange(6.0).reshape(2, 3), "track_ids": np.array([5, 4]),
                        "smpl_betas": np.ones((2, 10)), "names": np.array(["a", "b"])}}  # fmt: skip
    persons = persons_of_frame(romp)
    assert persons is not None
    assert [int(one["id"][0]) for one in persons] == [5, 4]
    np.testing.assert_array_equal(persons[1]["poses"], poses[1].reshape(24, 3))
    assert persons[1]["transl"].tolist() == [3, 4, 5]
    assert persons[0]["betas"].shape == (10,)
    matrices = np.tile(np.eye(3), (1, 24, 1, 1))
    hmr = {
        "pred_smpl_params": {"global_orient": matrices[:, :1], "body_pose": matrices[:, 1:], "betas": np.ones((1, 401))}
    }
    (one,) = persons_of_frame(hmr) or []
    assert one["global_orient"].shape == (1, 3, 3)
    assert one["body_pose"].shape == (23, 3, 3)
    assert set(one) == {"global_orient", "body_pose"}
    (one,) = (
        persons_of_frame({"body_pose": np.ones((21, 3)), "transl": np.ones(4), "left_hand_pose": np.ones(45)}) or []
    )
    assert set(one) == {"body_pose", "left_hand_pose"}
    for count, kept in ((16, True), (17, False)):
        assert (persons_of_frame({"poses": np.ones((count, 72))}) is not None) is kept
    assert persons_of_frame({"poses": np.ones((2, 72)), "fps": np.array(30)}) is None
    assert len(persons_of_frame({"poses": np.ones((1, 72)), "fps": np.array(30)}) or []) == 1
    deep: Any = {"poses": np.ones(72)}
    for _ in range(3):
        deep = {"a": deep}
        assert persons_of_frame(deep) is not None
    assert persons_of_frame({"a": deep}) is None


def test_persons_with_points_in_a_frame() -> None:
    for value in (FIVE, FIVE[None], {"x": FIVE}, {"joints": FIVE, "y": FIVE + 1}, scored(FIVE), FIVE.ravel()):
        (one,) = persons_of_frame(value) or []
        np.testing.assert_allclose(one["joints"], scored(FIVE))
    first, second = persons_of_frame({"joints_3d": np.stack([FIVE, FIVE + 1]), "ids": np.array([3, 9])}) or []
    np.testing.assert_allclose(second["joints"], scored(FIVE + 1))
    assert (int(first["id"][0]), int(second["id"][0])) == (3, 9)
    for nothing in (None, {}, []):
        assert persons_of_frame(nothing) == []
    assert len(persons_of_frame([{"joints": FIVE}, {"joints": FIVE}]) or []) == 2
    for other in ([{"joints": FIVE}] * 17, [FIVE, "x"], {"x": FIVE, "y": FIVE}, FIVE[:4], np.ones((301, 3)),
    np.ones((5, 2)),
                  np.ones((17, 5, 3)), {"text": "a"}, [{"joints": FIVE}, {"joints": FIVE[:3]}]):  # fmt: skip
        assert persons_of_frame(other) is None
    assert len((persons_of_frame(np.ones((300, 3))) or [{"joints": []}])[0]["joints"]) == 300
    assert len(persons_of_frame([{"joints": FIVE}] * 16) or []) == 16


def test_sizes_of_poses_in_a_frame() -> None:
    assert frame_persons._rows(np.ones((3, 72)), frozenset({72})) == 3
    assert frame_persons._rows(np.ones((3, 24, 3)), frozenset({72})) == 3
    assert frame_persons._rows(np.ones((1, 24, 3)), frozenset({72})) == 1
    assert frame_persons._rows(np.ones(72), frozenset({72})) == 1
    assert frame_persons._rows(np.ones(71), frozenset({72})) == 0
    assert frame_persons._joints_of(np.ones(72)).shape == (24, 3)
    assert frame_persons._joints_of(np.ones(144)).shape == (24, 6)
    assert frame_persons._joints_of(np.ones(9), 1).shape == (1, 3, 3)
    assert frame_persons._joints_of(np.ones(6), 1).shape == (1, 6)


@pytest.mark.parametrize(
    ("numbers", "places"),
    [
        ([0, 1, 4], [0, 1, 4]), ([3, 4, 5], [0, 1, 2]), ([0, 2, 4, 8], [0, 1, 2, 4]), ([10, 5], None), ([5], None),
        ([0, 2, 4, 5], [0, 2, 4, 5]), ([0, 1, 1], None), ([0, 1, 11], [0, 1, 11]), ([0, 33, 67, 100], [0, 1, 2, 3]),
        ([0, 1, 261], [0, 1, 261]),
    ],
)  # fmt: skip
def test_frames_at_the_places_of_their_numbers(numbers: list[int], places: list[int] | None) -> None:
    entries = [f"e{number}" for number in numbers]
    found = frame_lists.with_gaps(numbers, entries, "it")
    if places is None:
        assert found is entries
    else:
        assert [found.index(one) for one in entries] == places
        assert [found[at] for at in range(len(found)) if at not in places] == [[]] * (len(found) - len(places))


def test_gaps_of_more_than_four_frames_for_each_are_refused() -> None:
    for numbers in ([0, 1, 262], [*range(40), *range(640, 680)]):
        with pytest.raises(InputError, match=r"^it leaves out [\d,]+ of [\d,]+ frames by its numbers"):
            frame_lists.with_gaps(numbers, [{}] * len(numbers), "it")


def test_files_of_frames_in_order(tmp_path: Path) -> None:
    for name in (
        "a_010.npy",
        "a_9.npy",
        "a_002.npy",
        "b_001.npy",
        "a_003_1.npy",
        "a_003_0.npy",
        "a_001.npz",
        "x.txt",
        "note.npy",
    ):
        (tmp_path / name).touch()
    assert [file.name for file in frame_folders.frame_files(tmp_path)] == [
        "a_002.npy", "a_010.npy", "a_003_0.npy", "a_003_1.npy", "b_001.npy"]  # fmt: skip
    assert frame_folders.frame_files(tmp_path / "none") == []
    for name, numbers in (
        ("a_012.npz", (12, None)),
        ("a_012_3.npz", (12, 3)),
        ("c_0007_keypoints.json", (7, None)),
    ):
        found = frame_folders._frame_file(Path(name), has_person=numbers[1] is not None)
        assert (found.number, found.person) == numbers
