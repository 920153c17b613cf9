# SPDX-License-Identifier: Apache-2.0
"""Readers of skeleton files, against folders written by hand and against the real recordings where they are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError, LayoutError, MissingFileError
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import require_whole, validate
from tests.support.samples import cut, points_of, waltz

# Frames and frame rate by hand: frames / ((end - start) / 25).
REAL_CLIPS = (
    ("md/DANCE_C_2", 1890, 1890 / 76.0, 6.24, 76.0, False),
    ("md/DANCE_R_2", 2312, 2312 / 92.72, 0.32, 92.72, False),
    ("md/DANCE_W_1", 1430, 1430 / 57.56, 0.0, 57.56, False),
    ("md/DANCE_W_12", 1584, 1584 / 64.44, 0.0, 64.44, False),
    ("md_2018/DANCE_C_2", 2000, 2000 / 76.0, 6.24, 76.0, True),
    ("md_2018/DANCE_W_1", 340, 340 / 57.56, 0.0, 57.56, True),
)


def write_clip(
    folder: Path, frames: int = 50, *, points: int = 23, window: tuple[float, float] | None = (100, 150)
) -> Path:
    """An M&D folder: point k of frame t lies at (k, 100 + t, 2 k) cm, split between center and skeletons."""
    folder.mkdir(exist_ok=True)
    skeletons = [[[k, 90.0, 2 * k - 5] for k in range(points)] for _ in range(frames)]
    centre = [[0.0, 10.0 + t, 5.0] for t in range(frames)]
    table = {"length": frames, "center": centre, "skeletons": skeletons}
    (folder / "skeletons.json").write_text(json.dumps(table))
    if window is not None:
        (folder / "config.json").write_text(json.dumps({"start_position": window[0], "end_position": window[1]}))
    return folder


def rewrite(folder: Path, **changes: Any) -> Path:
    file = folder / "skeletons.json"
    table = json.loads(file.read_text())
    table.update(changes)
    file.write_text(json.dumps({key: value for key, value in table.items() if value is not None}))
    return folder


def test_points_are_centre_plus_skeleton_in_metres(tmp_path: Path) -> None:
    clip = read(write_clip(tmp_path / "a"))
    assert clip.layout.name == "md23"
    assert clip.keypoints_m.shape == (50, 23, 3)
    np.testing.assert_allclose(clip.keypoints_m[7, 3], [0.03, 1.07, 0.06], atol=1e-6)
    np.testing.assert_array_equal(clip.keypoints_m, read(tmp_path / "a" / "skeletons.json").keypoints_m)


def test_two_seconds_of_window_and_fifty_frames_are_25_a_second(tmp_path: Path) -> None:
    clip = read(write_clip(tmp_path / "a"))
    assert clip.fps == pytest.approx(25.0)
    assert "no music" in clip.notes[0]
    assert clip.audio is None


@pytest.mark.parametrize(
    ("frames", "noted"), [(12, True), (47, True), (48, False), (49, False), (52, False), (53, True)]
)
def test_the_window_gives_the_rate_and_five_percent_off_is_noted(tmp_path: Path, frames: int, *, noted: bool) -> None:
    clip = read(write_clip(tmp_path / "a", frames))
    assert clip.fps == pytest.approx(frames / 2.0)
    told = [note for note in clip.notes if "2018 release" in note]
    assert bool(told) == noted
    if noted:
        assert f"2.00 s and there are {frames} frames" in told[0]
        assert f"{frames / 2.0:.2f} fps instead of 25" in told[0]


def test_an_explicit_rate_wins_and_music_ends_with_the_dance(tmp_path: Path) -> None:
    folder = write_clip(tmp_path / "a", 20)
    (folder / "song.ogg").write_bytes(b"")
    clip = read(folder, fps=25.0)
    assert clip.fps == 25.0
    assert clip.audio is not None
    assert clip.audio.duration_s == pytest.approx(0.8)
    assert "10.00 fps" in clip.notes[0]
    with pytest.raises(InputError, match="not usable"):
        read(folder, fps=-1.0)


def test_music_is_found_and_cut_with_the_frames(tmp_path: Path) -> None:
    folder = write_clip(tmp_path / "a")
    (folder / "extra.wav").write_bytes(b"")
    (folder / "audio.mp3").write_bytes(b"")
    clip = read(folder, frames=(10, 35))
    assert len(clip) == 25
    np.testing.assert_allclose(clip.keypoints_m[0, 0], [0.0, 1.10, 0.0], atol=1e-6)
    assert clip.audio is not None
    assert clip.audio.path == folder / "audio.mp3"
    assert clip.audio.start_s == pytest.approx(4.0 + 0.4)
    assert clip.audio.duration_s == pytest.approx(1.0)
    with pytest.raises(InputError, match="0 to 49"):
        read(folder, frames=(50, None))


def test_without_a_window_25_a_second_is_assumed_and_said(tmp_path: Path) -> None:
    clip = read(write_clip(tmp_path / "a", window=None))
    assert clip.fps == 25.0
    assert any("25 fps" in note for note in clip.notes)


def test_nan_frames_are_named_and_can_be_cut(tmp_path: Path) -> None:
    folder = write_clip(tmp_path / "a", 50)
    centre = [[0.0, 10.0, 5.0] for _ in range(50)]
    centre[3][1] = float("nan")
    centre[7] = centre[8] = [0.0, float("inf"), 5.0]
    rewrite(folder, center=centre)
    with pytest.raises(InputError, match=r"frames 3, 7-8"):
        require_whole(validate(read(folder)))
    assert len(require_whole(validate(read(folder, frames=(9, None))))) == 41
    holes = validate(read(folder))
    assert holes.confidence is not None
    assert np.flatnonzero(holes.confidence.min(axis=1) == 0).tolist() == [3, 7, 8]


def test_22_points_name_the_layouts_there_are(tmp_path: Path) -> None:
    folder = write_clip(tmp_path / "a", points=22)
    with pytest.raises(LayoutError, match=r"has 22 key-points; md23 needs 23\..*fits: smpl22"):
        read(folder)
    folder = write_clip(tmp_path / "b", points=24)
    with pytest.raises(LayoutError, match="fits: smpl24"):
        read(folder)
    assert read(folder, layout="smpl24").layout.name == "smpl24"
    with pytest.raises(LayoutError, match="known layouts"):
        read(folder, layout="smpl99")


def test_damaged_json_is_one_sentence(tmp_path: Path) -> None:
    folder = write_clip(tmp_path / "a")
    file = folder / "skeletons.json"
    whole = file.read_text()
    for damaged in (whole[: len(whole) // 2], "", "[1, 2]", '{"length": 0}', '"text"', "[" * 100_000):
        file.write_text(damaged)
        with pytest.raises(FormatError) as caught:
            read(folder)
        assert str(file) in str(caught.value)
        assert "\n" not in str(caught.value)
    file.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(FormatError):
        read(folder)


def test_wrong_shapes_are_named(tmp_path: Path) -> None:
    folder = write_clip(tmp_path / "a", 5)
    good = json.loads((folder / "skeletons.json").read_text())
    ragged = [list(frame) for frame in good["skeletons"]]
    ragged[3] = ragged[3][:20]
    words = [list(frame) for frame in good["skeletons"]]
    words[2] = [["a", "b", "c"]] * 23
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"skeletons": ragged}, "frame 3"),
        ({"skeletons": words}, "frame 2"),
        ({"skeletons": [1, 2, 3]}, "3 dimensions"),
        ({"skeletons": {"0": []}}, "not an array"),
        ({"center": good["center"][:4]}, r"\(4, 3\)"),
        ({"length": 6}, "6 frames and holds 5"),
        ({"center": None}, "no 'center'"),
    )
    for changes, match in cases:
        write_clip(folder, 5)
        with pytest.raises(FormatError, match=match):
            read(rewrite(folder, **changes))


def test_zero_frames(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="zero frames"):
        read(write_clip(tmp_path / "a", 0))


@pytest.mark.parametrize("config", ['{"start_position": 5}', '{"start_position": 9, "end_position": 9}', "{", "[]"])
def test_a_window_that_cannot_be(tmp_path: Path, config: str) -> None:
    folder = write_clip(tmp_path / "a")
    (folder / "config.json").write_text(config)
    with pytest.raises(FormatError, match=r"config\.json"):
        read(folder)


def test_paths_that_are_not_there_or_unknown(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        read(tmp_path / "nowhere")
    with pytest.raises(FormatError, match=r"without skeletons\.json"):
        read(tmp_path)
    for text, said in (("", "is empty"), ("hello", "no known format"), ("<html>404</html>", "a web page")):
        (tmp_path / "a.txt").write_text(text)
        with pytest.raises(FormatError, match=said):
            read(tmp_path / "a.txt")


def test_array_files_need_a_rate_and_find_their_layout(tmp_path: Path) -> None:
    points = points_of(cut(waltz(), 6), "smpl24")
    np.save(tmp_path / "a.npy", points)
    with pytest.raises(InputError, match="--fps"):
        read(tmp_path / "a.npy")
    clip = read(tmp_path / "a.npy", fps=30.0)
    assert (clip.layout.name, clip.fps, clip.audio) == ("smpl24", 30.0, None)
    np.testing.assert_allclose(clip.keypoints_m, points, atol=1e-6)
    np.savez(tmp_path / "b.npz", keypoints_m=points[:, :23], fps=60, layout="md23")
    clip = read(tmp_path / "b.npz", frames=(2, 4))
    assert (clip.layout.name, clip.fps, len(clip)) == ("md23", 60.0, 2)
    assert read(tmp_path / "b.npz", fps=50).fps == 50.0
    with pytest.raises(LayoutError, match="fits: md23"):
        read(tmp_path / "b.npz", layout="smpl24")


def test_array_files_that_cannot_be_used(tmp_path: Path) -> None:
    def save(name: str, **arrays: Any) -> Path:
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    points = np.zeros((4, 23, 3))
    with pytest.raises(LayoutError, match="no known layout has that many"):
        read(save("a.npz", keypoints_m=points[:, :13], fps=25))
    with pytest.raises(FormatError, match=r"frames, points, 3"):
        read(save("b.npz", keypoints_m=points[..., :2], fps=25))
    with pytest.raises(FormatError, match="holds stuff"):
        read(save("c.npz", stuff=np.zeros((4, 70)), fps=25))
    with pytest.raises(InputError, match="zero frames"):
        read(save("d.npz", keypoints_m=points[:0], fps=25))
    with pytest.raises(FormatError, match="one number"):
        read(save("e.npz", keypoints_m=points, fps=[25, 30]))
    with pytest.raises(InputError, match="not usable"):
        read(save("f.npz", keypoints_m=points, fps=0))
    np.save(tmp_path / "g.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(FormatError, match="holds a"):
        read(tmp_path / "g.npy", fps=25)
    whole = save("h.npz", keypoints_m=points, fps=25).read_bytes()
    for kept in (0, 10, len(whole) // 2):
        (tmp_path / "h.npz").write_bytes(whole[:kept])
        with pytest.raises(FormatError):
            read(tmp_path / "h.npz")


@pytest.mark.parametrize(("name", "frames", "fps", "start_s", "duration_s", "noted"), REAL_CLIPS)
def test_real_clips_of_both_releases(
    data_folder: Path, name: str, frames: int, fps: float, start_s: float, duration_s: float, *, noted: bool
) -> None:
    if not (data_folder / name).is_dir():
        pytest.skip(f"{data_folder / name} is not there")
    clip = validate(read(data_folder / name))
    assert len(clip) == frames
    assert clip.fps == pytest.approx(fps)
    assert clip.duration_s == pytest.approx(duration_s)
    assert any("2018 release" in note for note in clip.notes) == noted
    if clip.audio is not None:
        assert clip.audio.start_s == pytest.approx(start_s)
        assert clip.audio.duration_s == pytest.approx(duration_s)
    # A standing person: heads 1.3 to 2 m above the toes, and 7 to 16 points to the left of where the toes point.
    points = clip.keypoints_m
    height = (points[:, :2, 1].mean(axis=1) - points[:, [11, 20], 1].mean(axis=1)).mean()
    assert 1.2 < height < 2.0
    toes = (points[:, [11, 20]] - points[:, [10, 19]]).mean(axis=1)
    left = points[:, 16] - points[:, 7]
    assert np.mean(np.cross(left, toes)[:, 1] < 0) > 0.9


def test_both_releases_of_a_clip_last_the_same_and_begin_and_end_alike(data_folder: Path) -> None:
    old, new = data_folder / "md_2018" / "DANCE_W_1", data_folder / "md" / "DANCE_W_1"
    if not (old.is_dir() and new.is_dir()):
        pytest.skip("DANCE_W_1 of both releases is not there")
    first, second = read(old), read(new)
    assert first.duration_s == pytest.approx(second.duration_s)
    np.testing.assert_allclose(first.keypoints_m[[0, -1]], second.keypoints_m[[0, -1]], atol=1e-3)
