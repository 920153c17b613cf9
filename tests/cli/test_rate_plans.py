# SPDX-License-Identifier: Apache-2.0
"""``dancepose rate plan``: what belongs to the plan that is there is kept."""

from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("scipy")

from dancepose.rating.design.rating_file import load_rating
from dancepose.rating.design.rating_plan import plan_rating
from dancepose.rating.pack.pack_key import PackPaths, new_pack_key, write_pack_key
from dancepose.rating.record_files import RatingPaths, read_rating_plan, write_lines, write_rating_plan
from dancepose.rating.server.vote_store import VoteStore
from dancepose_addon.core.file_locks import locked
from tests.rating.planned import films, simulated_rating
from tests.support.rating_cases import TWO_SYSTEMS

from .conftest import Dancepose

FILE = f"""
[rating]
design = "pair"
{TWO_SYSTEMS}
[raters]
count = 24
votes = 6
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a rating file, whose films are invented."""
    monkeypatch.setattr("dancepose.rating.design.film_sources.find_films", lambda file, *_: films(file, 6))
    (tmp_path / "rating.toml").write_text(FILE)
    return tmp_path


@pytest.mark.parametrize("is_damaged", [False, True])
def test_another_plan_keeps_the_votes_of_the_former_one(dancepose: Dancepose, root: Path, *, is_damaged: bool) -> None:
    file, paths = root / "rating.toml", RatingPaths(root)
    planned = load_rating(file)
    plan = write_rating_plan(paths.plan, plan_rating(planned, films(planned, 6)).plan)
    given, sessions = simulated_rating(plan, {"a": 1.0, "b": 0.0}, seed=4, spoilers=0)
    write_lines(paths.votes, given)
    write_lines(paths.sessions, sessions)
    same = dancepose("rate", "plan", file, "--replace")
    assert same.code == 0, same.err
    assert not (root / "replaced-1").exists()
    votes = (root / "votes.jsonl").read_bytes()
    file.write_text(FILE.replace('"pair"', '"acr"'))
    if is_damaged:
        (root / "plan.json").write_text("{")
    refused = dancepose("rate", "plan", file)
    assert refused.code == 1
    assert ("is damaged" if is_damaged else "use --replace") in refused.err
    assert (root / "votes.jsonl").read_bytes() == votes
    done = dancepose("rate", "plan", file, "--replace")
    assert done.code == 0, done.err
    assert "replaced-1" in done.err
    assert (root / "replaced-1/votes.jsonl").read_bytes() == votes
    assert sorted(path.name for path in (root / "replaced-1").iterdir()) == [
        "plan.json",
        "sessions.jsonl",
        "votes.jsonl",
    ]
    assert dancepose("rate", "status", file).code == 0


def test_a_plan_is_kept_while_its_pack_or_database_is_in_use(dancepose: Dancepose, root: Path) -> None:
    file, plan_file, database = root / "rating.toml", root / "plan.json", root / "rating.db"
    assert dancepose("rate", "plan", file).code == 0
    plan = read_rating_plan(plan_file)
    with closing(VoteStore(database, plan)):
        pass
    file.write_text(FILE.replace('"pair"', '"acr"'))
    done = dancepose("rate", "plan", file)  # A database without answers belongs to no plan.
    assert done.code == 0, done.err
    other = read_rating_plan(plan_file)
    assert other.hash != plan.hash
    store = VoteStore(database, other)
    store.lease({"session": "s", "platform": "", "participant": ""}, other, now_s=0.0, lease_s=60.0)
    store.close()
    file.write_text(FILE)
    refused = dancepose("rate", "plan", file)
    assert (refused.code, "rating.db has votes of the plan that is there" in refused.err) == (1, True)
    assert read_rating_plan(plan_file).hash == other.hash
    assert dancepose("rate", "plan", file, "--replace").code == 0
    assert {path.name for path in (root / "replaced-1").iterdir()} >= {"plan.json", "rating.db"}
    write_pack_key(PackPaths(root), new_pack_key(read_rating_plan(plan_file)))
    file.write_text(FILE.replace('"pair"', '"acr"'))
    refused = dancepose("rate", "plan", file)
    assert (refused.code, "A pack was made of the plan that is there" in refused.err) == (1, True)


def test_a_plan_that_a_server_shows_is_not_replaced(dancepose: Dancepose, root: Path) -> None:
    (root / "pack").mkdir()
    one, other = (locked(root / "pack", purpose="changes", shared=True) for _ in range(2))
    with one, other:
        for command in ("plan", "pack"):
            done = dancepose("rate", command, root)
            assert (done.code, "End `dancepose rate serve` first." in done.err) == (1, True), done.err
