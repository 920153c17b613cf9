"""Jobs, and the plan that lists them: one line of JSON each, after a line that tells what the study is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import FormatError, MissingFileError

PLAN_VERSION: Final = 1
KINDS: Final = ("probe", "fit", "shot", "audio", "render", "encode", "compare")
IN_BLENDER: Final = ("probe", "fit", "render")
TOLERANT: Final = ("shot", "compare")
"""Kinds that go on without a clip whose input is bad."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work. id: unique, says where it belongs; needs: ids of jobs that come before; key: names everything
    that its result depends on; what: its own parameters, the rest stands in the plan's head."""

    id: str
    kind: str
    key: str
    needs: tuple[str, ...] = ()
    what: dict[str, Any] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Frames that it renders."""
        return int(self.what.get("count", 0)) if self.kind == "render" else 0

    @property
    def song(self) -> str:
        """Whose dance it is part of, "" for all."""
        return str(self.what.get("song", ""))


@dataclass(frozen=True)
class Result:
    """What became of a job. kind: of failure: ``input`` (not tried again), ``engine``, ``output``, ``crash``,
    ``timeout``, ``frames`` (some are missing or damaged: ``bad``), ``bug``; digest: names what was made."""

    job: str
    ok: bool
    kind: str = ""
    message: str = ""
    seconds: float = 0.0
    digest: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def key_of(*parts: Any) -> str:
    """Sixteen hex digits that name JSON values."""
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def write_plan(path: Path, head: dict[str, Any], jobs: Iterable[Job]) -> int:
    """Write a plan; returns how many jobs it lists. The jobs are never all in memory."""
    count = 0
    dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
    with replacing(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write(dumps({"plan": PLAN_VERSION, **head}) + "\n")
        for job in jobs:
            file.write(dumps([job.id, job.kind, job.key, job.needs, job.what]) + "\n")
            count += 1
    return count


def read_head(path: Path) -> dict[str, Any]:
    """The first line of a plan: what the study is.

    Raises:
        MissingFileError: there is none. FormatError: it is of another version, or damaged.
    """
    try:
        with path.open(encoding="ascii") as file:
            head = json.loads(file.readline())
    except OSError as error:
        raise MissingFileError(f"There is no plan at {path}. Make one with `dancepose study plan`.") from error
    except ValueError as error:
        raise FormatError(f"{path} is damaged ({error}). Make it again with `dancepose study plan`.") from error
    if not isinstance(head, dict) or head.get("plan") != PLAN_VERSION:
        raise FormatError(f"{path} is not a plan of this version. Make it again with `dancepose study plan`.")
    return head


def read_jobs(path: Path) -> Iterator[Job]:
    """The jobs of a plan, each after those that it needs.

    Raises:
        MissingFileError, FormatError: there is no usable plan.
    """
    read_head(path)
    with path.open(encoding="ascii") as file:
        file.readline()
        for number, line in enumerate(file, start=2):
            try:
                name, kind, key, needs, what = json.loads(line)
            except ValueError as error:
                raise FormatError(
                    f"{path}, line {number}, is damaged ({error}). Make it again with `dancepose study plan`."
                ) from error
            yield Job(name, kind, key, tuple(needs), what)
