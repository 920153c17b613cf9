# SPDX-License-Identifier: Apache-2.0
"""Votes in a real PostgreSQL. Opt-in, since it starts a database server: DANCEPOSE_POSTGRES=1 and Debian's package."""

from collections.abc import Iterator
from dataclasses import replace
import os
from pathlib import Path
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest

from dancepose.rating.record_files import RatingPaths, read_rating_plan
from dancepose.rating.server.vote_store import StoreBusyError, VoteStore
from dancepose_addon.core.errors import FormatError
from tests.support.rating_cases import small_plan

pytest.importorskip("psycopg")
if os.environ.get("DANCEPOSE_POSTGRES") != "1":
    pytest.skip("DANCEPOSE_POSTGRES=1 starts a PostgreSQL", allow_module_level=True)

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]


class Cluster:
    """A PostgreSQL of this test, which can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres")
        self.start()

    def run(self, program: str, *arguments: str) -> None:
        command = [str(PROGRAMS[0] / program), *arguments]
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL, cwd="/tmp")

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self.run(
            "pg_ctl", "-D", str(self.folder / "data"), "-o", options, "-l", str(self.folder / "log"), "-w", "start"
        )

    def stop(self, mode: str = "fast") -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "-w", "stop")

    @property
    def address(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    if not PROGRAMS:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    # The user postgres may not look into pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    cluster = Cluster(folder)
    yield cluster
    cluster.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


def record(name: str) -> dict:
    return {"session": name, "slot": None, "platform": "", "participant": "", "status": "partial"}


def test_votes_are_stored_once_and_survive_a_crash(cluster, tmp_path) -> None:
    plan = small_plan(tmp_path, length_s=0.4)
    stores = [VoteStore(cluster.address, plan) for _ in range(2)]  # as two servers on one database
    names = [f"r{number}" for number in range(3)]
    leases = []

    def begin(number: int) -> None:
        leases.append(stores[number % 2].lease(record(names[number]), plan, now_s=1.0, lease_s=60.0))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {lease.slot for lease in leases} == {"s001", "s002", "s003"}
    assert stores[0].lease(record("late"), plan, now_s=1.0, lease_s=60.0) == "full"
    new = [
        store.add_vote("r0", trial, {"trial": trial}, is_skipped=False, now_s=2.0)
        for trial in range(9)
        for store in stores
    ]
    assert sum(new) == 9
    cluster.stop("immediate")  # without a checkpoint, as after a loss of power
    with pytest.raises(StoreBusyError, match="PostgreSQL"):
        stores[0].add_vote("r0", 9, {"trial": 9}, is_skipped=False, now_s=3.0)
    cluster.start()
    assert stores[0].add_vote("r0", 9, {"trial": 9}, is_skipped=False, now_s=3.0)
    assert stores[0].trials_done("r0") == list(range(10))
    stores[0].set_closed(is_closed=True)
    assert stores[0].is_closed
    assert stores[0].forget(session="r0") == (1, 10)
    assert stores[0].everything()[1] == []
    for store in stores:
        store.close()
    with pytest.raises(FormatError, match="another plan"):
        VoteStore(cluster.address, replace(read_rating_plan(RatingPaths(tmp_path).plan), seed=5).sealed())
