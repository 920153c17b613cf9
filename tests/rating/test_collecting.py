# SPDX-License-Identifier: Apache-2.0
"""Answer files: merged once, and refused in one sentence where they are damaged or belong elsewhere."""

from dataclasses import replace
import json
from pathlib import Path
import shutil
import zipfile
import zlib

import pytest

from dancepose.rating.collect.collecting import forget_rater, import_answers
from dancepose.rating.collect.collection_status import collection_status, status_lines
from dancepose.rating.pack.packing import PackOptions, make_pack
from dancepose.rating.record_checks import plain_values
from dancepose.rating.record_files import (
    RatingPaths,
    read_rating_plan,
    read_sessions,
    read_votes,
    set_plan_aside,
    write_rating_plan,
)
from dancepose_addon.core.errors import DancePoseError, FormatError, MissingFileError
from tests.support.rating_cases import small_plan

UTC = "2026-11-28T12:00:00.000Z"


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    root = tmp_path_factory.mktemp("rating")
    small_plan(root, length_s=0.4)
    return root, make_pack(root, PackOptions()).key


@pytest.fixture
def rating(packed):
    """The folder of a rating without any answers."""
    root, _key = packed
    yield root
    for path in (RatingPaths(root).votes, RatingPaths(root).sessions):
        path.unlink(missing_ok=True)


def answers(packed, name: str = "ab12", slot: int = 0, count: int = 99, **session: object) -> dict:
    """The body of an answer file, as the page writes it."""
    root, key = packed
    plan = read_rating_plan(RatingPaths(root).plan)
    trials = plan.slots[slot].trials[:count]
    votes = [
        {
            "plan": plan.hash, "session": name, "slot": plan.slots[slot].id, "trial": trial.index,
            "question": trial.question, "clips": [key.films[clip] for clip in trial.clips],
            "answer": trial.check.expected if trial.check else 1, "response_ms": 1500,
            "coverage": [1, 0.97, 1, 1][: len(trial.clips)], "plays": [1, 2], "stalls": 0,
            "dropped_frames": 2, "hidden": 0, "problems": [], "viewport": [800, 600], "utc": UTC,
        }
        for trial in trials
    ]  # fmt: skip
    record = {
        "session": name, "plan": plan.hash, "pack": key.pack, "slot": plan.slots[slot].id, "platform": "",
        "participant": "", "language": "ja", "browser": "Firefox 140", "os": "Windows",
        "consent": {"sha256": "cd" * 32, "utc": UTC}, "checks": {"visits": 1}, "started": UTC,
        "finished": "2026-11-28T12:10:00Z", "status": "complete", **session,
    }  # fmt: skip
    return {"pack": key.pack, "plan": plan.hash, "session": record, "votes": votes}


def as_file(body: dict) -> bytes:
    data = json.dumps(body).encode()
    head = {"format": "dancepose-rating-answers", "version": 1, "crc32": f"{zlib.crc32(data):08x}"}
    return json.dumps(head).encode() + b"\n" + data + b"\n"


def read_all(root: Path):
    plan = read_rating_plan(RatingPaths(root).plan)
    return read_votes(RatingPaths(root).votes, plan)[0], read_sessions(RatingPaths(root).sessions, plan)[0]


def test_files_are_merged_and_counted_once(rating, packed, tmp_path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_bytes(as_file(answers(packed, "aa", platform="prolific", participant="RAWID")))
    two.write_bytes(as_file(answers(packed, "bb", slot=1)))
    done = import_answers(rating, [one, two, one])
    count = len(answers(packed)["votes"])
    assert (done.new_votes, done.known_votes, done.votes, done.sessions) == (2 * count, count, 2 * count, 2)
    again = import_answers(rating, [two])
    assert (again.new_votes, again.known_votes, again.votes) == (0, count, 2 * count)
    votes, sessions = read_all(rating)
    plan = read_rating_plan(RatingPaths(rating).plan)
    assert [vote.clips for vote in votes if vote.session == "aa"] == [trial.clips for trial in plan.slots[0].trials]
    assert {session.platform for session in sessions} == {"prolific", "file"}
    assert "RAWID" not in RatingPaths(rating).sessions.read_text()
    status = collection_status(plan, map(plain_values, sessions), map(plain_values, votes))
    assert status.slots_complete == 2
    assert status.checks == (4, 4)
    assert status.session_median_min == pytest.approx(10.0)
    assert status.response_median_s == pytest.approx(1.5)
    assert sum(status.cells.values()) == len(
        {
            (trial.question, frozenset(trial.clips))
            for slot in plan.slots
            for trial in slot.trials
            if trial.kind == "main"
        }
    )
    # Earlier versions took any text for a time; such a session is passed over.
    odd = [{**plain_values(sessions[0]), "finished": "2026-99-29T14:00:00Z"}, plain_values(sessions[1])]
    assert collection_status(plan, odd, map(plain_values, votes)).session_median_min == pytest.approx(10.0)
    lines = " ".join(" ".join(line) for line in status_lines(status))
    assert [word for word in (*plan.systems, *plan.songs) if word in lines] == []


def test_a_longer_file_of_the_same_session_adds_the_rest(rating, packed, tmp_path) -> None:
    part, whole = tmp_path / "part", tmp_path / "whole"
    part.write_bytes(as_file(answers(packed, count=3, status="partial", finished=None)))
    whole.write_bytes(as_file(answers(packed)))
    assert import_answers(rating, [part]).votes == 3
    assert import_answers(rating, [whole]).new_votes == len(answers(packed)["votes"]) - 3
    import_answers(rating, [part])  # the older one does not take the end away
    assert [session.status for session in read_all(rating)[1]] == ["complete"]


def test_different_answers_keep_the_first_and_are_counted(rating, packed, tmp_path) -> None:
    body = answers(packed)
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(as_file(body))
    body["votes"][0]["answer"] = -2
    two.write_bytes(as_file(body))
    done = import_answers(rating, [one, two])
    assert done.different_votes == 1
    assert read_all(rating)[0][0].answer == 1


def test_zips_and_exports_of_jatos_are_read(rating, packed, tmp_path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("study_result_1/comp-result_1/data.txt", as_file(answers(packed, "aa")))
        file.writestr("study_result_2/comp-result_2/data.txt", as_file(answers(packed, "bb", slot=1)))
        file.writestr("metadata.xml", "<x/>")
    assert import_answers(rating, [archive]).sessions == 2
    joined = tmp_path / "results.txt"
    joined.write_bytes(as_file(answers(packed, "cc", slot=2)) + b"\n\n" + as_file(answers(packed, "aa")))
    assert import_answers(rating, [joined]).sessions == 3


def test_answers_without_their_first_line_are_not_passed_over(rating, packed, tmp_path) -> None:
    """Beside those of another rater, in one file or in a zip."""
    whole, cut = as_file(answers(packed, "aa")), as_file(answers(packed, "bb", slot=1)).split(b"\n", 1)[1]
    (tmp_path / "joined.txt").write_bytes(whole + cut)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        file.writestr("a.txt", whole)
        file.writestr("b.txt", cut)
    for name in ("joined.txt", "all.zip"):
        with pytest.raises(FormatError, match="whose first line, with their checksum, is missing"):
            import_answers(rating, [tmp_path / name])


def damage(packed, kind: str) -> bytes:
    body = answers(packed)
    data = as_file(body)
    if kind == "cut":
        return data[: len(data) // 2]
    if kind == "one bit":
        place = data.index(b'"answer": 1') + 10
        return data[:place] + b"2" + data[place + 1 :]
    if kind == "head only":
        return data.split(b"\n")[0]
    if kind == "broken head":
        return data[1:]
    if kind == "version":
        return data.replace(b'"version": 1', b'"version": 7')
    if kind == "another plan":
        body["plan"] = "ab" * 32
    elif kind == "another plan inside":
        body["votes"][2]["plan"] = "ab" * 32
    elif kind == "another pack":
        body["pack"] = "f" * 16
    elif kind == "two sessions":
        body["votes"][1]["session"] = "other"
    elif kind == "wrong types":
        body["votes"] = 7
    elif kind == "wrong answer":
        body["votes"][0]["answer"] = "good"
    elif kind == "wrong clips":
        body["votes"][0]["clips"] = ["c001", "c002"]
    elif kind == "half a character":
        body["votes"][1]["problems"] = ["\ud800"]
    elif kind == "no session":
        body["session"] = {}
    return as_file(body)


KINDS = (
    "cut", "one bit", "head only", "broken head", "version", "another plan", "another plan inside", "another pack",
    "two sessions", "wrong types", "wrong answer", "wrong clips", "no session",
    "half a character",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_refused_in_one_sentence_and_change_nothing(rating, packed, tmp_path, kind) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_bytes(as_file(answers(packed, "aa")))
    bad.write_bytes(damage(packed, kind))
    import_answers(rating, [good])
    before = RatingPaths(rating).votes.read_bytes()
    other = tmp_path / "other.jsonl"
    other.write_bytes(as_file(answers(packed, "bb", slot=1)))
    with pytest.raises(FormatError) as caught:
        import_answers(rating, [other, bad])
    assert str(bad) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert RatingPaths(rating).votes.read_bytes() == before


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04damaged", b"\x00" * 100])
def test_what_is_no_answer_file_is_refused(rating, tmp_path, data) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(FormatError, match="no answers"):
        import_answers(rating, [tmp_path / "x"])
    with pytest.raises(MissingFileError):
        import_answers(rating, [tmp_path / "missing"])


def test_archives_whose_sizes_lie_are_bounded(rating, packed, tmp_path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.txt", bytes(1 << 20))
    with pytest.raises(FormatError, match="plain zip"):
        import_answers(rating, [path])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", as_file(answers(packed)))
    path.write_bytes(path.read_bytes().replace(b"PK\x05\x06", b"PK\x05\x06\xff", 1))
    with pytest.raises(FormatError):
        import_answers(rating, [path])
    with pytest.raises(FormatError, match="not a regular file"):
        import_answers(rating, [Path("/dev/zero")])


def test_nothing_to_import_is_said(rating) -> None:
    with pytest.raises(MissingFileError, match="dancepose rate serve"):
        import_answers(rating, [])


def test_answers_of_an_earlier_pack_of_the_plan_are_read(tmp_path) -> None:
    small_plan(tmp_path, length_s=0.4)
    first = make_pack(tmp_path, PackOptions()).key
    file = tmp_path / "early.jsonl"
    file.write_bytes(as_file(answers((tmp_path, first))))
    make_pack(tmp_path, PackOptions(replaces=True))
    assert import_answers(tmp_path, [file]).sessions == 1
    # After another plan the same file is refused.
    plan = read_rating_plan(RatingPaths(tmp_path).plan)
    write_rating_plan(RatingPaths(tmp_path).plan, replace(plan, seed=8))
    with pytest.raises(DancePoseError, match="another plan"):
        import_answers(tmp_path, [file])


@pytest.mark.parametrize("design", ["best-worst", "sliders", "acr"])
def test_answers_of_other_designs_get_the_names_of_the_plan(tmp_path, design) -> None:
    plan = small_plan(tmp_path, design=design, length_s=0.4)
    key = make_pack(tmp_path, PackOptions()).key
    body = answers((tmp_path, key))
    for vote in body["votes"]:
        clips = vote["clips"]
        vote["answer"] = {
            "best-worst": {"best": clips[0], "worst": clips[-1]},
            "sliders": {clip: 10 * place for place, clip in enumerate(clips)},
            "acr": 4,
        }[design]
    file = tmp_path / "answers"
    file.write_bytes(as_file(body))
    import_answers(tmp_path, [file])
    for vote, trial in zip(read_all(tmp_path)[0], plan.slots[0].trials, strict=True):
        expected = {
            "best-worst": {"best": trial.clips[0], "worst": trial.clips[-1]},
            "sliders": {clip: 10 * place for place, clip in enumerate(trial.clips)},
            "acr": 4,
        }[design]
        assert vote.answer == expected


def test_a_rater_of_a_former_plan_is_forgotten_too(rating, packed, tmp_path) -> None:
    root, _key = packed
    for name, participant in (("ab12", "P1"), ("cd34", "P2")):
        file = tmp_path / name
        file.write_bytes(as_file(answers(packed, name, platform="prolific", participant=participant)))
        import_answers(root, [file])
    count = len(read_all(root)[0]) // 2
    plan = RatingPaths(root).plan.read_bytes()
    folder = set_plan_aside(RatingPaths(root))
    RatingPaths(root).plan.write_bytes(plan)
    try:
        assert forget_rater(root, platform="prolific", participant="P1") == (1, count)
        assert [session.session for session in read_all(folder)[1]] == ["cd34"]
        assert {vote.session for vote in read_all(folder)[0]} == {"cd34"}
        assert forget_rater(root, platform="prolific", participant="P1") == (0, 0)
        assert forget_rater(root, session="cd34") == (1, count)
    finally:
        shutil.rmtree(folder)


def test_forgetting_draws_no_secret(tmp_path) -> None:
    small_plan(tmp_path, length_s=0.4)
    assert forget_rater(tmp_path, platform="prolific", participant="P1") == (0, 0)
    assert not (tmp_path / "keys").exists()
