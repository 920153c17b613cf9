# SPDX-License-Identifier: Apache-2.0
"""``dancepose rate power`` and ``rate analyse``: what is printed and written, against calculations made here."""

import csv
import json
from math import sqrt
from pathlib import Path
import re
import shutil
import subprocess

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("matplotlib")
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import nct, norm, t as student

from dancepose.rating.design.rating_file import load_rating
from dancepose.rating.design.rating_plan import plan_rating
from dancepose.rating.record_files import RatingPaths, write_lines, write_rating_plan
from tests.rating.planned import films, simulated_rating

from .conftest import Dancepose

WORTHS = {"a": 0.8, "b_1": 0.3, "c": 0.0}
FILE = """
[rating]
design = "pair"
[[system]]
name = "a"
files = "a"
label = "50 % & more_#1"
[[system]]
name = "b_1"
files = "b"
[[system]]
name = "c"
files = "c"
[[question]]
id = "real"
text.en = "Which is better?"
[raters]
count = 24
votes = 9
[analysis]
reference = "c"
"""


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rating.toml with a plan and the votes of 24 simulated raters, two of them careless."""
    paths = RatingPaths(tmp_path_factory.mktemp("rated"))
    paths.file.write_text(FILE)
    file = load_rating(paths.file)
    plan = write_rating_plan(paths.plan, plan_rating(file, films(file, 6)).plan)
    votes, sessions = simulated_rating(plan, WORTHS, seed=4, spoilers=2)
    write_lines(paths.votes, votes)
    write_lines(paths.sessions, sessions)
    return paths.file


class CumulativeModel:
    """The cumulative logit model of pairs with numerical derivatives: slow, and plain enough to check by reading.

    eta = l_first - l_second + b. P(answer <= -2), ..., P(answer <= 1) = expit(eta - t2), expit(eta - t1),
    expit(eta + t1), expit(eta + t2), with 0 < t1 < t2; theta = (l_a, l_b, b, log t1, log (t2 - t1)), and l_c = 0.
    """

    def __init__(self, rows: list[dict[str, str]]) -> None:
        names = ["a", "b_1", "c"]
        self.first = np.array([names.index(row["first"]) for row in rows])
        self.second = np.array([names.index(row["second"]) for row in rows])
        self.answer = np.array([int(row["answer"]) for row in rows])
        found = minimize(lambda theta: -self.logs(theta).sum(), [0.0, 0.0, 0.0, -1.0, 0.0], method="BFGS", tol=1e-9)
        self.theta = found.x
        step = 1e-4
        moves = step * np.eye(5)
        self.scores = np.stack(
            [(self.logs(self.theta + move) - self.logs(self.theta - move)) / (2 * step) for move in moves], axis=1
        )
        self.information = -np.array(
            [
                [
                    (
                        self.logs(self.theta + one + other).sum()
                        - self.logs(self.theta + one - other).sum()
                        - self.logs(self.theta - one + other).sum()
                        + self.logs(self.theta - one - other).sum()
                    )
                    / (4 * step**2)
                    for other in moves
                ]
                for one in moves
            ]
        )

    def cuts(self, theta: np.ndarray) -> np.ndarray:
        near = np.exp(theta[3])
        far = near + np.exp(theta[4])
        return np.array([-far, -near, near, far])

    def logs(self, theta: np.ndarray) -> np.ndarray:
        worths = np.array([theta[0], theta[1], 0.0])
        eta = worths[self.first] - worths[self.second] + theta[2]
        below = expit(eta[:, None] + self.cuts(theta))
        shares = np.diff(np.concatenate([np.zeros((len(eta), 1)), below, np.ones((len(eta), 1))], axis=1))
        return np.log(shares[np.arange(len(eta)), self.answer + 2])

    def errors(self, rater: list[str], song: list[str], contrast: np.ndarray) -> tuple[float, float]:
        """The standard errors of a contrast, clustered and of independent votes, as docs/rating.md describes them."""
        inverse = np.linalg.inv(self.information)

        def variance(labels: list[str]) -> float:
            known = sorted(set(labels))
            sums = np.array([self.scores[[label == one for label in labels]].sum(axis=0) for one in known])
            middle = sums.T @ sums * len(known) / (len(known) - 1)
            return float(contrast @ inverse @ middle @ inverse @ contrast)

        by_rater, by_song = variance(rater), variance(song)
        two_way = by_rater + by_song - variance([f"{one}|{other}" for one, other in zip(rater, song, strict=True)])
        if two_way <= 0 or two_way < min(by_rater, by_song):
            two_way = max(by_rater, by_song)
        return sqrt(two_way), sqrt(contrast @ inverse @ contrast)


def test_results_are_those_of_an_independent_calculation(dancepose: Dancepose, rated: Path, tmp_path: Path) -> None:
    outcome = dancepose("rate", "analyse", rated, "--out", tmp_path / "out", "--resamples", 40, "--no-mixed")
    assert outcome.code == 0, outcome.err
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    with (tmp_path / "out" / "votes.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["used"] == "1"]
    assert len(rows) == 22 * 9
    model = CumulativeModel(rows)
    (entry,) = results["results"]
    assert (entry["votes"], entry["raters"], entry["songs"], entry["freedom"]) == (198, 22, 6, 5)
    assert entry["details"]["log_likelihood"] == pytest.approx(model.logs(model.theta).sum(), abs=1e-4)
    assert entry["details"]["side_bias"] == pytest.approx(model.theta[2], abs=2e-3)
    rater, song = [row["rater"] for row in rows], [row["song"] for row in rows]
    unit = np.eye(5)
    contrasts = {("a", "c"): unit[0], ("b_1", "c"): unit[1], ("a", "b_1"): unit[0] - unit[1]}
    p_values = {}
    for pair in entry["comparisons"]:
        contrast = contrasts[pair["first"], pair["second"]]
        difference, (clustered, naive) = contrast @ model.theta, model.errors(rater, song, contrast)
        assert pair["difference"] == pytest.approx(difference, abs=2e-3)
        widths = {student.ppf(0.975, 5) * clustered: clustered, norm.ppf(0.975) * naive: naive}
        half = max(widths)
        assert pair["error"] == pytest.approx(widths[half], rel=2e-3)
        assert (pair["source"] == "independent") == (widths[half] == naive)
        assert (pair["low"], pair["high"]) == pytest.approx((difference - half, difference + half), abs=5e-3)
        p_values[pair["first"], pair["second"]] = 2 * max(
            student.sf(abs(difference) / clustered, 5), norm.sf(abs(difference) / naive)
        )
        near = np.exp(model.theta[3])
        better, worse = expit(difference - near), expit(-difference - near)
        assert pair["probability"] == pytest.approx(better / (better + worse), abs=1e-3)
    # Holm: the smallest of three is multiplied by 3, the next by 2, and none is less than one before it.
    least = 0.0
    for place, name in enumerate(sorted(p_values, key=p_values.get)):
        least = max(least, min(1.0, p_values[name] * (3 - place)))
        (pair,) = [pair for pair in entry["comparisons"] if (pair["first"], pair["second"]) == name]
        assert pair["p_holm"] == pytest.approx(least, rel=0.02)
    values = {row["system"]: row for row in entry["systems"]}
    assert values["a"]["elo"] == pytest.approx(400 * model.theta[0] / np.log(10), abs=0.5)
    assert "real: 198 votes, 22 raters, 6 songs" in outcome.out
    assert f"{values['a']['value']:7.2f}  [{values['a']['low']:.2f}, {values['a']['high']:.2f}]" in outcome.out


def has_failed(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode != 0


MACROS = {
    "begin", "end", "centering", "caption", "label", "toprule", "midrule", "bottomrule", "textbackslash",
    "textasciitilde", "textasciicircum", "succ",
}  # fmt: skip


def test_the_table_is_valid_latex(dancepose: Dancepose, rated: Path, tmp_path: Path) -> None:
    assert dancepose("rate", "analyse", rated, "--out", tmp_path, "--resamples", 0, "--no-mixed").code == 0
    text = (tmp_path / "table.tex").read_text()
    code = re.sub(r"(?m)^%.*\n", "", text)
    assert r"50 \% \& more\_\#1" in code
    assert set(re.findall(r"\\([A-Za-z]+)", code)) <= MACROS
    bare = re.sub(r"\\[\\%&#_{}$,]", "", code)
    assert "%" not in bare
    assert "#" not in bare
    assert "_" not in re.sub(r"\\label\{[^}]*\}", "", bare)
    assert bare.count("$") % 2 == 0
    depth = np.cumsum([{"{": 1, "}": -1}.get(letter, 0) for letter in bare])
    assert (depth.min(), depth[-1]) == (0, 0)
    open_now: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", code):
        if kind == "begin":
            open_now.append(name)
        else:
            assert open_now.pop() == name
    assert open_now == []
    (columns,) = re.findall(r"\\begin\{tabular\}\{([lcr]+)\}", code)
    rows = [line for line in code.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 4
    assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}
    program, finder = shutil.which("pdflatex"), shutil.which("kpsewhich")
    if (
        program is None
        or finder is None
        or has_failed([finder, "booktabs.sty"])
        or has_failed([finder, "-engine=pdftex", "pdflatex.fmt"])
    ):
        return  # no TeX, or not all of it
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\input{table}\\end{document}\n"
    )
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 10000


def test_analysis_refuses_what_it_cannot_do_in_one_sentence(dancepose: Dancepose, rated: Path, tmp_path: Path) -> None:
    for name in ("rating.toml", "plan.json"):
        shutil.copy(rated.parent / name, tmp_path)
    outcome = dancepose("rate", "analyse", tmp_path / "rating.toml")
    assert outcome.code == 1
    assert len(outcome.err.strip().splitlines()) == 1
    assert "votes" in outcome.err
    assert not (tmp_path / "results").exists()
    outcome = dancepose("rate", "analyse", tmp_path / "none" / "rating.toml")
    assert outcome.code == 1
    assert "rating.toml does not exist" in outcome.err
    assert dancepose("rate", "analyse", rated, "--resamples", -1).code == 2
    assert dancepose("rate", "analyse").code == 2


def test_a_changed_file_is_called_exploratory(dancepose: Dancepose, rated: Path, tmp_path: Path) -> None:
    for path in rated.parent.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    (tmp_path / "rating.toml").write_text(FILE + "alpha = 0.01\n")
    outcome = dancepose("rate", "analyse", tmp_path / "rating.toml", "--resamples", 0, "--no-mixed")
    assert outcome.code == 0
    assert "Note: the analysis is exploratory" in outcome.err


def power_rows(text: str) -> list[list[str]]:
    """The rows of the printed table: songs, raters, votes, power, detectable, limit."""
    return [line.split() for line in text.splitlines() if re.match(r"\s+\d+\s+\d+\s", line)]


def test_power_without_spread_is_that_of_independent_votes(dancepose: Dancepose) -> None:
    """Two systems, forced answers: the log odds of n votes at 1/2 have the standard error 2 / sqrt(n)."""
    outcome = dancepose(
        "rate", "power", "--systems", 2, "--points", 2, "--votes", 6, "--raters", "12,24", "--songs", "6", "--effect",
        0.7, "--sd-rater", 0, "--sd-song", 0, "--simulations", 1000,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    rows = power_rows(outcome.out)
    assert [row[:3] for row in rows] == [["6", "12", "6"], ["6", "24", "6"]]
    for row, raters in zip(rows, (12, 24), strict=True):
        noncentrality = np.log(0.7 / 0.3) / (2 / sqrt(6 * raters))
        expected = nct.sf(student.ppf(0.975, 5), 5, noncentrality)
        assert float(row[3]) == pytest.approx(expected, abs=0.03)
        assert row[5] == "50%"  # without spread between songs they set no limit


def test_power_of_a_file_takes_its_numbers(dancepose: Dancepose, rated: Path) -> None:
    outcome = dancepose("rate", "power", rated, "--raters", "10", "--songs", "4", "--simulations", 20)
    assert outcome.code == 0, outcome.err
    assert "3 systems, 3 comparisons, true preference 65%, alpha 0.05 after Holm." in outcome.out
    # The file's own 24 raters are added; it names no songs.
    assert [row[:3] for row in power_rows(outcome.out)] == [["4", "10", "9"], ["4", "24", "9"]]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--points", "4"], 2, "expected 5, 3 or 2"),
        (["--design", "duel"], 2, "expected pair, best-worst"),
        (["--raters", "ten"], 2, "whole numbers"),
        (["--songs", "1"], 2, "whole numbers from 2"),
        (["--effect", "1.5"], 1, "expected a preference between .5 and 1"),
        (["none.toml"], 1, "none.toml does not exist"),
    ],
)
def test_impossible_power_is_refused(
    dancepose: Dancepose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = dancepose("rate", "power", *arguments)
    assert (outcome.code, said in re.sub(r"[\s│]+", " ", outcome.err)) == (code, True), outcome.err


@pytest.mark.parametrize(
    ("design", "said"),
    [
        ("best-worst", "3 systems, 3 comparisons, true preference 65%, alpha 0.05 after Holm."),
        ("sliders", "3 systems, 3 comparisons, true difference 5 points, alpha 0.05 after Holm."),
        ("acr", "3 systems, 3 comparisons, true difference 0.3 points, alpha 0.05 after Holm."),
        ("mismatch", "3 systems, true preference 65% for the right music, 95% interval of each system."),
    ],
)
def test_power_of_a_file_of_any_design(dancepose: Dancepose, tmp_path: Path, design: str, said: str) -> None:
    file = tmp_path / "rating.toml"
    file.write_text(FILE.replace('"pair"', f'"{design}"'))
    outcome = dancepose("rate", "power", file, "--raters", "5", "--songs", "3", "--simulations", 20)
    assert outcome.code == 0, outcome.err
    assert said in outcome.out
    options = dancepose("rate", "power", "--design", design, "--raters", "5,24", "--songs", "3", "--simulations", 20,
                        "--votes", 9)  # fmt: skip
    assert power_rows(options.out) == power_rows(outcome.out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["FILE", "--votes", "20"], "--votes has no effect: the rating file decides it"),
        (["FILE", "--design", "pair"], "--design has no effect"),
        (["FILE", "--sd-vote", "1"], "--sd-vote has no effect: only acr and sliders"),
        (["--design", "acr", "--points", "5"], "--points has no effect: acr has no pairs"),
        (["--set-size", "3"], "--set-size has no effect: pair has no sets"),
    ],
)
def test_options_of_power_without_effect_are_refused(
    dancepose: Dancepose, tmp_path: Path, arguments: list[str], said: str
) -> None:
    file = tmp_path / "rating.toml"
    file.write_text(FILE)
    outcome = dancepose("rate", "power", *[file if each == "FILE" else each for each in arguments])
    assert outcome.code != 0
    assert said in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("design", "tested"),
    [("pair", "3 systems, 2 comparisons"), ("mismatch", "95% interval of each system")],
)
def test_power_against_a_reference(dancepose: Dancepose, tmp_path: Path, design: str, tested: str) -> None:
    """Two comparisons with the reference; the interval of a mismatch is of one system, whatever is compared."""
    file = tmp_path / "rating.toml"
    text = FILE.replace('"pair"', f'"{design}"').partition("[analysis]")[0]
    file.write_text(text + '[analysis]\ncomparisons = "reference"\nreference = "a"\n')
    outcome = dancepose("rate", "power", file, "--raters", "5", "--songs", "3", "--simulations", 20)
    assert outcome.code == 0, outcome.err
    assert tested in outcome.out
    if design == "mismatch":
        plain = dancepose("rate", "power", "--design", design, "--raters", "5,24", "--songs", "3", "--simulations", 20,
                          "--votes", 9)  # fmt: skip
        assert power_rows(outcome.out) == power_rows(plain.out)


def test_an_address_to_post_to_needs_a_scheme(dancepose: Dancepose, rated: Path) -> None:
    outcome = dancepose("rate", "pack", rated, "--post", "example.org/answers")
    assert outcome.code == 2
    assert "begins with https://" in re.sub(r"[\s│]+", " ", outcome.err)
