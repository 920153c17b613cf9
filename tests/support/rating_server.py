# SPDX-License-Identifier: Apache-2.0
"""The rating server's application without a network, for tests."""

from pathlib import Path

from starlette.testclient import TestClient

from dancepose.rating.pack.pack_key import PackPaths
from dancepose.rating.pack.page_text import consent_hashes
from dancepose.rating.server.rating_app import AppSettings, RatingApp
from dancepose.rating.server.serving import ServeOptions, prepare_server

UTC = "2026-11-28T12:00:00.000Z"


class Served:
    """An application without a network, with a clock that the test turns."""

    def __init__(self, root: Path, **settings: object) -> None:
        for path in root.glob("rating.db*"):
            path.unlink()
        self.root = root
        self.now_s = 1_000_000.0
        desk = prepare_server(root, ServeOptions(), token="owner").desk
        self.desk = type(desk)(**{**vars(desk), "clock": lambda: self.now_s})
        app = RatingApp(self.desk, AppSettings(PackPaths(root).site, "owner", **settings)).application()
        self.client = TestClient(app, base_url="http://testserver", follow_redirects=False)
        self.plan = self.desk.plan

    def post(self, path: str, body: object, status: int = 200) -> dict:
        answer = self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def session(self, name: str, **changes: object) -> dict:
        return {
            "session": name, "plan": self.plan.hash, "pack": self.desk.key.pack, "slot": None, "platform": "",
            "participant": "", "language": "en", "browser": "Chrome 120", "os": "Linux",
            "consent": {"sha256": consent_hashes(self.plan)["en"], "utc": UTC}, "checks": {}, "started": UTC,
            "finished": None, "status": "partial", **changes,
        }  # fmt: skip

    def begin(self, name: str, **changes: object) -> dict:
        return self.post("/api/session", self.session(name, **changes))

    def vote(self, course: dict, trial: dict, answer: object = 1, **changes: object) -> dict:
        clips = trial["clips"]
        return {
            "plan": self.plan.hash, "session": course["session"], "slot": course["slot"], "trial": trial["index"],
            "question": trial["question"], "clips": clips, "answer": answer, "response_ms": 900,
            "coverage": [1.0] * len(clips), "plays": [1] * len(clips), "stalls": 0, "dropped_frames": 0, "hidden": 0,
            "problems": [], "viewport": [1280, 720], "utc": UTC, **changes,
        }  # fmt: skip

    def complete(self, name: str, **changes: object) -> dict:
        course = self.begin(name, **changes)
        for trial in course["trials"]:
            right = {"text": "BLUE ", "number": 7}[trial["check"]["answer"]] if "check" in trial else -1
            self.post("/api/vote", self.vote(course, trial, right))
        return self.post("/api/finish", self.session(name, status="complete", finished=UTC, **changes))
