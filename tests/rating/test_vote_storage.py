# SPDX-License-Identifier: Apache-2.0
"""The store of votes: locked and full databases, other plans, network disks, many threads."""

from dataclasses import replace
import json
from pathlib import Path
import shutil
import sqlite3
import threading

import pytest

pytest.importorskip("starlette")

from dancepose.rating.collect.collecting import database_answers
from dancepose.rating.pack.pack_key import PackPaths, all_pack_keys, current_pack_key
from dancepose.rating.record_files import RatingPaths, read_rating_plan
from dancepose.rating.records import RatingPlan
from dancepose.rating.server.network_disks import require_local_disk
from dancepose.rating.server.stored_rows import holds_answers
from dancepose.rating.server.vote_store import StoreBusyError, VoteStore
from dancepose_addon.core.errors import FormatError, OutputError


def test_a_locked_database_is_said_and_nothing_is_lost(served, monkeypatch) -> None:
    course = served.begin("a1")
    vote = served.vote(course, course["trials"][0])
    served.desk.store._connect().execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(served.root / "rating.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "locked by another program" in served.post("/api/vote", vote, 503)["error"]
    other.execute("ROLLBACK")
    other.close()
    assert served.post("/api/vote", vote)["new"] is True


def test_a_full_disk_is_said_and_nothing_is_lost(served) -> None:
    course = served.begin("a1")
    connection = served.desk.store._connect()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    stored = refused = 0
    for trial in course["trials"]:
        # No name of a problem is that long in practice; here it fills the pages that are left.
        answer = served.client.post(
            "/api/vote", json=served.vote(course, trial, 2 if "check" in trial else 1, problems=["x" * 9000])
        )
        stored += answer.status_code == 200
        refused += answer.status_code == 503
        if answer.status_code == 503:
            assert "disk of the database is full" in answer.json()["error"]
    assert refused > 0
    assert len(served.desk.store.trials_done("a1")) == stored
    connection.execute(f"PRAGMA max_page_count={pages + 1000}")
    served.post("/api/vote", served.vote(course, course["trials"][-1]))


def test_databases_of_other_plans_or_none_are_refused(packed, tmp_path) -> None:
    plan = read_rating_plan(RatingPaths(packed).plan)
    other = replace(plan, seed=5).sealed()
    VoteStore(tmp_path / "one.db", other).close()
    store = VoteStore(tmp_path / "one.db", plan)  # Without answers it belongs to no plan.
    store.lease({"session": "s", "platform": "", "participant": ""}, plan, now_s=0.0, lease_s=60.0)
    store.close()
    with pytest.raises(FormatError, match="another plan"):
        VoteStore(tmp_path / "one.db", other)
    VoteStore(tmp_path / "one.db", plan).close()
    (tmp_path / "two.db").write_bytes(b"this is no database, but a text of some length" * 50)
    with pytest.raises(FormatError, match="damaged or no database"):
        VoteStore(tmp_path / "two.db", plan)
    pytest.importorskip("psycopg")
    with pytest.raises(StoreBusyError, match="cannot be reached"):
        VoteStore("postgresql://127.0.0.1:1/none", plan)


def test_network_disks_are_refused() -> None:
    mounts = (
        "rootfs / ext4 rw 0 0\nserver:/x /home/me nfs4 rw 0 0\n//s/y /mnt/with\\040space cifs rw 0 0\n"
        "tmp /home/me/local ext4 rw 0 0\n"
    )
    require_local_disk(Path("/var/study"), mounts=mounts)
    require_local_disk(Path("/home/me/local/study"), mounts=mounts)
    require_local_disk(Path("/home/mean"), mounts=mounts)
    for folder in ("/home/me/study", "/mnt/with space/study"):
        with pytest.raises(OutputError, match="network disk"):
            require_local_disk(Path(folder), mounts=mounts)


def test_many_threads_store_every_vote_once(packed, tmp_path) -> None:
    plan = read_rating_plan(RatingPaths(packed).plan)
    store = VoteStore(tmp_path / "rating.db", plan)
    new: list[bool] = []

    def work(number: int) -> None:
        for trial in range(25):
            for _ in range(2):
                new.append(store.add_vote(f"s{number % 4}", trial, {"trial": trial}, is_skipped=False, now_s=1.0))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(new) == 4 * 25
    assert len(store.everything()[1]) == 4 * 25
    store.close()


def with_one_vote(served) -> tuple[PackPaths, RatingPlan]:
    """A rating whose server has stored one vote and ended."""
    course = served.begin("a1")
    served.post("/api/vote", served.vote(course, course["trials"][0]))
    served.desk.store.close()
    return PackPaths(served.root), read_rating_plan(RatingPaths(served.root).plan)


@pytest.mark.parametrize("table", ["votes", "sessions"])
@pytest.mark.parametrize(
    "record", ["{", "[" * 100_000, b"\xff", 5, "[]", '{"a": 1}', "x" * 2_000_000, '{"session": 1}', '{"trial": null}']
)
def test_damaged_records_are_one_sentence(served, table: str, record: object) -> None:
    paths, plan = with_one_vote(served)
    assert len(database_answers(paths, plan, "")[0]) == 1
    for skipped in (0, 1):
        with sqlite3.connect(served.root / "rating.db") as connection:
            connection.execute(f"UPDATE {table} SET record = ?", (record,))
            connection.execute("UPDATE votes SET skipped = ?", (skipped,))
        connection.close()
        with pytest.raises(
            FormatError, match=r"database (has a damaged record|.*lacks the key|.*has the unknown key|, )"
        ):
            database_answers(paths, plan, "")


def test_votes_without_their_session_are_named(served) -> None:
    paths, plan = with_one_vote(served)
    with sqlite3.connect(served.root / "rating.db") as connection:
        connection.execute("DELETE FROM sessions")
    connection.close()
    with pytest.raises(FormatError, match="has votes of 1 session without a record of it"):
        database_answers(paths, plan, "")


def test_answers_that_a_question_does_not_offer_are_refused(served) -> None:
    paths, plan = with_one_vote(served)
    with sqlite3.connect(served.root / "rating.db") as connection:
        [(record,)] = connection.execute("SELECT record FROM votes").fetchall()
        connection.execute("UPDATE votes SET record = ?", (json.dumps(json.loads(record) | {"answer": 99}),))
    connection.close()
    with pytest.raises(FormatError, match="A vote of the database has the answer 99"):
        database_answers(paths, plan, "")


@pytest.mark.parametrize(
    "statement",
    [
        """CREATE VIEW votes AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
        SELECT 's' session, x trial, 0 skipped, '{}' record FROM c""",
        "CREATE TRIGGER t AFTER INSERT ON v2 BEGIN DELETE FROM v2; END",
    ],
)
def test_tables_that_are_computed_are_refused(packed, tmp_path, statement: str) -> None:
    plan, path = read_rating_plan(RatingPaths(packed).plan), tmp_path / "one.db"
    VoteStore(path, plan).close()
    assert not holds_answers(path)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE votes RENAME TO v2")
        connection.execute(statement)
    connection.close()
    assert holds_answers(path)  # so that nothing is replaced
    with pytest.raises(FormatError, match="which DancePose does not make"):
        VoteStore(path, plan)


def test_keys_that_lack_a_clip_are_damaged(packed, tmp_path) -> None:
    root = tmp_path / "rating"
    shutil.copytree(packed, root)
    paths, plan = PackPaths(root), read_rating_plan(RatingPaths(root).plan)
    assert current_pack_key(paths, plan).films
    [path] = list(paths.keys.glob("*.json"))
    table = json.loads(path.read_text())
    lost = plan.clips[0].id
    del table["films"][lost]
    path.write_text(json.dumps(table))
    for read in (current_pack_key, all_pack_keys):
        with pytest.raises(FormatError, match=rf"is damaged \(it lacks the clip {lost}\)"):
            read(paths, plan)
