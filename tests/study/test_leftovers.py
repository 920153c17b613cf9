# SPDX-License-Identifier: Apache-2.0
"""Temporary files that a stopped run leaves, and those of others, which stay."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from dancepose.study.plan.jobs import Job
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.run import driver
from dancepose.study.run.driver import Driver
from dancepose.study.run.job_results import FRAME_KEY

WHAT = {"system": "near", "song": "s1", "segment": "", "systems": ["near", "far"], "first": 0, "count": 4}


def temporary(path: Path) -> Path:
    """A file as it is while it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.parent / f".{path.stem}.1a2b.part{path.suffix}"
    made.write_text("")
    return made


def leftovers(paths: StudyPaths, kind: str) -> list[Path]:
    clip = ("near", "s1", "")
    frames = paths.frames(*clip)
    if kind == "fit":
        return [temporary(paths.motion("near", "s1")), temporary(paths.fit_report("near", "s1"))]
    if kind == "compare":
        found = [paths.comparison("s1", "", name, labels=on) for name in ("row", "grid") for on in (True, False)]
        return [temporary(path.with_suffix(suffix)) for path in found for suffix in (".mp4", ".png")]
    pictures = [frames / FRAME_KEY, frames / "000001.png"]
    more = [paths.clip(*clip, ".webm"), paths.sheet(*clip), paths.thumbnail(*clip), paths.stills(*clip) / "2s.png"]
    return [temporary(path) for path in (*pictures, *more, *([paths.clip(*clip)] if kind == "encode" else []))]


@pytest.mark.parametrize("kind", ["fit", "render", "encode", "compare"])
@pytest.mark.parametrize("running", [True, False])
def test_what_running_jobs_leave_is_removed(tmp_path: Path, kind: str, *, running: bool) -> None:
    paths = StudyPaths(tmp_path)
    made = leftovers(paths, kind)
    kept = [made[0].with_name(made[0].name.lstrip(".")), made[0].with_name(".other.1a2b.part.npz")]
    for path in kept:
        path.write_text("")
    status = {"job": driver.RUNNING if running else driver.READY}
    run = SimpleNamespace(
        _jobs={"job": Job("job", kind, "key", what=WHAT)}, _progress=SimpleNamespace(status=status), _paths=paths
    )
    Driver.remove_leftovers(run)
    assert [path for path in made if path.exists()] == ([] if running else made)
    assert all(path.exists() for path in kept)
