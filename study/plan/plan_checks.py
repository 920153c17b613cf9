# SPDX-License-Identifier: Apache-2.0
"""What a plan may hold. It is a text file that may have been edited, and its names become those of files."""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any, Final

from dancepose_addon.core.printable_text import quoted

from .values import NAME

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "probe": (),
    "fit": ("system", "song", "needs_s"),
    "camera": ("song",),
    "audio": ("song", "segment"),
    "render": ("system", "song", "segment", "first", "count"),
    "encode": ("system", "song", "segment"),
    "compare": ("song", "segment"),
}
"""Parameters that each kind of job has."""
MOST_FRAMES: Final = 10_000_000
"""Of a segment: more than four days."""


@dataclass(frozen=True)
class PlanNames:
    """What the head of a plan names.

    Attributes:
        systems: The systems.
        segments: The segments of each song.
    """

    systems: frozenset[str]
    segments: Mapping[str, frozenset[str]]


def plan_names(head: Mapping[str, Any]) -> PlanNames:
    """Check the names in the head of a plan.

    Args:
        head: The first line of the plan.

    Returns:
        The names.

    Raises:
        ValueError: They are not of the form that ``planning`` writes.
        TypeError, KeyError, AttributeError: Likewise.
    """
    for table, keys in (("program", ("version", "code")), ("ffmpeg", ("program", "version", "digest"))):
        if sorted(head[table]) != sorted(keys) or not all(isinstance(head[table][key], str) for key in keys):
            raise ValueError(f"the table {table}")
    if not all(text is None or isinstance(text, str) for text in head.get("stage_files", [])):
        raise TypeError("the hash of a file that is not text")
    systems = [entry["name"] for entry in head["study"]["system"]]
    for system in systems:
        _require_name(system)
    found = {}
    for song, entries in head["segments"].items():
        _require_name(song)
        for name, start_s, frames in entries:
            _require_name(name, may_be_empty=True)
            _require_number(start_s, "the start of a segment")
            _require_count(frames, "the frames of a segment")
        found[song] = frozenset(name for name, *_ in entries)
    return PlanNames(frozenset(systems), found)


def require_job(entry: Any, names: PlanNames) -> None:
    """Check a line of a plan.

    Args:
        entry: Id, kind, key, needs and parameters of a job.
        names: Of the plan's head.

    Raises:
        ValueError: It is not a job of this plan.
        TypeError, KeyError, AttributeError: Likewise.
    """
    name, kind, key, needs, what = entry
    if not all(isinstance(text, str) for text in (name, kind, key, *needs)):
        raise ValueError("an id, kind or key that is not text")
    for parameter in PARAMETERS[kind]:
        _require_parameter(parameter, what[parameter])
    for parameter in ("trouble", "source"):
        if not isinstance(what.get(parameter, ""), str):
            raise TypeError(f"the {parameter} {quoted(what[parameter])}")
    hashes = [what.get("content"), *what.get("files", {}).values()]
    if not all(text is None or isinstance(text, str) for text in hashes):
        raise TypeError("the hash of an input that is not text")
    if kind == "fit" and "source" not in what and "trouble" not in what:
        raise ValueError("a fit without a source")
    if "system" in what and what["system"] not in names.systems:
        raise ValueError(f"the system {quoted(what['system'])}, which the study does not have")
    if "song" in what and what["song"] not in names.segments:
        raise ValueError(f"the song {quoted(what['song'])}, which has no segments")
    if "segment" in what and what["segment"] not in names.segments[what["song"]]:
        raise ValueError(f"the segment {quoted(what['segment'])}, which its song does not have")


def _require_parameter(name: str, value: Any) -> None:
    if name == "needs_s":
        _require_number(value, name)
    elif name in ("first", "count"):
        _require_count(value, name)
    else:
        _require_name(value, may_be_empty=name == "segment")


def _require_name(value: Any, *, may_be_empty: bool = False) -> None:
    """Refuse what could lead to another folder."""
    if not isinstance(value, str) or not (NAME.fullmatch(value) or (may_be_empty and not value)):
        raise ValueError(f"the name {quoted(value)}")


def _require_number(value: Any, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{what} {quoted(value)}")


def _require_count(value: Any, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_FRAMES:
        raise ValueError(f"{what} {quoted(value)}")
