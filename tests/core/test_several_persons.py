# SPDX-License-Identifier: Apache-2.0
"""Two persons in one file, by the names of their points, as entries without a name, and in other places."""

from collections.abc import Callable, Sequence
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import DancePoseError, DoubtError, InputError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.layouts import BODY25, SMPL24, get_layout
from dancepose_addon.core.skeleton.person_names import require_one_person
from dancepose_addon.core.skeleton.readers import open_recording, read
from dancepose_addon.core.skeleton.recording import Hints, PointRecording, PoseRecording
from tests.support.samples import cut, points_of, waltz
from tests.support.tool_samples import rotvecs

FRAMES = 60
NAMES = SMPL24.keypoints
FIRST = points_of(cut(waltz(), FRAMES), "smpl24")
SECOND = points_of(waltz(), "smpl24")[200 : 200 + FRAMES] + np.array([1.2, 0.0, 0.3])
NAMINGS: Sequence[tuple[Callable[[str], str], Callable[[str], str]]] = (
    (lambda name: f"p1_{name}", lambda name: f"p2_{name}"),
    (lambda name: f"A_{name}", lambda name: f"B_{name}"),
    (lambda name: f"Alice:{name}", lambda name: f"Bob:{name}"),
    (lambda name: f"{name}_1", lambda name: f"{name}_2"),
    (lambda name: f"{name}1", lambda name: f"{name}2"),
    (lambda name: name, lambda name: f"{name}_2"),
    (lambda name: name, lambda name: f"partner {name}"),
    (lambda name: f"leader.{name}", lambda name: f"follower.{name}"),
)


def both() -> np.ndarray:
    return np.concatenate([FIRST, SECOND], axis=1)


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("form", ["csv", "npz", "json"])
def test_names_of_two_persons_are_refused(tmp_path: Path, naming: Any, form: str) -> None:
    names = [rename(name) for rename in naming for name in NAMES]
    if form == "csv":
        head = [f"{name}_{axis}" for name in names for axis in "xyz"]
        rows = [",".join([f"{n / 25:.2f}", *(f"{x:.5f}" for x in frame.ravel())]) for n, frame in enumerate(both())]
        (tmp_path / "a.csv").write_text("\n".join([",".join(["time", *head]), *rows]) + "\n")
    elif form == "npz":
        np.savez(tmp_path / "a.npz", joints=both(), joint_names=names, fps=25.0)
    else:
        frames = [dict(zip(names, frame.tolist(), strict=True)) for frame in both()]
        (tmp_path / "a.json").write_text(json.dumps({"fps": 25, "frames": frames}))
    with pytest.raises(InputError, match="points of several persons by their names"):
        open_recording(tmp_path / f"a.{form}")


@pytest.mark.parametrize(
    "layout",
    ["smpl24", "smpl22", "coco17", "body25", "md23", "plugingait39", "cmu42", "motive37", "smplx55", "azure32"],
)
def test_names_of_one_person_are_not_refused(layout: str) -> None:
    points = points_of(cut(waltz(), FRAMES), layout)
    names = get_layout(layout).keypoints
    require_one_person(names, points, "it")
    require_one_person([f"Anna:{name}" for name in names], points, "it")
    # Several skeletons of one character, as of control rigs, and the same points filtered.
    twice = np.concatenate([points, points + 0.01], axis=1)
    require_one_person([f"{kind}-{name}" for kind in ("ORG", "DEF") for name in names], twice, "it")
    require_one_person([f"{name}_{kind}" for kind in ("raw", "filtered") for name in names], twice, "it")


def openpose(folder: Path, persons: Callable[[int], list[np.ndarray]], identity: Any = (-1,)) -> None:
    for frame in range(FRAMES):
        people = [
            {
                "person_id": list(identity),
                "pose_keypoints_3d": np.column_stack([one, np.ones(len(one))]).ravel().tolist(),
            }
            for one in persons(frame)
        ]
        (folder / f"v_{frame:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))


@pytest.mark.parametrize("identity", [(-1,), (0,), ()])
@pytest.mark.parametrize("case", ["both", "exchanged", "first gone", "second gone"])
def test_persons_without_a_name_are_followed_by_their_place(tmp_path: Path, identity: Any, case: str) -> None:
    one = points_of(cut(waltz(), FRAMES), "body25")
    two = points_of(waltz(), "body25")[200 : 200 + FRAMES] + np.array([1.2, 0.0, 0.3])

    def persons(frame: int) -> list[np.ndarray]:
        if case == "exchanged" and frame >= 30:
            return [two[frame], one[frame]]
        if case == "first gone" and 30 <= frame < 36:
            return [two[frame]]
        return [one[frame]] if case == "second gone" and 30 <= frame < 36 else [one[frame], two[frame]]

    openpose(tmp_path, persons, identity)
    found = [open_recording(tmp_path, Hints(take=take)) for take in (0, 1)]
    if case == "first gone":
        found = found[::-1]  # the one who is seen in more frames is first
    for recording, truth, gone in zip(found, (one, two), ("first gone", "second gone"), strict=True):
        assert isinstance(recording, PointRecording)
        assert recording.points.shape == (FRAMES, BODY25.count, 3)
        assert [(finding.topic, finding.count) for finding in recording.findings if finding.topic == "person"]
        expected = truth.copy()
        if case == gone:
            expected[30:36] = np.nan
        np.testing.assert_allclose(recording.points, expected, atol=1e-6)


def test_persons_of_one_frame_in_arrays(tmp_path: Path) -> None:
    for frame in range(FRAMES):
        both_persons = [SECOND[frame]] if 30 <= frame < 36 else [FIRST[frame], SECOND[frame]]
        np.save(tmp_path / f"{frame:06d}.npy", np.stack(both_persons))
    found = open_recording(tmp_path)
    assert isinstance(found, PointRecording)
    np.testing.assert_allclose(found.points, SECOND, atol=1e-6)


def test_tables_of_persons_by_name(tmp_path: Path) -> None:
    people = (("ann", FIRST), ("bob", SECOND))
    by_joint = {name: {joint: points[:, k].tolist() for k, joint in enumerate(NAMES)} for name, points in people}
    by_frame = [
        {name: dict(zip(NAMES, points[frame].tolist(), strict=True)) for name, points in people}
        for frame in range(FRAMES)
    ]
    for value in (by_joint, by_frame):
        (tmp_path / "a.json").write_text(json.dumps(value))
        for take, (name, points) in enumerate(people):
            found = open_recording(tmp_path / "a.json", Hints(take=take))
            assert isinstance(found, PointRecording)
            np.testing.assert_allclose(found.points, points, atol=1e-6)
            assert ("person", name) in [(one.topic, one.value) for one in found.findings]
    with pytest.raises(InputError, match="holds 2 persons; there is no number 2"):
        open_recording(tmp_path / "a.json", Hints(take=2))


def test_results_of_detectors_by_image(tmp_path: Path) -> None:
    for key, form in (("image_id", None), ("image_id", "img_{:05d}.jpg"), ("file_name", "{}.png")):
        entries = [
            {
                key: form.format(frame) if form else frame,
                "category_id": 1,
                "keypoints": points[frame].tolist(),
                "score": 0.9,
            }
            for frame in range(FRAMES)
            for points in (FIRST, SECOND)
        ]
        (tmp_path / "a.json").write_text(json.dumps(entries))
        for take, points in enumerate((FIRST, SECOND)):
            found = open_recording(tmp_path / "a.json", Hints(take=take))
            np.testing.assert_allclose(found.points, points, atol=1e-6)  # type: ignore[union-attr]
        shuffled = [entries[2 * n] for n in np.random.default_rng(3).permutation(FRAMES)]
        (tmp_path / "a.json").write_text(json.dumps(shuffled))
        np.testing.assert_allclose(open_recording(tmp_path / "a.json").points, FIRST, atol=1e-6)  # type: ignore[union-attr]


def test_rows_of_a_table_at_the_same_times(tmp_path: Path) -> None:
    head = ",".join(f"{name}_{axis}" for name in NAMES for axis in "xyz")
    rows = [
        ",".join([f"{frame / 25:.2f}", *(f"{x:.5f}" for x in points[frame].ravel())])
        for frame in range(FRAMES)
        for points in (FIRST, SECOND)
    ]
    (tmp_path / "a.csv").write_text("\n".join([f"time,{head}", *rows]) + "\n")
    with pytest.raises(InputError, match="rows of the same times at different places"):
        open_recording(tmp_path / "a.csv")
    # Two frames of one person within the resolution of the times are no two persons.
    rows = [
        ",".join([f"{frame // 2 / 50:.2f}", *(f"{x:.5f}" for x in FIRST[frame].ravel())]) for frame in range(FRAMES)
    ]
    (tmp_path / "a.csv").write_text("\n".join([f"time,{head}", *rows]) + "\n")
    found = open_recording(tmp_path / "a.csv")
    assert (len(found.points), found.fps) == (FRAMES, pytest.approx(100.0, rel=0.05))  # type: ignore[union-attr]
    for column in ("dancer", "track", "individual"):
        lines = [f"{n % 2},{row}" for n, row in enumerate(rows)]
        (tmp_path / "a.csv").write_text("\n".join([f"{column},time,{head}", *lines]) + "\n")
        with pytest.raises(DancePoseError, match=f"2 persons .* column {column}"):
            open_recording(tmp_path / "a.csv")


def ids_of_frames(names: Sequence[Any]) -> list[list[dict[str, Any]]]:
    """Both persons in each frame, with the names given."""
    return [
        [{"id": name, "joints": points[frame].tolist()} for name, points in zip(names, (FIRST, SECOND), strict=True)]
        for frame in range(FRAMES)
    ]


def test_a_name_that_two_persons_of_a_frame_have(tmp_path: Path) -> None:
    frames = ids_of_frames((1, 1))
    third = FIRST + np.array([-2.0, 0.0, 0.0])
    for frame, persons in enumerate(frames):
        persons.append({"id": 2, "joints": third[frame].tolist()})
    (tmp_path / "a.json").write_text(json.dumps(frames))
    for take, points in enumerate((FIRST, SECOND, third)):
        found = open_recording(tmp_path / "a.json", Hints(take=take))
        assert min(np.nanmax(np.abs(found.points - one)) for one in (FIRST, SECOND, third)) < 1e-6  # type: ignore[union-attr]
        assert points.shape == found.points.shape  # type: ignore[union-attr]


@pytest.mark.parametrize("form", ["thetas", "parts"])
def test_persons_with_parameters_are_followed_by_their_translation(tmp_path: Path, form: str) -> None:
    """ROMP's files of a frame: persons who walk stay the same ones; a false detection is another one."""
    vectors = rotvecs(cut(waltz(), FRAMES)).reshape(FRAMES, 72)
    walk = np.linspace(0.0, 1.2, FRAMES)[:, None] * np.array([1.0, 0.0, 0.2])
    for frame in range(FRAMES):
        count = 2 if frame == 30 else 1
        place = np.stack([walk[frame] + [2.0 * person, 0.0, 0.0] for person in range(count)])
        pose = np.stack([vectors[frame]] * count)
        table = {"cam_trans": place, "smpl_betas": np.zeros((count, 10))}
        table |= {"smpl_thetas": pose} if form == "thetas" else {"global_orient": pose[:, :3], "body_pose": pose[:, 3:]}
        np.savez(tmp_path / f"{frame:06d}.npz", results=np.array(table, object))
    found = open_recording(tmp_path)
    np.testing.assert_allclose(found.translation, walk, atol=1e-6)  # type: ignore[union-attr]
    assert [one.count for one in found.findings if one.topic == "person"] == [2]


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("values", ["points", "rotations"])
def test_motions_as_the_first_axis(tmp_path: Path, count: int, values: str) -> None:
    vectors = rotvecs(cut(waltz(), 300)).reshape(300, 24, 3)
    motions = points_of(waltz(), "smpl24") if values == "points" else vectors
    pieces = np.stack([motions[50 * number : 50 * number + FRAMES] for number in range(count)])
    np.save(tmp_path / "a.npy", pieces)
    for take in range(count):
        found = open_recording(tmp_path / "a.npy", Hints(take=take))
        if values == "points":
            np.testing.assert_allclose(found.points, pieces[take])  # type: ignore[union-attr]
        else:
            np.testing.assert_allclose(found.rotvec[:, :22], pieces[take, :, :22])  # type: ignore[union-attr]
        assert (("motion", f"number {take}")) in [(one.topic, one.value) for one in found.findings]
    if values == "points" and count == 3:  # the axes first, as of graph networks
        np.save(tmp_path / "a.npy", pieces.transpose(3, 1, 2, 0))
        np.testing.assert_allclose(open_recording(tmp_path / "a.npy").points, pieces[0])  # type: ignore[union-attr]


def test_an_exchange_is_named_for_one_person(tmp_path: Path) -> None:
    both_persons = np.stack([FIRST, SECOND], axis=1)
    np.save(tmp_path / "a.npy", both_persons)
    assert not [one for one in open_recording(tmp_path / "a.npy").findings if "exchanged" in one.value]
    both_persons[30:] = both_persons[30:, ::-1]
    np.save(tmp_path / "a.npy", both_persons)
    findings = open_recording(tmp_path / "a.npy", Hints(take=0, everyone=False)).findings
    [found] = [one for one in findings if "exchanged" in one.value]
    assert (found.value, "after frame 29" in found.why) == ("exchanged with number 1", True)


def test_arrays_that_name_the_person_of_a_frame(tmp_path: Path) -> None:
    whole = np.concatenate([FIRST, SECOND])
    for key in ("person_id", "clip"):
        np.savez(tmp_path / "a.npz", joints=whole, fps=25.0, **{key: [1] * FRAMES + [2] * FRAMES})
        with pytest.raises(InputError, match=f"2 persons or recordings by its array {key}"):
            open_recording(tmp_path / "a.npz")


@pytest.mark.parametrize("count", [2, 3])
def test_frames_of_persons_in_turn_are_refused(tmp_path: Path, count: int) -> None:
    motion = cut(waltz(), FRAMES)
    others = [FIRST + np.array([1.2 * person, 0.0, 0.0]) for person in range(count)]
    np.save(tmp_path / "a.npy", np.stack(others, axis=1).reshape(-1, 24, 3))
    vectors = np.repeat(rotvecs(motion).reshape(FRAMES, 72), count, axis=0)
    places = np.stack([motion.translation + np.array([1.2 * person, 0.0, 0.0]) for person in range(count)], axis=1)
    np.savez(tmp_path / "b.npz", poses=vectors, trans=places.reshape(-1, 3), fps=25.0)
    for name in ("a.npy", "b.npz"):
        with pytest.raises(DoubtError, match=f"as of {count} persons in turn, and the rows of one are needed"):
            open_source(tmp_path / name, body=load_body(), hints=Hints(fps=25.0))
    notes = read(tmp_path / "a.npy", fps=25.0, hints=Hints(accept_doubt=True)).notes
    assert any("it was asked for, but at it the body moves" in note for note in notes)


@pytest.mark.parametrize("title", ["frame_no", "FrameNumber", "Frame No.", "frame_idx", "index", ""])
def test_titles_of_frame_numbers(tmp_path: Path, title: str) -> None:
    head = ",".join(f"{name}_{axis}" for name in NAMES for axis in "xyz")
    kept = [*range(20), *range(30, FRAMES)]
    rows = [",".join([str(n), *(f"{x:.5f}" for x in FIRST[n].ravel())]) for n in kept]
    (tmp_path / "a.csv").write_text("\n".join([f"{title},{head}", *rows]) + "\n")
    found = open_recording(tmp_path / "a.csv", Hints(fps=25.0))
    assert ("lost frames", "10 of 60") in [(one.topic, one.value) for one in found.findings]


TRUNK = ("spine1", "spine2", "spine3")
SPINES = {
    "unity": ("Spine", "Chest", "UpperChest"),
    "mixamo": ("Spine", "Spine1", "Spine2"),
    "unreal": ("spine_01", "spine_02", "spine_03"),
    "daz": ("abdomenLower", "abdomenUpper", "chestUpper"),
    "xsens": ("L5", "T12", "T8"),
}


@pytest.mark.parametrize("tool", SPINES)
@pytest.mark.parametrize("order", ["sorted", "reversed"])
def test_bones_of_tables_are_in_the_order_of_their_names(tmp_path: Path, tool: str, order: str) -> None:
    names = {
        **dict(zip(NAMES, NAMES, strict=True)),
        **dict(zip(("spine1", "spine2", "spine3"), SPINES[tool], strict=True)),
    }
    names |= {"pelvis": "Hips", "left_hip": "LeftUpLeg", "right_hip": "RightUpLeg"}
    columns = sorted(NAMES, key=names.__getitem__) if order == "sorted" else NAMES[::-1]
    frames = [{names[one]: FIRST[n, NAMES.index(one)].tolist() for one in columns} for n in range(FRAMES)]
    (tmp_path / "a.json").write_text(json.dumps({"fps": 25, "frames": frames}))
    found = open_recording(tmp_path / "a.json")
    np.testing.assert_allclose(found.points, FIRST, atol=1e-6)  # type: ignore[union-attr]


def test_axes_before_names_that_end_in_a_letter_of_an_axis(tmp_path: Path) -> None:
    head = ",".join(f"{axis}_{name}" for name in NAMES for axis in "xyz")  # x_left_elbow
    rows = [",".join([f"{n / 25:.2f}", *(f"{x:.5f}" for x in FIRST[n].ravel())]) for n in range(FRAMES)]
    (tmp_path / "a.csv").write_text("\n".join([f"time,{head}", *rows]) + "\n")
    np.testing.assert_allclose(open_recording(tmp_path / "a.csv").points, FIRST, atol=1e-4)  # type: ignore[union-attr]


@pytest.mark.parametrize("names", [("poses", "trans"), ("smpl_poses", "root_trans")])
def test_parameters_with_persons_as_the_second_axis(names: tuple[str, str], tmp_path: Path) -> None:
    motion = cut(waltz(), 60)
    vectors = rotvecs(motion).reshape(60, 72)
    pose = np.stack([vectors, vectors[::-1]], axis=1)
    place = np.stack([motion.translation, motion.translation + np.array([2.0, 0.0, 0.0])], axis=1)
    for poses, places in ((pose, place), (np.swapaxes(pose, 0, 1), np.swapaxes(place, 0, 1))):
        np.savez(tmp_path / "a.npz", **{names[0]: poses, names[1]: places, "fps": 25.0})
        found = open_recording(tmp_path / "a.npz", Hints(take=1))
        assert isinstance(found, PoseRecording)
        np.testing.assert_allclose(found.rotvec[:, :22].reshape(len(vectors), -1), vectors[::-1, :66], atol=1e-6)
        np.testing.assert_allclose(found.translation, place[:, 1], atol=1e-6)
        assert [one.count for one in found.findings if one.topic == "person"] == [2]


def test_a_person_of_another_number_than_asked_for_is_said(tmp_path: Path) -> None:
    """Persons are counted by how long they are seen, whatever the file calls them."""
    rows = [
        {"frame": n, "id": name, "joints": (FIRST if name else SECOND)[n].tolist()}
        for n in range(FRAMES) for name in (1, 0) if name or n > 5
    ]  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(rows))
    for take, name in ((0, "1"), (1, "0")):
        found = open_recording(tmp_path / "a.json", Hints(take=take, everyone=False))
        assert [(one.value, one.doubtful) for one in found.findings if one.topic == "person"] == [(name, True)]
    named = [{**row, "id": 1 - row["id"]} for row in rows]
    (tmp_path / "a.json").write_text(json.dumps(named))
    found = open_recording(tmp_path / "a.json", Hints(take=0, everyone=False))
    assert [(one.value, one.doubtful) for one in found.findings if one.topic == "person"] == [("0", False)]
