# SPDX-License-Identifier: Apache-2.0
"""The process that serves requests: replies, failures, and its end."""

import io
import os
from pathlib import Path
import sys

import pytest

from dancepose_addon.core import request_server
from dancepose_addon.core.errors import DancePoseError, InputError
from dancepose_addon.core.messages import (
    DoneReply,
    EngineChoice,
    FailedReply,
    FitRequest,
    FrameReply,
    RenderRequest,
    Request,
    from_line,
    to_line,
)
from dancepose_addon.core.request_server import RequestServer, note_frame_key


class Server(RequestServer):
    """Fails as the name of the motion says."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        super().__init__(self.out)
        self.forgot = 0
        self.served: list[int] = []

    def done(self, request: Request) -> DoneReply:
        assert isinstance(request, FitRequest)
        self.served.append(request.id)
        match request.motion.name:
            case "input":
                raise InputError("wrong file")
            case "expected":
                raise DancePoseError("no reason")
            case "bug":
                raise ZeroDivisionError("by zero")
            case "stop":
                raise KeyboardInterrupt
        return DoneReply(id=request.id, seconds=0.0, digest="d", rendered=7)

    def forget(self) -> None:
        self.forgot += 1

    def replies(self) -> list[object]:
        return [from_line(line) for line in self.out.getvalue().splitlines()]


def fit(name: str, number: int = 3) -> FitRequest:
    return FitRequest(
        id=number, source=Path("source"), video_fps=30.0, motion=Path(name), report=Path("report"),
    )  # fmt: skip


def test_what_was_done_is_replied_with_its_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 12.34567])
    monkeypatch.setattr(request_server.time, "perf_counter", lambda: next(clock))
    server = Server()
    server.serve(fit("good"))
    assert server.replies() == [DoneReply(id=3, seconds=2.346, digest="d", rendered=7)]
    assert server.forgot == 0


@pytest.mark.parametrize(
    ("name", "kind", "message", "forgot"),
    [
        ("input", "input", "wrong file", 0),
        ("expected", "expected", "no reason", 1),
        ("bug", "bug", "ZeroDivisionError: by zero", 1),
    ],
)
def test_failures_are_replied(
    capsys: pytest.CaptureFixture[str], name: str, kind: str, message: str, forgot: int
) -> None:
    """Only what may be due to the state of the process is logged and clears it."""
    server = Server()
    server.serve(fit(name))
    assert server.replies() == [FailedReply(id=3, kind=kind, message=message)]
    assert server.forgot == forgot
    assert ("Traceback" in capsys.readouterr().err) == bool(forgot)


def test_requests_are_served_in_order_until_stdin_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    ended: list[int] = []
    lines = [to_line(fit("good", 1)), "", "Blender 4.5", to_line(FrameReply(id=1, frame=1)), to_line(fit("input", 2)),
             to_line(fit("stop", 4)), to_line(fit("good", 5))]  # fmt: skip
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
    monkeypatch.setattr(request_server.os, "_exit", ended.append)
    with pytest.raises(KeyboardInterrupt):
        server.run()
    assert server.served == [1, 2, 4]
    assert [type(reply) for reply in server.replies()] == [DoneReply, FailedReply]
    assert ended == [0]


def test_frames_are_reported_while_the_parent_lives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = Server()
    request = RenderRequest(
        id=9, motion=tmp_path, shot=tmp_path, move_m=(0.0, 0.0, 0.0), body=None, width=8, height=8, fps=25.0,
        start_s=0.0, seed=0, transparent=False, backdrop_rgb=(0.0, 0.0, 0.0), light=1.0,
        engine=EngineChoice(name="workbench"), folder=tmp_path, first=0, count=4,
    )  # fmt: skip
    server.report_frames(request, os.getppid(), 2)
    assert server.replies() == [FrameReply(id=9, frame=2)]

    def ends(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(request_server.os, "_exit", ends)
    with pytest.raises(SystemExit) as raised:
        server.report_frames(request, os.getppid() + 1, 3)
    assert raised.value.code == 0
    assert len(server.replies()) == 1


def test_the_key_of_frames_is_written_once(tmp_path: Path) -> None:
    note = tmp_path / "key.txt"
    note_frame_key(tmp_path, "one")
    os.utime(note, (1.0, 1.0))
    note_frame_key(tmp_path, "one")
    assert (note.read_text(encoding="ascii"), note.stat().st_mtime) == ("one", 1.0)
    note_frame_key(tmp_path, "two")
    assert note.read_text(encoding="ascii") == "two"
