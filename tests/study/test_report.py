# SPDX-License-Identifier: Apache-2.0
"""report.html: what it says, and that a browser without a network opens it and plays its clips."""

from html.parser import HTMLParser
import json
from pathlib import Path
import re
import shutil
import subprocess
import time

import numpy as np
import pytest

from dancepose.study.media.ffmpeg import Ffmpeg
from dancepose.study.media.films import FilmFormat, encode_clip
from dancepose.study.media.pictures import write_thumbnail
from dancepose.study.media.sounds import write_sound
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.jobs import Result, read_jobs
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import load_study
from dancepose.study.report.study_report import write_report
from dancepose.study.run.job_results import fingerprints
from dancepose.study.run.journal import Journal

pytest.importorskip("imageio_ffmpeg", reason="the extra `study` is not installed")
Image = pytest.importorskip("PIL.Image")

FIT = {
    "error_mm": {"regressor": {"mean": 30.0}, "refined": {"mean": 8.25}},
    "feet": {"standing_slide_mm_per_s": 41.2, "skating_ratio": 0.031, "floating_mm": 4.0, "penetration_mm": 1.5},
    "contact_share": 0.9,
    "floor_m": 0.0123,
    "duration_s": 2.0,
    "notices": ["Played at <b>25</b> fps & more"],
}


@pytest.fixture
def finished(make_study) -> Path:
    """A study whose clips are moving bars; far/s2 has failed."""
    file = make_study(songs=("s1", "s2"), size=(64, 64))
    study = load_study(file)
    paths = StudyPaths(study.out)
    make_plan(study, paths, find_ffmpeg())
    journal = Journal.open(paths.journal)
    for job in read_jobs(paths.plan):
        where = (job.what.get("system", ""), job.song, job.what.get("segment", ""))
        if job.kind == "fit":
            paths.fit_report(*where[:2]).parent.mkdir(parents=True, exist_ok=True)
            paths.fit_report(*where[:2]).write_text(json.dumps(FIT))
        if job.kind == "encode" and where[:2] != ("far", "s2"):
            put_clip(paths, where)
        failed = job.id == "fit:far/s2"
        if where[:2] != ("far", "s2") or failed:
            detail = {"rendered": job.frames} if job.kind == "render" else {}
            message = "broken file" * failed
            journal.record(job, Result(job.id, not failed, "input" * failed, message, seconds=2.0, detail=detail))
    return file


def put_clip(paths: StudyPaths, where: tuple[str, str, str]) -> None:
    frames, sound = paths.frames(*where), paths.out / "sound.wav"
    frames.mkdir(parents=True)
    for index in range(10):
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[:, 6 * index : 6 * index + 6] = 255
        Image.fromarray(pixels).save(frames / f"{index:06d}.png")
    ffmpeg = Ffmpeg(find_ffmpeg())
    write_sound(ffmpeg, sound, None, start_s=0.0, duration_s=1.0, loudness_lufs=-23.0)
    film = FilmFormat(10, 10.0, 16)
    encode_clip(ffmpeg, paths.clip(*where), frames=frames, film=film, size=(64, 64), sound=sound)
    write_thumbnail(paths.thumbnail(*where), frames / "000005.png")


class Links(HTMLParser):
    """Everything that a page would fetch, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "poster")]

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


def test_the_page_says_what_was_made_and_needs_no_network(finished: Path) -> None:
    study = load_study(finished)
    page = write_report(study.root, StudyPaths(study.out)).read_text(encoding="utf-8")
    links = Links(page)
    for target in links.found:
        assert target.startswith("data:") or (study.out / target).is_file(), target
    assert not re.search(r"https?://", page)
    for text in ("Near & dear", "8.2", "90%", "3.1%", "12", "broken file", "Played at <b>25</b> fps & more"):
        assert text in links.text, text
    assert page.count("<video") == 3


def test_rendering_time_is_that_of_all_frames_or_is_not_told(finished: Path) -> None:
    study = load_study(finished)
    paths = StudyPaths(study.out)

    def told() -> list[str]:
        text = Links(write_report(study.root, paths).read_text(encoding="utf-8")).text
        return [text[n + 1] for n, cell in enumerate(text) if cell == "rendering, s" and text[n + 1].isdigit()]

    assert told() == ["6"] * 3  # three chunks of two seconds each
    journal = Journal.open(paths.journal)
    chunks = [job for job in read_jobs(paths.plan) if job.kind == "render" and job.what["system"] == "near"]
    first, *others = [job for job in chunks if job.song == "s1"]
    # A second run that finds the first chunk's frames: 1 s of looking, and 4 s for the other six or seven.
    journal.record(first, Result(first.id, True, seconds=1.0, detail={"rendered": 0}))
    left = sum(job.frames for job in others)
    assert sorted(told()) == sorted(["6", "6", f"{5.0 * 10 / left:.0f}"])
    for job in chunks:
        journal.record(job, Result(job.id, True, seconds=0.1, detail={"rendered": 0}))
    assert told() == ["6"]


def test_a_page_with_its_clips_stands_alone(finished: Path, tmp_path: Path) -> None:
    study = load_study(finished)
    page = write_report(study.root, StudyPaths(study.out), embed=True).read_text(encoding="utf-8")
    assert page.count("data:video/mp4;base64,") == 3
    assert not [target for target in Links(page).found if target.endswith(".mp4") and "comparison" not in target]


PLAY = """
<script>
addEventListener("load", async () => {
  const said = [];
  for (const video of document.querySelectorAll("video")) {
    video.muted = true;
    await new Promise((done) => {
      video.addEventListener("ended", done); video.addEventListener("error", done); setTimeout(done, 8000);
      video.play().catch(done);
    });
    const trouble = video.error ? video.error.code : "fine";
    said.push([video.ended, video.videoWidth, video.duration.toFixed(1), trouble].join(" "));
  }
  console.log("PLAYED " + said.join(", ") + " DONE");
});
</script></body>
"""


@pytest.mark.slow
def test_a_browser_plays_every_clip(finished: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on PATH (Debian: chromium)")
    study = load_study(finished)
    page = write_report(study.root, StudyPaths(study.out))
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", PLAY), encoding="utf-8")
    command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--enable-logging=stderr"]
    command += ["--autoplay-policy=no-user-gesture-required", "--host-resolver-rules=MAP * ~NOTFOUND"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--remote-debugging-port=0", page.as_uri()]
    log = tmp_path / "chromium.log"
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as browser:
        deadline = time.monotonic() + 60
        while "DONE" not in log.read_text(errors="replace") and time.monotonic() < deadline:
            time.sleep(0.2)
        browser.terminate()
    said = re.search(r"PLAYED (.*?) DONE", log.read_text(errors="replace"))
    assert said is not None, log.read_text(errors="replace")[-2000:]
    assert said.group(1).split(", ") == ["true 64 1.0 fine"] * 3


def test_a_film_that_was_changed_is_named_and_not_shown(finished: Path) -> None:
    study = load_study(finished)
    paths = StudyPaths(study.out)
    journal = Journal.open(paths.journal)
    for job in read_jobs(paths.plan):
        if job.kind == "encode" and job.what["system"] == "near":
            journal.record(job, Result(job.id, True, detail={"files": fingerprints(job, {}, paths)}))
    assert write_report(study.root, paths).read_text(encoding="utf-8").count("<video") == 3
    with paths.clip("near", "s1", "").open("ab") as film:
        film.write(b"x")
    page = write_report(study.root, paths).read_text(encoding="utf-8")
    assert page.count("<video") == 2
    assert "s1.mp4 is not the file that this study made" in page
    assert "2 of 4 clips" in page


def test_only_files_of_finished_jobs_of_this_plan_are_linked(finished: Path) -> None:
    study = load_study(finished)
    paths = StudyPaths(study.out)
    journal = Journal.open(paths.journal)
    for job in read_jobs(paths.plan):
        where = (job.what.get("system", ""), job.song, job.what.get("segment", ""))
        if job.kind == "compare":
            for labels in (True, False):
                film = paths.comparison(job.song, where[2], "grid", labels=labels)
                film.parent.mkdir(parents=True, exist_ok=True)
                film.write_bytes(b"a film")
            ok = job.song == "s1"  # that of s2 is a run's before far/s2 failed
            detail = {"made": ["grid"]}
            kind = "" if ok else "input"
            files = fingerprints(job, detail, paths)
            assert len(files) == 2
            journal.record(job, Result(job.id, ok, kind, detail=detail | {"files": files}))
        if (job.kind, *where[:2]) == ("encode", "near", "s1"):
            for path in (paths.sheet(*where), paths.stills(*where) / "1s.png", paths.stills(*where) / "2s.png"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"a picture")
            made = [paths.sheet(*where), paths.stills(*where) / "2s.png"]  # 1s.png is of an earlier plan
            pictures = [path.relative_to(paths.out).as_posix() for path in made]
            files = fingerprints(job, {"pictures": pictures}, paths)
            journal.record(job, Result(job.id, True, detail={"files": files}))
    links = [link for link in Links(write_report(study.root, paths).read_text(encoding="utf-8")).found if "." in link]
    films = [link for link in links if link.endswith(".grid.mp4")]
    assert len(films) == 2
    assert all("s1" in film for film in films)
    assert len([link for link in links if "sheets/near" in link or link.endswith("2s.png")]) == 2
    assert not any(link.endswith("1s.png") for link in links)
