# SPDX-License-Identifier: Apache-2.0
"""Two commands at once on one output."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import subprocess
import sys

import pytest

from dancepose.cli.output_checks import check_files

HOLDER = """
import sys
from pathlib import Path
from dancepose_addon.core.output_claims import claim_outputs
claim_outputs([Path(sys.argv[1])])
print("held", flush=True)
sys.stdin.readline()
"""
WALTZ = Path(__file__).parents[2] / "examples" / "waltz"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process that writes a file."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            yield
        finally:
            other.communicate("\n")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "dancepose.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    "arguments",
    [("fit", WALTZ, "--out"), ("convert", WALTZ), ("render", WALTZ, "--engine", "fast", "--out")],
    ids=["fit", "convert", "render"],
)
def test_the_second_command_is_refused(tmp_path: Path, arguments: tuple[object, ...]) -> None:
    suffix = ".mp4" if "--engine" in arguments else ".npz"
    out = tmp_path / f"result{suffix}"
    (tmp_path / "link").symlink_to(tmp_path)
    with held(tmp_path / "link" / out.name):
        done = run(*arguments, out)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        f"Another command is writing '{out}'. Wait until it has finished, or choose another output."
    )
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [("train", "--preset", "smoke", "--limit-batches", "1"), ("demo",)],
    ids=["train", "demo"],
)
def test_the_second_command_on_a_folder_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    out = tmp_path / "run"
    with held(out):
        done = run(*arguments, "--out", out)
    assert done.returncode == 1, done.stderr
    assert "Another command is writing" in done.stderr.splitlines()[-1]
    assert not out.exists()


def test_a_folder_of_unfinished_frames_may_be_shared(tmp_path: Path) -> None:
    with held(tmp_path / "work"):
        check_files({}, (), folders={"--work": tmp_path / "work"})


def test_an_output_is_free_when_its_process_has_ended(tmp_path: Path) -> None:
    with held(tmp_path / "motion.npz"):
        pass
    done = run("fit", WALTZ, "--frames", "0:5", "--out", tmp_path / "motion.npz")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "motion.npz").is_file()
