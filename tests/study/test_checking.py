# SPDX-License-Identifier: Apache-2.0
"""What is said before anything is rendered."""

import os
from pathlib import Path

import numpy as np
import pytest

from dancepose.study.plan.music_length import likely_rate
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.study_file import load_study
from dancepose.study.plan.study_sources import Cache, content_hash, find_sources
from dancepose.study.report.check_study import check_study
from dancepose_addon.core.skeleton.layout_file import table_of, write_layout
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.markers import layout_with, markers_for
from dancepose_addon.core.skeleton.readers import read
from tests.support.samples import cut, points_of, waltz

from .conftest import WALTZ, write_dance, write_tone

pytest.importorskip("imageio_ffmpeg", reason="the extra `study` is not installed")


def check(file: Path):
    study = load_study(file)
    return check_study(study, StudyPaths(study.out), shipped=("md23", "smpl24"))


def test_a_good_study_has_no_problems(make_study) -> None:
    checked = check(make_study(songs=("s1", "s2")))
    assert checked.problems == ()
    assert (checked.clips, checked.frames) == (4, 40)
    assert len([notice for notice in checked.notices if notice.startswith("different length: s")]) == 2


def test_what_is_wrong_is_told_clip_by_clip(make_study) -> None:
    songs = ("ok", "gone", "broken", "nan", "short", "mute", "deaf", "tail")
    file = make_study(songs=songs)
    root = file.parent
    (root / "near" / "gone.npz").unlink()
    (root / "far" / "broken.npz").write_bytes((root / "far" / "broken.npz").read_bytes()[:500])
    points = read(WALTZ).keypoints_m[:50].copy()
    points[7] = np.nan
    np.savez(root / "near" / "nan.npz", keypoints_m=points, fps=25.0, layout="md23")
    write_dance(root / "far" / "short.npz", seconds=0.5)
    (root / "mute.wav").unlink()
    (root / "deaf.wav").write_bytes(b"no sound")
    write_tone(root / "tail.wav", seconds=1.0, amplitude=0.1)
    checked = check(file)
    said = "\n".join(checked.problems)
    assert len(checked.problems) == 6, said
    assert "missing: System near has no near/gone" in said
    assert "broken.npz is truncated" in said
    assert "nan.npz" not in said  # a gap of one frame is bridged
    assert "too short: far/short lasts 0.48 s; the clips show it until 1.00 s." in said
    assert "mute.wav, the audio of song mute." in said
    assert "deaf.wav cannot be read as audio" in said
    assert "tail.wav ends after 1.00 s; song tail needs it until 1.50 s." in said
    assert not [line for line in checked.problems if "/ok" in line]


def test_layouts_that_no_regressor_reads_are_told(make_study) -> None:
    file = make_study()
    points = points_of(cut(waltz(), 60), "body25")
    np.savez(file.parent / "near" / "s1.npz", keypoints_m=points, fps=25.0, layout="body25")
    checked = check(file)
    assert any("no regressor: none is shipped for layout body25" in notice for notice in checked.notices)
    assert not any("regressor" in problem for problem in checked.problems)


def test_points_that_are_no_person_are_a_problem_before_anything_is_fitted(make_study) -> None:
    file = make_study()
    points = np.random.default_rng(0).normal(size=(60, 24, 3))
    np.savez(file.parent / "near" / "s1.npz", joints=points, fps=25.0)
    problems = [problem for problem in check(file).problems if "no person" in problem]
    assert len(problems) == 1
    assert 'read = "doubt=accept"' in problems[0]
    text = file.read_text().replace('files = "near"', 'files = "near"\nread = "doubt=accept"')
    file.write_text(text)
    assert not [problem for problem in check(file).problems if "no person" in problem]


def test_a_layout_file_beside_the_study_is_used(make_study) -> None:
    file = make_study()
    write_layout(file.parent / "mine.toml", table_of(layout_with(markers_for(get_layout("coco17")))))
    np.savez(file.parent / "near" / "s1.npz", joints=points_of(cut(waltz(), 60), "coco17"), fps=25.0)
    file.write_text(file.read_text().replace('files = "near"', 'files = "near"\nlayout = "mine.toml"'))
    assert load_study(file).systems[0].layout == str(file.parent / "mine.toml")
    checked = check(file)
    assert not checked.problems
    assert any("no regressor" in notice and "mine.toml" in notice for notice in checked.notices)


@pytest.mark.parametrize(
    ("fps", "dance_s", "music_s", "likely"),
    [
        (60.0, 10.0, 20.0, 30.0), (30.0, 20.0, 20.3, None), (20.0, 10.0, 8.0, 25.0), (30.0, 10.0, 17.0, None),
        (24.0, 12.5, 10.0, 30.0), (30.0, 0.0, 10.0, None),
    ],
)  # fmt: skip
def test_rates_are_held_against_the_length_of_the_music(
    fps: float, dance_s: float, music_s: float, likely: float | None
) -> None:
    """By hand: frames = fps * dance_s; the rate at which they last as long as the music is frames / music_s."""
    assert likely_rate(fps, dance_s, music_s) == likely


@pytest.mark.parametrize("files", ["near", "near/*.npz", "near/{song}.npz", "*/s1.npz"])
def test_files_are_found_by_folder_glob_or_pattern(make_study, files: str) -> None:
    file = make_study()
    (file.parent / "near" / "s1.wav").write_bytes(b"")
    file.write_text(file.read_text().replace('files = "near"', f'files = "{files}"'))
    study = load_study(file)
    found = find_sources(study.systems[0], study.songs, study.root)["s1"]
    if files.startswith("*"):
        assert "several files" in str(found)
    else:
        assert found == Path("near/s1.npz")


def test_hashes_follow_content_and_are_remembered(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "skeletons.json").write_text("{}")
    (folder / "audio.mp3").write_text("music")
    hashes = Cache(tmp_path / "cache.json")
    first = content_hash(folder, hashes)
    (folder / "audio.mp3").write_text("other music")
    assert content_hash(folder, hashes) == first
    hashes.save()
    written = (tmp_path / "cache.json").stat().st_ino
    again = Cache(tmp_path / "cache.json")
    assert content_hash(folder, again) == first
    again.save()
    assert (tmp_path / "cache.json").stat().st_ino == written  # nothing new, so nothing was written
    (folder / "skeletons.json").write_text("[]")
    assert content_hash(folder, again) != first
    (tmp_path / "cache.json").write_text("{ not json")
    assert content_hash(folder, Cache(tmp_path / "cache.json")) == content_hash(folder, again)


def test_settings_that_the_fit_would_refuse_are_reported(make_study) -> None:
    file = make_study()
    text = file.read_text().replace('name = "near"', 'name = "near"\nstyle = "baroque"')
    file.write_text(text + f"\n[stage]\nbetas = {[0.0] * 400}\n")
    problems = check(file).problems
    assert [problem[:23] for problem in problems] == ["cannot run: system near", "cannot run: system far:"]
    assert "400 betas" in problems[1]
    file.write_text(text)
    assert ["baroque" in problem for problem in check(file).problems] == [True]


def test_systems_without_a_shared_song_are_told_what_they_have(make_study) -> None:
    file = make_study(songs=("s1", "s2"))
    (file.parent / "near" / "s1.npz").unlink()
    (file.parent / "far" / "s2.npz").unlink()
    assert "no two systems share a song: near has s2; far has s1." in "\n".join(check(file).problems)


def test_a_source_of_equal_size_and_date_is_another(tmp_path: Path) -> None:
    source, other, cache = tmp_path / "a.npz", tmp_path / "b.npz", tmp_path / "cache.json"
    source.write_bytes(b"one")
    os.utime(source, (1e9, 1e9))
    hashes = Cache(cache)
    first = content_hash(source, hashes)
    hashes.save()
    source.write_bytes(b"two")
    os.utime(source, (1e9, 1e9))
    assert content_hash(source, Cache(cache)) != first
    other.write_bytes(b"one")
    os.utime(other, (1e9, 1e9))
    other.replace(source)
    assert content_hash(source, Cache(cache)) == first


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    cache = Cache(tmp_path / "folder" / "cache.json")
    assert cache.get("key", lambda: 3) == 3
    cache.save()
