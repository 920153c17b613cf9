# SPDX-License-Identifier: Apache-2.0
"""What a worker answers, and the program it is started with."""

from pathlib import Path

import pytest

from dancepose.study.run import blender_worker, launching
from dancepose_addon.core.errors import EngineError, MissingFileError
from dancepose_addon.core.messages import DoneReply, FailedReply, FrameReply

REQUEST = 7


def outcome(reply, on_frame=None):
    return blender_worker._result_of("encode song", REQUEST, reply, 1.5, on_frame)


@pytest.mark.parametrize("number", [0, REQUEST])
def test_a_failure_of_the_request_or_of_the_worker_ends_the_job(number: int) -> None:
    result = outcome(FailedReply(id=number, kind="input", message="No frames."))
    assert (result.ok, result.kind, result.message) == (False, "input", "No frames.")


def test_answers_to_other_requests_do_not_end_the_job() -> None:
    assert outcome(FailedReply(id=REQUEST - 1, kind="input", message="No frames.")) is None
    assert outcome(DoneReply(id=REQUEST - 1, seconds=2.0, rendered=3, digest="ab", notices=())) is None
    seen: list[int] = []
    assert outcome(FrameReply(id=REQUEST - 1, frame=4), seen.append) is None
    assert outcome(FrameReply(id=REQUEST, frame=5), seen.append) is None
    assert seen == [5]


def test_a_finished_job_has_its_digest_and_notices() -> None:
    result = outcome(DoneReply(id=REQUEST, seconds=2.0, rendered=3, digest="ab", notices=("dark",)))
    assert (result.ok, result.digest, result.seconds) == (True, "ab", 2.0)
    assert result.detail == {"rendered": 3, "notices": ["dark"]}


def test_a_named_blender_is_preferred_to_the_wheel_and_has_to_exist(tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / "blender"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert launching.blender_command(program)[:2] == [str(program), "-b"]
    with pytest.raises(MissingFileError, match="is not a program"):
        launching.blender_command(tmp_path / "none")


def test_without_wheel_and_program_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(launching, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="No Blender was found"):
        launching.blender_command(None)
