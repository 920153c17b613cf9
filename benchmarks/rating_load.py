# SPDX-License-Identifier: Apache-2.0
"""Load of the rating server: many raters at once, every tenth vote sent twice, and the server killed in between.

    python -m benchmarks.rating_load

200 simulated raters send 10,000 votes to a real server process, as fast as they can. The server is killed with SIGKILL
five times and started again. In the end the database is compared with what was acknowledged and with what was sent.
"""

import argparse
import http.client
import json
import os
from pathlib import Path
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Final

from dancepose.rating.pack.packing import PackOptions, make_pack
from dancepose.rating.pack.page_text import consent_hashes
from dancepose.rating.record_files import RatingPaths, write_rating_plan
from dancepose.rating.records import RaterSlot, RatingTrial
from tests.support.rating_cases import small_plan

UTC: Final = "2026-11-28T12:00:00Z"
SERVER: Final = """
import sys
from pathlib import Path
from dancepose.rating.server.serving import ServeOptions, prepare_server, run_server
run_server(prepare_server(Path(sys.argv[1]), ServeOptions(port=int(sys.argv[2]), database=sys.argv[3])))
"""


def make_rating(root: Path, raters: int, votes: int) -> Any:
    """Pack a rating with one slot for each rater and as many trials as each has votes; return its plan and key."""
    from dataclasses import replace

    plan = small_plan(root, length_s=0.4)
    pairs = [trial.clips for slot in plan.slots for trial in slot.trials]
    trials = tuple(
        RatingTrial(index=index, kind="main", question="real", clips=pairs[index % len(pairs)])
        for index in range(votes)
    )
    slots = tuple(RaterSlot(id=f"s{number:03d}", trials=trials) for number in range(1, raters + 1))
    plan = write_rating_plan(RatingPaths(root).plan, replace(plan, slots=slots))
    return plan, make_pack(root, PackOptions()).key


class Client:
    """One simulated rater, who insists as the page does."""

    def __init__(self, number: int, plan: Any, port: int) -> None:
        self.name = f"rater{number}"
        self.number = number
        self.plan = plan
        self.port = port
        self.acknowledged: dict[int, int] = {}
        self.waits_ms: list[float] = []
        self.repeats = 0
        self.failures = 0

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post until the server answers."""
        data = json.dumps(body)
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                connection.request("POST", path, data, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                said = answer.read()
                connection.close()
                if answer.status == 200:
                    return dict(json.loads(said))
                if answer.status not in (429, 503):
                    raise RuntimeError(f"{answer.status}: {said!r}")
            except (OSError, http.client.HTTPException):
                pass
            self.failures += 1
            time.sleep(0.3)

    def run(self) -> None:
        """Take part from the first request to the last."""
        course = self.post("/api/session", {
            "session": self.name, "plan": self.plan.hash, "platform": "prolific", "participant": f"P{self.number}",
            "language": "en", "consent": {"sha256": consent_hashes(self.plan)["en"], "utc": UTC}, "started": UTC,
            "status": "partial",
        })  # fmt: skip
        for trial in course["trials"]:
            answer = (self.number + trial["index"]) % 5 - 2
            vote = {
                "plan": self.plan.hash, "session": self.name, "slot": course["slot"], "trial": trial["index"],
                "question": trial["question"], "clips": trial["clips"], "answer": answer, "response_ms": 1,
                "coverage": [1.0, 1.0], "plays": [1, 1], "stalls": 0, "dropped_frames": 0, "viewport": [9, 9],
                "utc": UTC,
            }  # fmt: skip
            started_s = time.monotonic()
            self.post("/api/vote", vote)
            self.waits_ms.append(1000 * (time.monotonic() - started_s))
            self.acknowledged[trial["index"]] = answer
            if (self.number + trial["index"]) % 10 == 0:
                self.post("/api/vote", vote)
                self.repeats += 1
        self.post("/api/finish", {
            "session": self.name, "plan": self.plan.hash, "language": "en", "started": UTC, "finished": UTC,
            "status": "complete", "consent": {"sha256": consent_hashes(self.plan)["en"], "utc": UTC},
        })  # fmt: skip


def start_server(root: Path, port: int, database: str) -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(root), str(port), database])
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process


def measure(root: Path, *, raters: int, votes: int, kills: int, database: str = "") -> dict[str, Any]:
    """Run the load; return the figures."""
    plan, _key = make_rating(root, raters, votes)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clients = [Client(number, plan, port) for number in range(raters)]
    server = start_server(root, port, database)
    threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
    started_s = time.monotonic()
    for thread in threads:
        thread.start()
    total = raters * votes
    for kill in range(1, kills + 1):
        while sum(len(client.acknowledged) for client in clients) < kill * total / (kills + 1):
            time.sleep(0.01)
        server.send_signal(signal.SIGKILL)
        server.wait()
        server = start_server(root, port, database)
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - started_s
    server.terminate()
    server.wait()
    rows = stored_votes(root, database)
    sent = {(client.name, trial): answer for client in clients for trial, answer in client.acknowledged.items()}
    stored = {(session, trial): json.loads(record)["answer"] for session, trial, record in rows}
    waits = sorted(wait for client in clients for wait in client.waits_ms)
    return {
        "raters": raters, "votes": total, "kills": kills, "sent_twice": sum(client.repeats for client in clients),
        "lost": len(sent.keys() - stored.keys()), "twice": len(rows) - len(stored),
        "different": sum(stored.get(name) != answer for name, answer in sent.items()),
        "failed_requests": sum(client.failures for client in clients), "seconds": round(took_s, 1),
        "votes_per_s": round(total / took_s, 1), "median_ms": round(waits[len(waits) // 2]),
        "p99_ms": round(waits[int(0.99 * len(waits))]),
    }  # fmt: skip


def stored_votes(root: Path, database: str) -> list[Any]:
    """Read the table of votes without the server's code."""
    query = "SELECT session, trial, record FROM votes"
    if database:
        import psycopg

        with psycopg.connect(database) as connection:
            return connection.execute(query).fetchall()
    with sqlite3.connect(root / "rating.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute(query).fetchall()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--raters", type=int, default=200, help="simulated raters")
    parser.add_argument("--votes", type=int, default=50, help="votes of each")
    parser.add_argument("--kills", type=int, default=5, help="how often the server is killed")
    parser.add_argument("--database", default="", help="postgresql://...; default: SQLite")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="rating-load-"))
    try:
        found = measure(
            root, raters=options.raters, votes=options.votes, kills=options.kills, database=options.database
        )
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(json.dumps(found, indent=1))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    if found["lost"] or found["twice"] or found["different"]:
        sys.exit("votes were lost, doubled or changed")


if __name__ == "__main__":
    main()
