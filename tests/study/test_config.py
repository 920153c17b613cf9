# SPDX-License-Identifier: Apache-2.0
"""study.toml: what it may say, and what is said about mistakes."""

from pathlib import Path
import re

import pytest

from dancepose.study.plan.planning import as_table
from dancepose.study.plan.study_file import load_study, parse_study
from dancepose.study.plan.template import draft_study
from dancepose_addon.core.errors import FormatError, InputError, MissingFileError
from dancepose_addon.core.fit.settings import FIT_OPTIONS, FitSettings

MINIMAL = {"system": [{"name": "a", "files": "x"}], "song": [{"name": "s"}]}


def parse(**more: object):
    return parse_study({**MINIMAL, **more}, root=Path("/study"))


def test_a_minimal_study_is_complete() -> None:
    study = parse()
    assert study.name == "study"
    assert study.songs[0].match == "s"
    assert study.systems[0].label == "a"
    assert study.out == Path("/study/renders")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"pictures": {}}, "unknown key 'pictures'. Did you mean picture?"),
        ({"picture": {"sise": [64, 64]}}, r"\[picture\] has the unknown key 'sise'. Did you mean size?"),
        ({"system": [{"name": "a", "files": "x", "colour": 1}]}, r"\[\[system\]\] 1 has the unknown key 'colour'"),
        ({"song": [{"name": "s", "windw": [0, 1]}]}, "Did you mean window?"),
        ({"system": [{"name": "a"}]}, r"\[\[system\]\] 1 lacks files"),
        ({"system": []}, r"no \[\[system\]\]"),
        ({"system": [{"name": "a/b", "files": "x"}]}, "letters, digits"),
        ({"song": [{"name": "s"}, {"name": "s"}]}, r"more than one \[\[song\]\] named s"),
        ({"song": [{"name": "s"}, {"name": "S"}]}, r"more than one \[\[song\]\] named S, s"),
        ({"picture": {"size": [65, 64]}}, "even numbers"),
        ({"picture": {"size": [64]}}, "even numbers"),
        ({"picture": {"fps": "25"}}, "number from 1 to 240"),
        ({"picture": {"engine": "eevee"}}, "one of cycles, workbench"),
        ({"time": {"length_s": 5, "segments": [[0, 5]]}}, "both length_s and segments"),
        ({"time": {"segments": [[5, 0]]}}, "start before end"),
        ({"time": {"segments": [[0, 5], [0, 5]]}}, "every segment only once"),
        ({"output": {"compare": ["grid", "heap"]}}, "a list of row, grid, pairs"),
        ({"output": {"still_beats": [1]}}, "bpm of every song"),
        ({"output": {"sheets": 1}}, "true or false"),
        ({"song": [{"name": "s", "window": [0, 1]}]}, "a window but no audio"),
        ({"stage": {"backdrop_rgb": [0, 0, 2]}}, "red, green, blue"),
        ({"system": [{"name": "a", "files": "x", "read": "up"}]}, "read is 'up'"),
        ({"camera": 3}, "expected a table"),
        ({"picture": {"look": "plain", "colours": "top=ff0000"}}, 'look = "plain" does not show'),
        ({"picture": {"floor": "none"}, "stage": {"backdrop_rgb": [0, 0, 1]}}, 'floor = "none" leaves out'),
        ({"picture": {"look": "plain"}, "stage": {"character": "x.glb"}}, "look has no effect on a"),
    ],
)
def test_mistakes_are_named(more: dict, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        parse(**more)


def test_the_backdrop_of_a_transparent_picture_is_used_for_its_film() -> None:
    study = parse(picture={"floor": "none", "background": "transparent"}, stage={"backdrop_rgb": [0, 0, 1]})
    assert study.stage.backdrop_rgb == (0, 0, 1)


def test_engines_of_earlier_versions_are_read_and_a_notice_says_so() -> None:
    for old, new in (("study", "cycles"), ("preview", "workbench")):
        study = parse(picture={"engine": old})
        assert study.picture.engine == new
        assert any(f'"{old}" is now called "{new}"' in notice for notice in study.notices)
        assert study == parse(picture={"engine": new})
    assert parse(picture={"engine": "cycles"}).notices == ()


def test_options_of_the_fit_are_those_of_the_one_table() -> None:
    keys = {"refine": 7, "adapt": True, "smooth": 0.5, "level": False, "foot_lock": True, "style": "mosh"}
    study = parse(system=[{"name": "a", "files": "x", **keys}], stage={"betas": [1.0, -2.0]})
    assert study.fit_settings(study.systems[0]) == FitSettings(**keys, betas=(1.0, -2.0))
    for option in FIT_OPTIONS:
        if option.name != "betas" and option.default is not None:
            parse(system=[{"name": "a", "files": "x", option.name: option.default}])
    assert parse(stage={"betas": []}).fit_settings(study.systems[0]).betas is None
    for key, value in (("refine", 101), ("refine", True), ("smooth", -1), ("adapt", 1), ("smooth", "1")):
        with pytest.raises(FormatError, match=key):
            parse(system=[{"name": "a", "files": "x", key: value}])
    with pytest.raises(FormatError, match="betas"):
        parse(system=[{"name": "a", "files": "x", "betas": [0.0]}])


def test_the_home_folder_is_expanded(monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    study = parse(system=[{"name": "a", "files": "~/dances/{song}.npz"}], output={"folder": "~/renders"})
    assert study.out == Path("/home/ada/renders")
    assert study.systems[0].files == "/home/ada/dances/{song}.npz"
    with pytest.raises(FormatError, match="folder"):
        parse(output={"folder": "~no-such-user/x"})


def test_a_study_survives_the_way_into_a_plan_and_back() -> None:
    study = parse(
        picture={"size": [640, 480], "samples": 4},
        time={"segments": [[0, 1.5], [3, 4]]},
        output={"compare": ["row", "pairs"], "stills_s": [1, 2]},
        song=[{"name": "s", "audio": "s.mp3", "window": [1, 9], "bpm": 120}],
        system=[{"name": "a", "files": "x", "smooth": 0.5, "level": False}],
    )
    assert parse_study(as_table(study), root=study.root) == study


def test_files_that_are_no_study_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="dancepose study init"):
        load_study(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = = 3", encoding="utf-8")
    with pytest.raises(FormatError, match="line 1"):
        load_study(tmp_path / "bad.toml")


def test_every_commented_key_of_a_draft_is_valid(make_study) -> None:
    root = make_study().parent
    lines = draft_study([root / "near"], audio=root, root=root).splitlines()
    # Keys that exclude each other, or need a file, stay comments.
    skipped = ("# segments", "# colours", "# still_beats", "# body_from", "# style")
    text = "\n".join(
        line[2:] if re.match(r"# [a-z_]+ = ", line) and not line.startswith(skipped) else line for line in lines
    )
    (root / "all.toml").write_text(text)
    study = load_study(root / "all.toml")
    assert study.systems[0].fit == FitSettings()
    assert study.time.length_s == 10.0
    assert (study.songs[0].bpm, study.systems[0].read) == (120, "up=z,unit=cm")


def test_a_draft_names_what_the_folders_hold(make_study, tmp_path: Path) -> None:
    root = make_study(songs=("song 10", "song 2")).parent
    (root / "study.toml").write_text(draft_study([root / "near", root / "far"], audio=root, root=root))
    study = load_study(root / "study.toml")
    assert [(system.name, system.files) for system in study.systems] == [("near", "near"), ("far", "far")]
    assert [(song.name, song.match, song.audio) for song in study.songs] == [
        ("song_2", "song 2", "song 2.wav"),
        ("song_10", "song 10", "song 10.wav"),
    ]


def test_a_draft_knows_the_music_of_its_data(tmp_path: Path, root: Path) -> None:
    text = draft_study([root / "examples"], audio=None, root=root)
    assert 'audio = "examples/waltz/audio.mp3"' in text
    # config.json of the example: frames 51 to 408 of the music, at 25 a second.
    assert "window = [2.040, 16.320]" in text


def test_a_folder_that_is_given_twice_is_one_system(make_study) -> None:
    root = make_study().parent
    with pytest.raises(InputError, match="near is given twice"):
        draft_study([root / "near", root / "far", root / "far" / ".." / "near"], audio=None, root=root)
