# SPDX-License-Identifier: Apache-2.0
"""Messages between processes survive their line of JSON; damaged ones are refused."""

import json
from pathlib import Path

import pytest

from dancepose_addon.core import errors, messages
from dancepose_addon.core.fit.settings import FitSettings

FIT = messages.FitRequest(
    id=3,
    source=Path("a b/ü.npz"),
    layout="md23",
    settings=FitSettings(refine=0, betas=(0.5, -1.25), foot_lock=True),
    body=None,
    min_duration_s=2.0,
    video_fps=25.0,
    motion=Path("m.npz"),
    report=Path("r.json"),
)
RENDER = messages.RenderRequest(
    motion=Path("m.npz"), shot=Path("s.json"), move_m=(0.0, 0.125, 0.0), body=None, width=64, height=48, fps=25.0,
    start_s=1.5, seed=7, transparent=True, backdrop_rgb=(0.1, 0.2, 0.3), light=1.0,
    engine=messages.EngineChoice(name="cycles", samples=4), folder=Path("f"), first=0, count=10,
)  # fmt: skip
EXAMPLES = (
    FIT,
    RENDER,
    messages.ProbeRequest(
        engine="cycles", device="cpu", samples=0, transparent=False, timeout_s=3.5, out=Path("engine.json")
    ),
    messages.ProgressMessage(fraction=0.25, message="Fitting"),
    messages.NoticeMessage(notice="A line\nbreak and “quotes”"),
    messages.FrameReply(id=1, frame=4),
    messages.DoneReply(id=1, seconds=0.5, digest="ab", notices=("x", "y")),
    messages.FailedReply(id=1, kind="input", message="no"),
)


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_a_message_survives_its_line(message) -> None:
    line = messages.to_line(message)
    assert "\n" not in line
    assert messages.from_line(line + "\n") == message


def test_every_kind_of_message_has_an_example() -> None:
    assert {type(message) for message in EXAMPLES} == set(messages.MESSAGES.values())


def test_other_output_is_not_a_message() -> None:
    assert messages.from_line("Fra:1 Mem:20M") is None


def line_of(**changes: object) -> str:
    table = json.loads(messages.to_line(FIT).removeprefix(messages.PREFIX))
    return messages.PREFIX + json.dumps({**table, **changes})


@pytest.mark.parametrize(
    "line",
    [
        messages.PREFIX + "{",
        messages.PREFIX + "[]",
        messages.PREFIX + "{}",
        line_of(type="Quit"),
        line_of(surprise=1),
        line_of(id="3"),
        line_of(id=True),
        line_of(fps="25"),
        line_of(settings={"refine": 0.5}),
        line_of(settings={"betas": ["a"]}),
        line_of(source=None),
        messages.to_line(RENDER).replace("[0.0, 0.125, 0.0]", "[0.0, 0.125]"),
    ],
)
def test_damaged_messages_are_refused(line: str) -> None:
    with pytest.raises(errors.FormatError):
        messages.from_line(line)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(errors.FormatError, match="frame"):
        messages.from_line(messages.PREFIX + '{"type": "FrameReply", "id": 1}')


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.LayoutError("x"), "input"),
        (errors.BodyFileError("x"), "input"),
        (errors.RegressorError("x"), "input"),
        (errors.EngineError("x"), "engine"),
        (errors.OutputError("x"), "output"),
        (errors.Cancelled("x"), "expected"),
        (KeyError("x"), "bug"),
    ],
)
def test_kinds_of_failures(error: Exception, kind: str) -> None:
    assert messages.error_kind(error) == kind
