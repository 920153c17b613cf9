# SPDX-License-Identifier: Apache-2.0
"""A pack plays the same pictures, gives nothing away, and refuses what was changed."""

import base64
from dataclasses import replace
import hashlib
import json
import os
from pathlib import Path
import re
import shutil
import stat
import subprocess
import zipfile

import numpy as np
import pytest

from dancepose.rating.pack.film_copies import check_unchanged, describe_film, shuffled_order
from dancepose.rating.pack.pack_key import PackPaths, current_pack_key, read_pack_key
from dancepose.rating.pack.packing import PackOptions, make_pack
from dancepose.rating.pack.page_text import PAGE_FOLDER, SCRIPTS
from dancepose.rating.record_files import RatingPaths, read_rating_plan, write_rating_plan
from dancepose.rating.records import AttentionCheck, RatingQuestion, RatingTrial
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose_addon.core.errors import DancePoseError, FormatError, InputError, MissingFileError, OutputError
from tests.support.rating_cases import SONGS, WORDS, ffmpeg_path, small_plan, write_film


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The folder of a packed rating. Read only."""
    root = tmp_path_factory.mktemp("rating")
    small_plan(root, length_s=0.4)
    return root, make_pack(root, PackOptions())


def streams(path: Path, kind: str) -> str:
    """Hash of the decoded pictures or sound of a film, by ffmpeg's md5 writer."""
    command = [ffmpeg_path(), "-v", "error", "-i", str(path), "-map", f"0:{kind}", "-f", "md5", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_films_are_the_planned_ones_under_other_names(packed) -> None:
    root, pack = packed
    plan = read_rating_plan(RatingPaths(root).plan)
    for clip in plan.clips:
        copy = pack.site / "media" / f"{pack.key.films[clip.id]}.mp4"
        for kind in ("v", "a"):
            assert streams(copy, kind) == streams(root / clip.file, kind)


def test_nothing_names_a_system_or_a_song(packed) -> None:
    root, _pack = packed
    plan = read_rating_plan(RatingPaths(root).plan)
    secrets = [*WORDS, "repeat", "gold", "expected", root.name]
    # c001 and the like also occur by chance within the hexadecimal digits of hashes.
    ids = re.compile("|".join(rf"(?<![0-9a-f]){re.escape(clip.id)}(?![0-9a-f])" for clip in plan.clips).encode())
    given = [path for path in PackPaths(root).pack.rglob("*") if path.is_file()]
    assert len(given) == 4 + len(plan.clips)
    for path in given:
        if path.suffix in (".zip", ".jzip"):
            with zipfile.ZipFile(path) as archive:
                texts = {name: archive.read(name) for name in archive.namelist()}
        else:
            texts = {path.name: path.read_bytes()}
        for name, data in texts.items():
            # The page's own script and style are the same for every study.
            data = data.replace(b"\n".join((PAGE_FOLDER / one).read_bytes() for one in SCRIPTS), b"")
            data = data.replace((PAGE_FOLDER / "style.css").read_bytes(), b"")
            assert [word for word in secrets if word in name or word.encode() in data] == [], name
            assert ids.findall(name.encode() + b"\n" + data) == [], name


def test_films_do_not_name_their_encoder(packed) -> None:
    """x264 writes its version and settings into the stream, which identify a system."""
    root, done = packed
    assert any(b"x264 - core" in path.read_bytes() for path in root.rglob("*.mp4") if root / "pack" not in path.parents)
    for path in (done.site / "media").glob("*.mp4"):
        assert b"x264" not in path.read_bytes()


def test_names_come_from_a_fresh_secret(packed, tmp_path) -> None:
    root, pack = packed
    assert len(set(pack.key.films.values())) == len(pack.key.films)
    assert sorted(pack.key.films.values()) != list(pack.key.films.values())  # 1 in 720 by chance, fixed per pack
    small_plan(tmp_path, length_s=0.4)
    other = make_pack(tmp_path, PackOptions())
    assert not set(other.key.films.values()) & set(pack.key.films.values())
    key = PackPaths(root).keys / f"{pack.key.pack}.json"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert read_pack_key(key) == pack.key


def test_sizes_are_equal_and_padded_films_still_play(packed) -> None:
    _root, pack = packed
    films = sorted((pack.site / "media").iterdir())
    assert len({path.stat().st_size for path in films}) == 1
    assert all(abs(describe_film(find_ffmpeg(), path).duration_s - 0.4) < 0.1 for path in films)
    assert "padded" in pack.notices[-1]


def test_zip_is_sorted_timeless_and_stores_films(packed) -> None:
    _root, pack = packed
    with zipfile.ZipFile(pack.archives[0]) as archive:
        entries = archive.infolist()
        assert archive.testzip() is None
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    for entry in entries:
        is_film = entry.filename.endswith(".mp4")
        assert entry.compress_type == (zipfile.ZIP_STORED if is_film else zipfile.ZIP_DEFLATED)
        assert entry.filename.startswith("rating/")


JATOS_STUDY = {
    "uuid": str, "title": str, "description": str, "groupStudy": bool, "linearStudy": bool, "allowPreview": bool,
    "dirName": str, "comments": str, "jsonData": None, "endRedirectUrl": str, "studyEntryMsg": str,
    "componentList": list, "batchList": list,
}  # fmt: skip
JATOS_COMPONENT = {
    "uuid": str, "title": str, "htmlFilePath": str, "reloadable": bool, "active": bool, "comments": str,
    "jsonData": None,
}  # fmt: skip
JATOS_BATCH = {
    "uuid": str, "title": str, "active": bool, "maxActiveMembers": None, "maxTotalMembers": None,
    "maxTotalWorkers": None, "allowedWorkerTypes": list, "comments": None, "jsonData": None,
}  # fmt: skip
"""Every key of the example of a .jas file in JATOS's documentation ("JATOS Study Archive (JZIP)"), with the type of its
value here, or None for null. JATOS from 3.11 on refuses keys that it does not know."""


def test_jatos_archive_is_as_documented(packed) -> None:
    """Names, keys, types and values of the page "JATOS Study Archive (JZIP)", and JATOS's names of worker types."""
    _root, pack = packed
    with zipfile.ZipFile(pack.archives[1]) as archive:
        names = archive.namelist()
        (jas,) = [name for name in names if name.endswith(".jas")]
        study = json.loads(archive.read(jas))
        data = study["data"]
        page = archive.read(f"{data['dirName']}/index.html").decode()
    # At the top: the .jas file and one folder, whose name the file gives. JATOS has a few names for itself.
    assert pack.archives[1].suffix == ".jzip"
    assert {name.split("/")[0] for name in names} == {jas, data["dirName"]}
    assert re.fullmatch(r"[a-z0-9_]+", data["dirName"])
    assert data["dirName"] not in {"jatos", "publix", "public", "assets", "study_assets_root", "study_assets"}
    assert set(study) == {"version", "data"}
    assert study["version"] == "3"
    (component,), (batch,) = data["componentList"], data["batchList"]
    for record, expected in ((data, JATOS_STUDY), (component, JATOS_COMPONENT), (batch, JATOS_BATCH)):
        assert {name: None if value is None else type(value) for name, value in record.items()} == expected
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", record["uuid"])
    workers = {"GeneralMultiple", "GeneralSingle", "Jatos", "MTSandbox", "MT", "PersonalMultiple", "PersonalSingle"}
    assert set(batch["allowedWorkerTypes"]) <= workers
    assert f"{data['dirName']}/{component['htmlFilePath']}" in names
    # The interface is loaded first, in the head of the page or before its script, under the name that JATOS serves.
    assert page.index('<script src="jatos.js"></script>') < page.index("jatos.submitResultData")
    assert "Content-Security-Policy" not in page  # JATOS brings scripts and styles, which a policy would stop


def test_policy_of_the_page_names_its_own_script_and_style(packed) -> None:
    _root, pack = packed
    page = (pack.site / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    for tag in ("script", "style"):
        (source,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"sha256-{digest}" in policy
    assert "unsafe" not in policy
    assert "default-src &#x27;none&#x27;" in policy


def test_page_of_the_server_holds_no_slots(packed) -> None:
    _root, pack = packed
    config = re.search(r'id="rating-config">(.*?)</script>', (pack.site / "index.html").read_text()).group(1)
    assert json.loads(config)["slots"] == []


def test_words_are_complete_in_every_language() -> None:
    words = json.loads((PAGE_FOLDER / "words.json").read_text(encoding="utf-8"))
    assert set(words) == {"en", "zh", "ja", "de", "fr", "es"}
    for language, table in words.items():
        assert set(table) == set(words["en"]), language
        for name, text in table.items():
            values = [sorted(re.findall(r"\{\w+\}", one)) for one in (text, words["en"][name])]
            assert values[0] == values[1], (language, name)
    said = set(re.findall(r'(?:say|button)\("(\w+)"', "".join((PAGE_FOLDER / one).read_text() for one in SCRIPTS)))
    assert said <= set(words["en"])


def test_a_second_pack_needs_to_be_asked_for(packed) -> None:
    root, pack = packed
    before = (PackPaths(root).pack / "PACK").read_text()
    with pytest.raises(OutputError, match="--replace"):
        make_pack(root, PackOptions())
    assert (PackPaths(root).pack / "PACK").read_text() == before == pack.key.pack + "\n"


def test_replacing_keeps_the_key_of_the_former_pack(tmp_path) -> None:
    write_film(tmp_path / "films" / "amber" / "rumba.mp4", hue=0, length_s=0.4, size=400)
    plan = small_plan(tmp_path, length_s=0.4)
    first = make_pack(tmp_path, PackOptions()).key
    second = make_pack(tmp_path, PackOptions(replaces=True, pads=False))
    assert current_pack_key(PackPaths(tmp_path), plan) == second.key != first
    assert read_pack_key(PackPaths(tmp_path).keys / f"{first.pack}.json") == first
    assert "sizes" in second.notices[-1]


def test_a_changed_film_is_refused_and_nothing_is_left(tmp_path) -> None:
    plan = small_plan(tmp_path, length_s=0.4)
    write_film(tmp_path / plan.clips[2].file, hue=10, length_s=0.4)
    with pytest.raises(InputError, match="was changed after the plan"):
        make_pack(tmp_path, PackOptions())
    (tmp_path / plan.clips[2].file).unlink()
    with pytest.raises(MissingFileError, match="cannot be read"):
        make_pack(tmp_path, PackOptions())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["films", "plan.json"]


def test_a_failure_of_ffmpeg_leaves_nothing(tmp_path) -> None:
    plan = small_plan(tmp_path, length_s=0.4)
    path = tmp_path / plan.clips[1].file
    path.write_bytes(b"no film")
    clips = list(plan.clips)
    clips[1] = replace(clips[1], sha256=hashlib.sha256(b"no film").hexdigest())
    write_rating_plan(RatingPaths(tmp_path).plan, replace(plan, clips=tuple(clips)))
    with pytest.raises(DancePoseError, match="ffmpeg could not make"):
        make_pack(tmp_path, PackOptions())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["films", "plan.json"]


def test_other_formats_and_silent_films_are_refused(tmp_path) -> None:
    plan = small_plan(tmp_path, length_s=0.4)
    with pytest.raises(InputError, match="no MP4"):
        check_unchanged(tmp_path, replace(plan.clips[0], file="films/a.webm"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "films" / "pipe.mp4")
        with pytest.raises(FormatError, match="not a regular file"):
            check_unchanged(tmp_path, replace(plan.clips[0], file="films/pipe.mp4"))
    silent = tmp_path / plan.clips[0].file
    write_film(silent, hue=0, length_s=0.4, sound=False)
    small_plan(tmp_path, length_s=0.4)
    with pytest.raises(InputError, match="has no sound"):
        make_pack(tmp_path, PackOptions())


def test_visible_differences_are_said(tmp_path) -> None:
    plan = small_plan(tmp_path, length_s=0.4)
    write_film(tmp_path / plan.clips[0].file, hue=0, length_s=0.4, fps=10, size=128)
    small_plan(tmp_path, length_s=0.4)
    notices = " ".join(make_pack(tmp_path, PackOptions()).notices)
    assert "frame rates (10, 25)" in notices
    assert "picture sizes (128x128, 160x160)" in notices


def test_mismatched_sound_is_the_other_song_with_the_same_pictures(tmp_path) -> None:
    plan = small_plan(tmp_path, length_s=0.4)
    wrong = replace(plan.clips[0], id="wrong", sound_song=SONGS[1], sound_file=plan.clips[4].file)
    plan = write_rating_plan(
        RatingPaths(tmp_path).plan,
        replace(plan, design="mismatch", clips=(*plan.clips, wrong), slots=(replace(plan.slots[0], trials=()),)),
    )
    pack = make_pack(tmp_path, PackOptions())
    made = pack.site / "media" / f"{pack.key.films['wrong']}.mp4"
    assert streams(made, "v") == streams(tmp_path / plan.clips[0].file, "v")

    def tone_hz(path: Path) -> float:
        command = [ffmpeg_path(), "-v", "error", "-i", str(path), "-ac", "1", "-ar", "16000", "-f", "f32le", "-"]
        sound = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)
        return float(np.fft.rfftfreq(len(sound), 1 / 16000)[np.abs(np.fft.rfft(sound)).argmax()])

    assert tone_hz(made) == pytest.approx(400.0, abs=10)  # the second system's tone, by write_film
    right = pack.site / "media" / f"{pack.key.films[plan.clips[0].id]}.mp4"
    assert tone_hz(right) == pytest.approx(300.0, abs=10)


@pytest.mark.parametrize("treatment", ["frozen", "shuffled"])
def test_gold_items_are_frozen_or_shuffled(tmp_path, treatment) -> None:
    plan = small_plan(tmp_path, length_s=0.6)
    gold = replace(plan.clips[0], id="gold", treatment=treatment)
    write_rating_plan(RatingPaths(tmp_path).plan, replace(plan, clips=(*plan.clips, gold)))
    pack = make_pack(tmp_path, PackOptions())
    made = pack.site / "media" / f"{pack.key.films['gold']}.mp4"
    film = describe_film(find_ffmpeg(), made)
    assert film.duration_s == pytest.approx(0.6, abs=0.1)
    assert film.has_sound

    def frames(path: Path):
        command = [ffmpeg_path(), "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "gray", "-"]
        data = subprocess.run(command, capture_output=True, check=True).stdout
        return np.frombuffer(data, np.uint8).reshape(-1, 160, 160).astype(float)

    shown, planned = frames(made), frames(tmp_path / plan.clips[0].file)
    assert len(shown) in (14, 15, 16)
    if treatment == "frozen":
        assert abs(shown[1:] - shown[:-1]).mean() < 0.2
        return
    # Each shown frame is the one of the planned film that the order names.
    expected = [block + place for block in range(0, 12, 12) for place in shuffled_order(12)]
    nearest = [int(abs(planned[:12] - one).mean(axis=(1, 2)).argmin()) for one in shown[:12]]
    assert nearest == expected


def test_spoken_checks_are_sounds_in_every_language(tmp_path) -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    plan = small_plan(tmp_path, length_s=0.4)
    check = AttentionCheck(expected=2, prompt={"en": "Choose B.", "de": "Wählen Sie B."}, spoken=True)
    trial = RatingTrial(index=0, kind="check", question="match", clips=plan.slots[0].trials[0].clips, check=check)
    question = RatingQuestion(id="match", text={"en": "Which?"}, sound=True)
    write_rating_plan(
        RatingPaths(tmp_path).plan,
        replace(plan, slots=(replace(plan.slots[0], trials=(trial,)),), questions=(question,)),
    )
    pack = make_pack(tmp_path, PackOptions())
    sounds = sorted((pack.site / "media").glob("*.wav"))
    assert len(sounds) == 2
    assert all(path.read_bytes()[:4] == b"RIFF" for path in sounds)


def test_damaged_keys_and_packs_of_other_plans_are_refused(tmp_path) -> None:
    plan = small_plan(tmp_path, length_s=0.4)
    paths = PackPaths(tmp_path)
    with pytest.raises(MissingFileError, match="dancepose rate pack"):
        current_pack_key(paths, plan)
    key = make_pack(tmp_path, PackOptions()).key
    with pytest.raises(FormatError, match="another plan"):
        current_pack_key(paths, replace(plan, seed=9).sealed())
    file = paths.keys / f"{key.pack}.json"
    for damaged in (b"", b"[]", b"{", file.read_bytes().replace(b'"films": {', b'"films": {"x": 3,')):
        file.write_bytes(damaged)
        with pytest.raises(FormatError, match="Restore it"):
            current_pack_key(paths, plan)


def test_films_inside_the_pack_are_refused_and_kept(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, length_s=0.4)
    make_pack(tmp_path, PackOptions())
    inside = tmp_path / "pack" / "films"
    shutil.copytree(tmp_path / "films", inside)
    with pytest.raises(OutputError, match="holds films, which is no part of a pack"):
        make_pack(tmp_path, PackOptions(replaces=True))
    moved = replace(plan, clips=tuple(replace(clip, file=f"pack/{clip.file}") for clip in plan.clips)).sealed()
    write_rating_plan(RatingPaths(tmp_path).plan, moved)
    with pytest.raises(InputError, match="is in a folder that `dancepose rate` writes"):
        make_pack(tmp_path, PackOptions(replaces=True))
    assert len(list(inside.rglob("*.mp4"))) == len(plan.clips)
