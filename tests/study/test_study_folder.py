# SPDX-License-Identifier: Apache-2.0
"""The output folder: apart from everything that a study reads."""

import os
from pathlib import Path
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from dancepose.cli import study as commands
from dancepose.study.plan.study_file import load_study
from dancepose.study.plan.study_folder import changed_sources, require_no_input, require_separate_folder
from dancepose_addon.core.errors import OutputError

ROOT = Path(__file__).parents[2]


def study_with(make_study, folder: str, *, audio: str = "s1.wav", near: str = "near"):
    file = make_study()
    text = file.read_text().replace("[output]", f'[output]\nfolder = "{folder}"')
    text = text.replace('audio = "s1.wav"', f'audio = "{audio}"').replace('files = "near"', f'files = "{near}"')
    (file.parent / audio).parent.mkdir(exist_ok=True)
    if audio != "s1.wav":
        os.replace(file.parent / "s1.wav", file.parent / audio)
    file.write_text(text)
    return load_study(file)


@pytest.mark.parametrize("folder", ["renders", "made/renders", "near-renders", "./renders/../renders", "../elsewhere"])
def test_folders_of_their_own_are_accepted(make_study, folder: str) -> None:
    require_separate_folder(study_with(make_study, folder))


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        (".", "is or holds the folder of study.toml"),
        ("..", "is or holds the folder of study.toml"),
        ("./renders/..", "is or holds the folder of study.toml"),
        ("near", "is or holds the folder of system near"),
        ("near/renders", "is inside the folder of system near"),
        ("far/", "is or holds the folder of system far"),
        ("music", "is or holds"),
        ("music/renders", "is inside the folder of the music"),
        ("study.toml", "is a file"),
    ],
)
def test_folders_that_touch_an_input_are_refused(make_study, folder: str, said: str) -> None:
    study = study_with(make_study, folder, audio="music/s1.wav")
    with pytest.raises(OutputError, match=said):
        require_separate_folder(study)


@pytest.mark.parametrize("folder", ["body", "body/renders"])
def test_the_folder_of_a_file_that_a_system_names_is_an_input(make_study, folder: str) -> None:
    study = study_with(make_study, folder, near='near"\nbody_from = "body/one.npz')
    (study.root / "body").mkdir()
    (study.root / "body" / "one.npz").touch()
    with pytest.raises(OutputError, match="the folder of the motion of body_from of system near"):
        require_separate_folder(study)


def test_the_folder_is_compared_on_disk_and_not_by_name(make_study) -> None:
    study = study_with(make_study, "link")
    (study.root / "link").symlink_to("near", target_is_directory=True)
    with pytest.raises(OutputError, match="is or holds the folder of system near"):
        require_separate_folder(study)


def test_a_link_that_leads_nowhere_is_named(make_study) -> None:
    study = study_with(make_study, "link")
    (study.root / "link").symlink_to("/nowhere/at/all")
    with pytest.raises(OutputError, match=r"is a link to a path that does not exist\. Remove the link"):
        require_separate_folder(study)


@pytest.mark.parametrize("near", [".", "*.npz", "{song}.npz"])
def test_systems_beside_the_study_file_allow_a_folder_inside(make_study, near: str) -> None:
    study = study_with(make_study, "renders", near=near)
    require_separate_folder(study)


def test_music_is_not_overwritten_through_a_link(make_study) -> None:
    study = study_with(make_study, "renders", audio="audio/s1.wav")
    (study.out).mkdir()
    (study.out / "audio").symlink_to(study.root / "audio", target_is_directory=True)
    with pytest.raises(OutputError, match="is the music of song s1"):
        require_no_input(study, study.out / "audio" / "s1.wav")
    require_no_input(study, study.out / "s1.wav")


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("fits/near", "near"),
        ("fits", "."),
        ("clips/near/s1.mp4", "near/s1.npz"),
        ("frames", "near/.."),
        ("audio", "audio"),
    ],
)
def test_links_in_the_folder_do_not_lead_to_inputs(make_study, link: str, target: str) -> None:
    study = study_with(make_study, "renders", audio="audio/s1.wav")
    place = study.out / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(study.root / target)
    with pytest.raises(OutputError, match=rf"{link} is a link in the output folder. Its target is .*Remove the link"):
        require_separate_folder(study)


def test_a_link_to_a_source_beside_the_study_file_is_refused(make_study) -> None:
    study = study_with(make_study, "renders", near="s1.npz")
    (study.root / "s1.npz").write_bytes(b"motion")
    (study.out / "fits").mkdir(parents=True)
    (study.out / "fits" / "s1.npz").symlink_to(study.root / "s1.npz")
    with pytest.raises(OutputError, match=r"Its target is or holds the source of near/s1"):
        require_separate_folder(study)


@pytest.mark.parametrize("target", ["study.toml", "../private.txt", "../new.txt"])
def test_links_to_files_outside_the_folder_are_refused(make_study, target: str) -> None:
    """The journal would be appended to them, and results replace them."""
    study = study_with(make_study, "renders")
    (study.root.parent / "private.txt").write_text("kept")
    study.out.mkdir()
    (study.out / "journal.jsonl").symlink_to(study.root / target)
    with pytest.raises(OutputError, match=r"journal\.jsonl is a link, and would be written through to"):
        require_separate_folder(study)
    (study.out / "journal.jsonl").unlink()
    (study.out / "journal.jsonl").symlink_to(study.out / "other.jsonl")
    (study.out / "loop").symlink_to("loop")
    require_separate_folder(study)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are no files there")
def test_a_pipe_in_the_folder_is_refused(make_study) -> None:
    """Reading it would wait for ever."""
    study = study_with(make_study, "renders")
    (study.out / "thumbnails" / "near").mkdir(parents=True)
    os.mkfifo(study.out / "thumbnails" / "near" / "s1.jpg")
    with pytest.raises(OutputError, match=r"s1\.jpg is not a regular file"):
        require_separate_folder(study)


def test_a_link_to_another_disk_is_accepted(make_study, tmp_path: Path) -> None:
    study = study_with(make_study, "renders")
    study.out.mkdir()
    (tmp_path / "disk").mkdir()
    (study.out / "frames").symlink_to(tmp_path / "disk")
    require_separate_folder(study)


def test_two_study_files_do_not_share_an_output_folder(make_study) -> None:
    file = make_study()
    other = file.with_name("other.toml")
    other.write_text(file.read_text())

    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dancepose.cli.main", "study", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert call("plan", file).returncode == 0
    plan = (file.parent / "renders" / "plan.jsonl").read_bytes()
    for verb in ("plan", "status", "resume"):
        done = call(verb, other)
        assert (done.returncode, "is the output folder of another study" in done.stderr) == (1, True), done.stderr
        assert "study.toml" in done.stderr
    assert (file.parent / "renders" / "plan.jsonl").read_bytes() == plan
    file.rename(file.with_name("renamed.toml"))
    assert call("plan", other).returncode == 0


def test_resume_mentions_a_study_file_that_was_edited(make_study, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_study()
    monkeypatch.setattr(commands, "_run", lambda *_: None)
    run = CliRunner().invoke
    assert run(commands.app, ["plan", str(file)]).exit_code == 0
    done = run(commands.app, ["resume", str(file)])
    assert (done.exit_code, "has changed" in done.output) == (0, False), done.output
    text = file.read_text()
    file.write_text("# A comment changes nothing.\n" + text)
    assert "has changed" not in run(commands.app, ["resume", str(file)]).output
    file.write_text(text.replace("fps = 10", "fps = 12"))
    assert text != file.read_text()
    assert "study.toml has changed since the plan" in run(commands.app, ["resume", str(file)]).output


def test_what_is_behind_a_link_is_not_removed(make_study, tmp_path: Path) -> None:
    file = make_study()
    command = [sys.executable, "-m", "dancepose.cli.main", "study"]
    subprocess.run([*command, "plan", str(file)], cwd=ROOT, check=True, timeout=120, capture_output=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "s1.mp4").write_bytes(b"of somebody else")
    clips = file.parent / "renders" / "clips"
    clips.mkdir()
    (clips / "near").symlink_to(other)
    (clips / "far").mkdir()
    (clips / "far" / "s1.mp4").write_bytes(b"film")
    subprocess.run([*command, "clean", "--all", "--yes", str(file)], cwd=ROOT, check=True, timeout=120)
    assert (other / "s1.mp4").read_bytes() == b"of somebody else"
    assert not (clips / "far").exists()


@pytest.mark.parametrize("verb", ["check", "plan", "run", "resume", "clean", "report"])
def test_every_command_refuses_before_it_writes(make_study, verb: str) -> None:
    study = study_with(make_study, ".", audio="audio/s1.wav")
    before = {path: path.read_bytes() for path in study.root.rglob("*") if path.is_file()}
    command = [sys.executable, "-m", "dancepose.cli.main", "study", verb, str(study.root / "study.toml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "is or holds the folder of study.toml" in done.stderr
    assert {path: path.read_bytes() for path in study.root.rglob("*") if path.is_file()} == before


def test_sources_that_are_newer_than_the_plan_are_named(make_study) -> None:
    study = study_with(make_study, "renders")
    plan = study.root / "plan"
    plan.touch()
    sources = [path for path in study.root.rglob("*") if path.is_file() and path.name not in ("plan", "study.toml")]
    for path in sources:
        os.utime(path, (1e9, 1e9))
        for folder in path.relative_to(study.root).parents[:-1]:
            os.utime(study.root / folder, (1e9, 1e9))
    assert changed_sources(study, plan) == []
    for path in sources:
        os.utime(path)
    assert changed_sources(study, plan) == [
        f"{system.name}/{song.name}" for system in study.systems for song in study.songs
    ]


def test_finished_films_are_removed_only_with_yes(make_study) -> None:
    file = make_study()
    command = [sys.executable, "-m", "dancepose.cli.main", "study"]

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        )

    assert call("plan", str(file)).returncode == 0
    film = file.parent / "renders" / "clips" / "near" / "s1.mp4"
    film.parent.mkdir(parents=True)
    film.write_bytes(b"film")
    done = call("clean", "--all", str(file))
    assert done.returncode == 1
    assert "removes 1 finished film in" in done.stderr
    assert "--yes" in done.stderr
    assert film.is_file()
    assert call("clean", str(file)).returncode == 0
    assert film.is_file()
    assert call("clean", "--all", "--yes", str(file)).returncode == 0
    assert not (file.parent / "renders").exists()


def test_a_folder_of_frames_is_as_new_as_its_newest_file(make_study, tmp_path: Path) -> None:
    study = study_with(make_study, "renders")
    plan = tmp_path / "plan"
    plan.touch()
    for system in study.systems:
        folder = study.root / system.name / "s1"
        (study.root / system.name / "s1.npz").unlink()
        folder.mkdir()
        for number in range(3):
            (folder / f"{number}.json").write_text("[]")
            os.utime(folder / f"{number}.json", (1e9, 1e9))
        os.utime(folder, (1e9, 1e9))
    os.utime(plan, (1.5e9, 1.5e9))
    assert changed_sources(study, plan) == []
    os.utime(study.root / "near" / "s1" / "1.json", (1.6e9, 1.6e9))
    assert changed_sources(study, plan) == ["near/s1"]
    os.utime(study.root / "far" / "s1", (1.6e9, 1.6e9))
    assert sorted(changed_sources(study, plan)) == ["far/s1", "near/s1"]
