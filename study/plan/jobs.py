# SPDX-License-Identifier: Apache-2.0
"""Jobs, and the plan that lists them: a JSON line about the study, then one line per job."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.bounded_files import brief, parse_json, require_regular
from dancepose_addon.core.errors import FormatError, MissingFileError

from .plan_checks import plan_names, require_job

PLAN_VERSION: Final = 2
IN_BLENDER: Final = ("probe", "fit", "render")
"""Kinds of jobs that are done in a Blender process."""
TOLERANT: Final = ("camera", "compare")
"""Kinds of jobs that continue without a clip whose input is bad."""
MAX_LINE_BYTES: Final = 64 << 20
"""Of a line of a plan or journal; the first holds the whole study."""
ENGINE_JOB: Final = "engine"
"""The job that probes the render engine and measures the character, for all clips."""
DAMAGED: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What values of other forms than expected may raise."""
PLAN_AGAIN: Final = "Write it again with `dancepose study plan`."


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work.

    Attributes:
        id: Unique name, made of kind, system, song and segment.
        kind: ``probe``, ``fit``, ``camera``, ``audio``, ``render``, ``encode`` or ``compare``.
        key: Hash of everything that the result depends on.
        needs: Ids of the jobs that have to be done before.
        what: Its own parameters; the rest is in the head of the plan.
    """

    id: str
    kind: str
    key: str
    needs: tuple[str, ...] = ()
    what: dict[str, Any] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Number of frames that it renders."""
        return int(self.what.get("count", 0)) if self.kind == "render" else 0

    @property
    def song(self) -> str:
        """The song that it belongs to, "" for all songs."""
        return str(self.what.get("song", ""))


@dataclass(frozen=True)
class Result:
    """Outcome of a job.

    Attributes:
        job: Id of the job.
        ok: Whether it succeeded.
        kind: Kind of failure: ``input`` (not tried again), ``engine``, ``output``, ``expected``, ``crash``,
            ``timeout``, ``frames`` (some are missing or damaged, listed in ``detail["bad"]``) or ``bug``.
        message: The failure as a sentence.
        seconds: Duration, seconds.
        digest: Hash of what was made.
        detail: Further figures, as JSON values.
    """

    job: str
    ok: bool
    kind: str = ""
    message: str = ""
    seconds: float = 0.0
    digest: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def key_of(*parts: Any) -> str:
    """Hash JSON values to 16 hex digits."""
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def file_hash(path: Path) -> str:
    """Hash a file's content to 16 hex digits.

    Raises:
        OSError: It cannot be read.
        FormatError: It is not a regular file.
    """
    require_regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


def write_plan(path: Path, head: dict[str, Any], jobs: Iterable[Job]) -> int:
    """Write a plan, without ever holding all jobs in memory.

    Args:
        path: File to write.
        head: What describes the whole study, as JSON values.
        jobs: The jobs, each after those that it needs.

    Returns:
        The number of jobs.
    """
    count = 0
    dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
    with replacing(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write(dumps({"plan": PLAN_VERSION, **head}) + "\n")
        for job in jobs:
            file.write(dumps([job.id, job.kind, job.key, job.needs, job.what]) + "\n")
            count += 1
    return count


def read_head(path: Path) -> dict[str, Any]:
    """Read the first line of a plan: the description of the study.

    Raises:
        MissingFileError: There is no plan.
        FormatError: It is of another version, or damaged.
    """
    try:
        require_regular(path)
        with path.open(encoding="ascii", errors="replace") as file:
            head = parse_json(file.readline(MAX_LINE_BYTES))
    except OSError as error:
        raise MissingFileError(f"There is no plan at {path}. Write one with `dancepose study plan`.") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is damaged ({error}). {PLAN_AGAIN}") from error
    if not isinstance(head, dict) or head.get("plan") != PLAN_VERSION:
        raise FormatError(f"{path} is not a plan of this version. {PLAN_AGAIN}")
    try:
        plan_names(head)
    except DAMAGED as error:
        raise FormatError(f"{path}, line 1, is damaged ({brief(error)}). {PLAN_AGAIN}") from error
    return head


def read_jobs(path: Path) -> Iterator[Job]:
    """Read the jobs of a plan, each after those that it needs.

    Raises:
        MissingFileError: There is no plan.
        FormatError: It is of another version, or damaged.
    """
    names = plan_names(read_head(path))
    with path.open(encoding="ascii", errors="replace") as file:
        file.readline()
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), ""), start=2):
            try:
                entry = parse_json(line)
                require_job(entry, names)
            except DAMAGED as error:
                raise FormatError(f"{path}, line {number}, is damaged ({brief(error)}). {PLAN_AGAIN}") from error
            name, kind, key, needs, what = entry
            yield Job(name, kind, key, tuple(needs), what)
