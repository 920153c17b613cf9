# SPDX-License-Identifier: Apache-2.0
"""Entries and arrays with the number, time, person or recording of each frame."""

import json
from pathlib import Path
import pickle
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import InputError
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.readers import open_recording
from dancepose_addon.core.skeleton.recording import Hints, PointRecording, PoseRecording
from tests.support.samples import cut, points_of, waltz
from tests.support.tool_samples import rotvecs

FRAMES, RATE = 60, 25.0
MOTION = cut(waltz(), FRAMES)
POINTS = points_of(MOTION, "smpl24")
OTHER = POINTS[::-1] + np.array([1.0, 0.0, 0.0])
VECTORS = rotvecs(MOTION).reshape(FRAMES, 72)
SHUFFLED = np.random.default_rng(2).permutation(FRAMES).tolist()
KEPT = [*range(20), *range(35, FRAMES)]


def pose(frame: int) -> dict[str, Any]:
    return {
        "global_orient": VECTORS[frame, :3].tolist(),
        "body_pose": VECTORS[frame, 3:].tolist(),
        "transl": MOTION.translation[frame].tolist(),
        "betas": [0.0] * 10,
    }


def opened(folder: Path, value: Any, take: int = 0) -> Any:
    (folder / "a.json").write_text(json.dumps(value))
    return open_recording(folder / "a.json", Hints(take=take))


def check_points(found: Any, expected: np.ndarray = POINTS) -> None:
    assert isinstance(found, PointRecording)
    np.testing.assert_allclose(found.points, expected, atol=1e-6)


def check_pose(found: Any, frames: Any = slice(None)) -> None:
    assert isinstance(found, PoseRecording)
    np.testing.assert_allclose(found.rotvec[:, :22].reshape(len(found.rotvec), -1), VECTORS[frames, :66], atol=1e-6)
    np.testing.assert_allclose(found.translation, MOTION.translation[frames], atol=1e-6)


def test_entries_of_parameters_are_put_in_order(tmp_path: Path) -> None:
    check_pose(opened(tmp_path, [{"frame": n, **pose(n)} for n in SHUFFLED]))
    found = opened(tmp_path, [{"time": n / RATE, **pose(n)} for n in SHUFFLED])
    check_pose(found)
    assert found.fps == pytest.approx(RATE)
    found = opened(tmp_path, [{"frame": n, **pose(n)} for n in KEPT])
    check_pose(found, slice(35, None))
    assert [(one.topic, one.value) for one in found.findings if one.doubtful] == [("frames", "35 to 59")]


def test_an_index_is_no_person(tmp_path: Path) -> None:
    check_pose(opened(tmp_path, [{"id": n, **pose(n)} for n in range(FRAMES)]))
    check_points(opened(tmp_path, [{"id": n, "joints": POINTS[n].tolist()} for n in range(FRAMES)]))


@pytest.mark.parametrize("key", ["person_id", "id", "person", "subject"])
@pytest.mark.parametrize("numbered", [True, False])
def test_persons_of_a_frame_belong_together(tmp_path: Path, key: str, *, numbered: bool) -> None:
    entries = [
        {**({"frame": n} if numbered else {}), key: name, "joints": points[n].tolist()}
        for n in range(FRAMES)
        for name, points in (("x", POINTS), ("y", OTHER))
    ]
    check_points(opened(tmp_path, entries))
    check_points(opened(tmp_path, entries, take=1), OTHER)
    entries = [{"frame": n, key: name, **pose(n)} for n in SHUFFLED for name in "xy"]
    check_pose(opened(tmp_path, entries))


def test_several_entries_of_a_frame_are_refused(tmp_path: Path) -> None:
    for entries in (
        [{"frame": n, "joints": points[n].tolist()} for points in (POINTS, OTHER) for n in range(FRAMES)],
        [{"time": n / RATE, "joints": points[n].tolist()} for points in (POINTS, OTHER) for n in range(FRAMES)],
        [{"frame": n, **pose(n)} for _ in "xy" for n in range(FRAMES)],
    ):
        with pytest.raises(InputError, match=r"several entries of (frame|time) 0\. .* name each person"):
            opened(tmp_path, entries)


def test_rounded_times_of_one_person_lose_no_frame(tmp_path: Path) -> None:
    entries = [{"time": round(n / 120.0, 2), "id": 1, "joints": POINTS[n].tolist()} for n in range(FRAMES)]
    found = opened(tmp_path, entries)
    check_points(found)
    assert found.fps == pytest.approx(120.0, rel=0.02)


def test_entries_of_several_recordings_are_refused(tmp_path: Path) -> None:
    for key in ("clip", "take", "video"):
        entries = [
            {key: name, "joints": points[n].tolist()}
            for name, points in (("one", POINTS), ("two", OTHER))
            for n in range(FRAMES)
        ]
        with pytest.raises(InputError, match=rf"entries of 2 recordings \(one, two\) by their {key}"):
            opened(tmp_path, entries)
    check_points(opened(tmp_path, [{"file": f"{n}.png", "joints": POINTS[n].tolist()} for n in range(FRAMES)]))


def test_keys_that_are_times_give_the_order(tmp_path: Path) -> None:
    check_points(opened(tmp_path, {f"{n / RATE:.2f}": {"joints": POINTS[n].tolist()} for n in SHUFFLED}))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({n / RATE: {"joints": POINTS[n]} for n in SHUFFLED}))
    check_points(open_recording(tmp_path / "a.pkl"))


@pytest.mark.parametrize("key", ["frame_ids", "frames", "frame_index", "timestamps", "time_ms"])
def test_arrays_of_numbers_place_the_frames(tmp_path: Path, key: str) -> None:
    numbers = np.arange(FRAMES) * (1.0 / RATE if key == "timestamps" else 1000.0 / RATE if key == "time_ms" else 1)
    np.savez(tmp_path / "a.npz", joints=POINTS[SHUFFLED], **{key: numbers[SHUFFLED]})
    check_points(open_recording(tmp_path / "a.npz"))
    sureness = np.linspace(0.1, 0.9, FRAMES)[:, None].repeat(24, axis=1)
    np.savez(tmp_path / "a.npz", joints=POINTS[KEPT], confidence=sureness[KEPT], **{key: numbers[KEPT]})
    found = open_recording(tmp_path / "a.npz")
    assert isinstance(found, PointRecording)
    check_points(found, np.where(np.isin(np.arange(FRAMES), KEPT)[:, None, None], POINTS, np.nan))
    assert found.confidence is not None
    np.testing.assert_allclose(found.confidence[KEPT], sureness[KEPT], atol=1e-6)
    assert not found.confidence[20:35].any()
    assert ("lost frames", "15 of 60") in [(one.topic, one.value) for one in found.findings]
    np.savez(tmp_path / "a.npz", joints=np.tile(POINTS, (2, 1, 1)), **{key: np.tile(numbers, 2)})
    with pytest.raises(InputError, match=f"frames of the same number in {key}, out of order"):
        open_recording(tmp_path / "a.npz")


def test_arrays_of_parameters_are_cut_to_a_stretch(tmp_path: Path) -> None:
    table = {
        "pose": VECTORS,
        "trans": MOTION.translation,
        "betas": np.arange(10) / 10.0,
        "verts": np.zeros((FRAMES, 4, 3)),
    }
    rows = {key: value[KEPT] if key != "betas" else value for key, value in table.items()}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"1": {**rows, "frame_ids": np.array(KEPT) + 100}}))
    found = open_recording(tmp_path / "a.pkl")
    check_pose(found, slice(35, None))
    np.testing.assert_allclose(found.betas, np.arange(10) / 10.0)  # type: ignore[union-attr]
    assert ("frames", "35 to 59") in [(one.topic, one.value) for one in found.findings]
    some = SHUFFLED[:10]  # as many as betas
    rows = {key: value[some] if key != "betas" else value for key, value in table.items()}
    rows["frame_ids"] = np.argsort(np.argsort(some))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"1": rows}))
    found = open_recording(tmp_path / "a.pkl")
    check_pose(found, sorted(some))
    np.testing.assert_allclose(found.betas, np.arange(10) / 10.0)  # type: ignore[union-attr]


def test_numbers_of_every_second_frame_are_said(tmp_path: Path) -> None:
    """The rate beside them may be that of the video."""
    numbers = np.arange(0, 2 * FRAMES, 2)
    entries = [{"frame_id": int(at), "joints": one.tolist()} for at, one in zip(numbers, POINTS, strict=True)]
    (tmp_path / "one").mkdir()
    for at, one in zip(numbers, POINTS, strict=True):
        np.save(tmp_path / "one" / f"frame_{at:05d}.npy", one)
    np.savez(tmp_path / "b.npz", joints=POINTS, frame_ids=numbers, fps=30)
    rows = {"pose": VECTORS, "trans": MOTION.translation, "frame_ids": numbers}
    (tmp_path / "c.pkl").write_bytes(pickle.dumps({"1": rows}))
    titles = ["frame", *(f"{name}_{axis}" for name in SMPL24.keypoints for axis in "xyz")]
    table = [",".join(map(str, [at, *one.ravel()])) for at, one in zip(numbers, POINTS, strict=True)]
    (tmp_path / "d.csv").write_text("\n".join([",".join(titles), *table]))
    hints = Hints(fps=25.0)
    found = [open_recording(tmp_path / name, hints) for name in ("one", "b.npz", "c.pkl", "d.csv")]
    for one in (opened(tmp_path, {"fps": 30, "frames": entries}), *found):
        steps = [finding for finding in one.findings if finding.topic == "frame numbers"]
        assert [(step.value, step.why) for step in steps] == [
            ("one in 2", "they go up by 2; if the frame rate is that of the video, give --fps 2 times lower")
        ]
    timed = opened(tmp_path, [{**entry, "time": entry["frame_id"] / 50.0} for entry in entries])
    assert timed.fps == pytest.approx(25.0)
    assert "frame numbers" not in {finding.topic for finding in timed.findings}


@pytest.mark.parametrize("names", [("poses", "trans"), ("smpl_poses", "smpl_trans")], ids=["AMASS", "EDGE"])
def test_numbers_and_times_beside_amass_and_edge(names: tuple[str, str], tmp_path: Path) -> None:
    arrays = {names[0]: VECTORS.reshape(FRAMES, 72), names[1]: MOTION.translation}
    kept = {name: value[KEPT] for name, value in arrays.items()}
    np.savez(tmp_path / "a.npz", **kept, fps=25.0, frame_ids=np.array(KEPT))
    found = open_recording(tmp_path / "a.npz")
    check_pose(found, slice(35, None))
    assert ("frames", "35 to 59") in [(one.topic, one.value) for one in found.findings]
    shuffled = {name: value[SHUFFLED] for name, value in arrays.items()}
    np.savez(tmp_path / "b.npz", **shuffled, timestamps=np.array(SHUFFLED) / RATE)
    found = open_recording(tmp_path / "b.npz")
    check_pose(found)
    assert found.fps == pytest.approx(RATE)


def test_gaps_in_the_keys_of_frames_are_named(tmp_path: Path) -> None:
    for arrays in (
        {n: POINTS[n] for n in KEPT},
        {str(n): {"joints": POINTS[n]} for n in KEPT},
    ):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(arrays))
        found = open_recording(tmp_path / "a.pkl")
        check_points(found, np.where(np.isin(np.arange(FRAMES), KEPT)[:, None, None], POINTS, np.nan))
        assert ("lost frames", "15 of 60") in [(one.topic, one.value) for one in found.findings]


def test_times_count_beside_a_counter(tmp_path: Path) -> None:
    """A tool that leaves frames out may still number those that are there one by one; and the other way around."""
    times = np.arange(FRAMES)[KEPT] / RATE
    counter = np.arange(len(KEPT))
    expected = np.where(np.isin(np.arange(FRAMES), KEPT)[:, None, None], POINTS, np.nan)
    for numbers, seconds in ((counter, times), (np.array(KEPT), counter / RATE)):
        entries = [
            {"frame": int(n), "time": float(s), "joints": POINTS[at].tolist()}
            for n, s, at in zip(numbers, seconds, KEPT, strict=True)
        ]
        np.savez(tmp_path / "b.npz", joints=POINTS[KEPT], frame_ids=numbers, timestamps=seconds)
        titles = ["frame", "time", *(f"{name}_{axis}" for name in SMPL24.keypoints for axis in "xyz")]
        rows = [
            ",".join(map(str, [n, s, *POINTS[at].ravel()])) for n, s, at in zip(numbers, seconds, KEPT, strict=True)
        ]
        (tmp_path / "c.csv").write_text("\n".join([",".join(titles), *rows]))
        for found in (opened(tmp_path, entries), *(open_recording(tmp_path / name) for name in ("b.npz", "c.csv"))):
            np.testing.assert_allclose(found.points, expected, atol=1e-6)
            assert found.fps == pytest.approx(RATE)
            assert ("lost frames", "15 of 60") in [(one.topic, one.value) for one in found.findings]


def test_times_that_go_back_beside_a_counter_are_refused(tmp_path: Path) -> None:
    order = [*range(30, FRAMES), *range(30)]
    entries = [{"frame": n, "time": at / RATE, "joints": POINTS[at].tolist()} for n, at in enumerate(order)]
    with pytest.raises(InputError, match=r"goes back in the time of its entries after row 30 \(2\.36 to 0\)"):
        opened(tmp_path, entries)
    np.savez(tmp_path / "b.npz", joints=POINTS[order], frame_ids=np.arange(FRAMES), time=np.array(order) / RATE)
    with pytest.raises(InputError, match=r"goes back in the array time after row 30"):
        open_recording(tmp_path / "b.npz")
