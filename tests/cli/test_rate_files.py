# SPDX-License-Identifier: Apache-2.0
"""``dancepose rate``: outputs are tried before films and votes are read, and a folder names its rating file."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

from dancepose.rating.record_files import locked_rating
from tests.support.rating_cases import TWO_SYSTEMS, small_plan

from .conftest import Dancepose


@pytest.fixture
def rating(tmp_path: Path) -> Path:
    """A rating folder without films, so that reading them fails."""
    (tmp_path / "rating.toml").write_text(TWO_SYSTEMS)
    return tmp_path


def said(dancepose: Dancepose, *arguments: object) -> str:
    outcome = dancepose("rate", *arguments)
    assert outcome.code == 1, outcome
    assert len(outcome.err.strip().splitlines()) == 1, outcome
    assert outcome.err.startswith("dancepose: ")
    return outcome.err


@pytest.mark.parametrize("given", ["rating.toml", ""])
def test_a_plan_that_cannot_be_written_is_refused_before_films_are_read(
    dancepose: Dancepose, rating: Path, given: str
) -> None:
    assert "no films" in said(dancepose, "plan", rating / given)
    (rating / "plan.json").mkdir()
    assert "plan.json' is a folder" in said(dancepose, "plan", rating / given)


@pytest.mark.parametrize("name", ["plan.json", "votes.jsonl", "rating.db", "results/report.html", "keys/new.json"])
def test_links_to_files_elsewhere_are_refused(
    dancepose: Dancepose, rating: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    precious = tmp_path_factory.mktemp("elsewhere") / "precious.txt"
    precious.write_text("kept")
    (rating / name).parent.mkdir(exist_ok=True)
    (rating / name).symlink_to(precious)
    for command in (("plan", rating), ("pack", rating), ("analyse", rating), ("import", rating, precious)):
        assert "is a link, and would be written through to" in said(dancepose, *command)
    assert precious.read_text() == "kept"


@pytest.mark.parametrize("given", ["rating.toml", ""])
def test_results_that_cannot_be_written_are_refused_before_votes_are_read(
    dancepose: Dancepose, rating: Path, given: str
) -> None:
    pytest.importorskip("scipy")
    pytest.importorskip("matplotlib")
    assert "plan.json cannot be read" in said(dancepose, "analyse", rating / given)
    assert "is a file" in said(dancepose, "analyse", rating / given, "--out", rating / "rating.toml")
    assert "belongs to the pack" in said(dancepose, "analyse", rating / given, "--out", rating / "pack" / "site")
    (rating / "results" / "report.html").mkdir(parents=True)
    assert "report.html' is a folder" in said(dancepose, "analyse", rating / given)


def test_power_takes_the_folder(dancepose: Dancepose, rating: Path) -> None:
    (rating / "rating.toml").write_text(TWO_SYSTEMS.replace("[[system]]", '[rating]\ndesign = "acr"\n[[system]]', 1))
    outcome = dancepose("rate", "power", rating, "--raters", "4", "--songs", "3", "--simulations", "20")
    assert outcome.code == 0, outcome.err
    assert "true difference 0.3 points" in outcome.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("power", "--sd-rater", "inf"),
        ("power", "--sd-song", "1e300"),
        ("power", "--simulations", "1e12"),
        ("analyse", "x", "--resamples", "1000000000"),
    ],
)
def test_numbers_have_ranges(dancepose: Dancepose, arguments: tuple[str, ...]) -> None:
    assert dancepose("rate", *arguments).code == 2


def test_a_simulation_of_too_many_votes_is_refused(dancepose: Dancepose) -> None:
    pytest.importorskip("scipy")
    assert "150000000 votes" in said(dancepose, "power", "--simulations", "10000", "--raters", "500")


def test_devices_are_not_read(dancepose: Dancepose, rating: Path) -> None:
    for verb in ("plan", "power"):
        assert "not a regular file" in said(dancepose, verb, "/dev/zero")
    os.mkfifo(rating / "plan.json")
    for verb in ("pack", "status", "import"):
        assert "not a regular file" in said(dancepose, verb, rating)


def test_two_commands_do_not_change_one_rating_at_once(dancepose: Dancepose, rating: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from dancepose.rating.record_files import locked_rating\n"
        "with locked_rating(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    holder = [sys.executable, "-c", code, str(rating)]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holding:
        assert holding.stdout is not None
        holding.stdout.readline()
        for verb in (("plan", rating), ("pack", rating), ("import", rating), ("forget", rating, "--session", "s")):
            assert "Another process changes" in said(dancepose, *verb), verb
        holding.communicate()
    with locked_rating(rating):
        pass
    assert [path.name for path in rating.iterdir()] == ["rating.toml"]


def test_a_demonstration_leaves_other_files_alone(dancepose: Dancepose, rating: Path) -> None:
    assert "holds another rating" in said(dancepose, "demo", "--out", rating, "--no-serve")
    assert "is a file" in said(dancepose, "demo", "--out", rating / "rating.toml", "--no-serve")
    assert [path.name for path in rating.iterdir()] == ["rating.toml"]


def test_an_id_that_is_not_utf_8_is_looked_for_too(dancepose: Dancepose, rating: Path) -> None:
    plan = small_plan(rating, length_s=0.4)
    assert plan.slots
    assert "No session" in said(dancepose, "forget", rating, "--participant", "\udcff")


def test_a_missing_module_is_one_sentence(dancepose: Dancepose, monkeypatch: pytest.MonkeyPatch, rating: Path) -> None:
    for name in [name for name in sys.modules if name.startswith("dancepose.rating.outputs")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "needs matplotlib, which is not installed. Install the extra `plots`" in said(dancepose, "analyse", rating)
