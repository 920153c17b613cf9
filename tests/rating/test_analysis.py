# SPDX-License-Identifier: Apache-2.0
"""Simulated raters with known preferences: the analysis finds them, excludes the careless, and writes every output."""

import csv
from dataclasses import replace
import json
from pathlib import Path
import re

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("matplotlib")

from dancepose.cli.rate_collect import rating_status_command
from dancepose.rating.design.rating_file import load_rating
from dancepose.rating.design.rating_plan import plan_rating
from dancepose.rating.outputs.figures import forest_plot, pair_matrix, svg_text
from dancepose.rating.outputs.methods_text import methods_text
from dancepose.rating.outputs.question_analysis import AnalysisOptions
from dancepose.rating.outputs.rating_analysis import Analysed, analyse_rating
from dancepose.rating.outputs.writing import WRITTEN, require_analysis_outputs, write_analysis
from dancepose.rating.record_files import RatingPaths, read_rating_plan, read_votes, write_lines, write_rating_plan
from dancepose_addon.core.errors import InputError, OutputError
from tests.rating.planned import films, simulated_rating

QUICK = AnalysisOptions(resamples=60, has_mixed_model=False)
WORTHS = {"a": 1.8, "b_1": 0.9, "c": 0.0}
FILE = """
[rating]
design = "{design}"
points = {points}
hidden_reference = "{reference}"
[[system]]
name = "a"
files = "a"
[[system]]
name = "b_1"
files = "b"
label = "B & 1"
[[system]]
name = "c"
files = "c"
[[question]]
id = "real"
text.en = "Which is better?"
[raters]
count = 24
votes = {votes}
[exclusion]
failed_gold_most = 5
hidden_reference_least = 0
"""


def rated(root: Path, design: str = "pair", *, points: int = 5, votes: int = 9, songs: int = 6) -> RatingPaths:
    """A rating of 22 careful raters and two who answer at random."""
    paths = RatingPaths(root)
    reference = "a" if design == "sliders" else ""
    paths.file.write_text(FILE.format(design=design, points=points, votes=votes, reference=reference))
    file = load_rating(paths.file)
    plan = write_rating_plan(paths.plan, plan_rating(file, films(file, songs)).plan)
    given, sessions = simulated_rating(plan, WORTHS, seed=1, spoilers=2)
    sessions[0] = replace(sessions[0], participant="ab" * 32)
    write_lines(paths.votes, given)
    write_lines(paths.sessions, sessions)
    return paths


@pytest.mark.parametrize(
    ("design", "points", "votes"),
    [("pair", 5, 9), ("pair", 3, 9), ("pair", 2, 9), ("best-worst", 5, 6), ("sliders", 5, 6), ("acr", 5, 12)],
)
def test_known_preferences_are_found(tmp_path: Path, design: str, points: int, votes: int) -> None:
    analysed = analyse_rating(rated(tmp_path, design, points=points, votes=votes), QUICK)
    entry = analysed.result.results[0]
    assert [row.system for row in entry.systems] == ["a", "b_1", "c"]
    best = next(pair for pair in entry.comparisons if {pair.first, pair.second} == {"a", "c"})
    assert (best.first, best.verdict) == ("a", "first")
    assert (entry.raters, entry.songs, entry.freedom) == (22, 6, 5)
    assert analysed.result.counts["raters_kept"] == 22
    assert analysed.result.exclusions == {"failed attention checks": 2}
    assert analysed.result.without_exclusions[0].raters == 24


def test_right_music_is_preferred(tmp_path: Path) -> None:
    entry = analyse_rating(rated(tmp_path, "mismatch", votes=12), QUICK).result.results[0]
    assert entry.scale == "share"
    assert all(row.value > 0.6 for row in entry.systems)
    assert all(row.low < row.value < row.high for row in entry.systems)
    assert all(0.0 <= row.low < row.high <= 1.0 for row in entry.systems)


def test_votes_without_a_session_are_named_and_not_called_excluded_by_rule(tmp_path: Path, capsys) -> None:
    paths = rated(tmp_path)
    lines = paths.sessions.read_text().splitlines(keepends=True)
    paths.sessions.write_text("".join(lines[4:]))  # of four careful raters; the last two lines are the careless ones
    analysed = analyse_rating(paths, QUICK)
    said = "sessions.jsonl has no record of 4 sessions with votes, which are left out."
    assert any(notice.startswith(said) for notice in analysed.result.notices)
    assert analysed.result.counts["raters_kept"] == 18
    text = methods_text(analysed.plan, analysed.result, {})
    assert "20 raters started; 2 were left out by rules fixed before" in text
    assert "(failed attention checks: 2). 4 raters more had votes, but no record of the session. " in text
    rating_status_command(tmp_path)
    assert said in capsys.readouterr().err


def test_sessions_of_one_participant_are_one_rater(tmp_path: Path) -> None:
    paths = rated(tmp_path)
    lines = [json.loads(line) for line in paths.sessions.read_text().splitlines()]
    for number, line in enumerate(lines):
        line["participant"] = f"{number // 2:064x}"
    paths.sessions.write_text("".join(json.dumps(line) + "\n" for line in lines))
    analysed = analyse_rating(paths, QUICK)
    counts = analysed.result.counts
    assert (counts["raters"], counts["sessions"], counts["sessions_kept"]) == (12, 24, 22)
    assert analysed.result.results[0].raters == counts["raters_kept"] == 11
    assert "12 raters started 24 sessions; 2 sessions were left out by rules" in methods_text(
        analysed.plan, analysed.result, {}
    )


@pytest.mark.parametrize("coverage", [[], [1.0]])
def test_votes_without_a_record_of_watching_do_not_count(tmp_path: Path, coverage: list[float]) -> None:
    paths = rated(tmp_path)
    lines = [json.loads(line) for line in paths.votes.read_text().splitlines()]
    number = next(n for n, line in enumerate(lines) if line["kind"] == "main")
    lines[number]["coverage"] = coverage
    paths.votes.write_text("".join(json.dumps(line) + "\n" for line in lines))
    excluded = analyse_rating(paths, QUICK).screened.excluded_votes
    assert [reason for _, reason in excluded] == ["no record of what was watched"]


@pytest.mark.parametrize(
    ("design", "votes", "said"), [("sliders", 6, True), ("pair", 9, False), ("acr", 12, True), ("best-worst", 6, False)]
)
def test_equal_answers_leave_a_rater_out_where_the_text_names_the_rule(
    tmp_path: Path, design: str, votes: int, *, said: bool
) -> None:
    paths = rated(tmp_path, design, votes=votes)
    lines = [json.loads(line) for line in paths.votes.read_text().splitlines()]
    for line in lines:
        if line["session"] == lines[0]["session"] and line["kind"] == "main" and design != "best-worst":
            line["answer"] = dict.fromkeys(line["answer"], 95) if design == "sliders" else 1
    paths.votes.write_text("".join(json.dumps(line) + "\n" for line in lines))
    analysed = analyse_rating(paths, QUICK)
    assert analysed.result.exclusions.get("equal answers", 0) == int(said)
    text = methods_text(analysed.plan, analysed.result, {})
    assert ("more than 95% equal answers among 10 or more" in text) is said


def test_the_text_names_the_rules_that_can_leave_a_rater_out(tmp_path: Path) -> None:
    paths = rated(tmp_path, "sliders", votes=6)
    text = paths.file.read_text().replace("least = 0", "least = 20\ncorrelation_least = 0.1")
    paths.file.write_text(text.replace("[exclusion]", "[exclusion]\nfailed_checks_most = 2"))
    file = load_rating(paths.file)
    planned = plan_rating(file, films(file, 6))
    assert "[exclusion] failed_checks_most = 2 has no effect: a rater has 2 attention checks." in planned.notices
    analysed = analyse_rating(paths, QUICK)
    plan = replace(analysed.plan, exclusion=planned.plan.exclusion)
    text = methods_text(plan, analysed.result, {})
    assert "The hidden reference was a. Each rater also had" in text
    assert "a correlation below 0.1 with the other raters" in text
    assert "scores of the hidden reference below 20 on more than 15 % of the pages" in text
    assert "failed attention check" not in text.partition("rules fixed before")[2].partition(")")[0]
    assert "gold" not in text.partition("rules fixed before")[2].partition(")")[0]


def test_results_do_not_depend_on_the_order_of_lines(tmp_path: Path) -> None:
    paths = rated(tmp_path)
    first = analyse_rating(paths, QUICK).result
    rng = np.random.default_rng(3)
    for path in (paths.votes, paths.sessions):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[place] for place in rng.permutation(len(lines))))
    second = analyse_rating(paths, QUICK).result
    assert second.results[0].second == first.results[0].second
    assert second.results[0].comparisons == first.results[0].comparisons


def test_a_question_without_raters_says_why_they_were_left_out(tmp_path: Path) -> None:
    paths = rated(tmp_path)
    plan = read_rating_plan(paths.plan)
    strict = replace(plan, exclusion=replace(plan.exclusion, votes_least=100))
    write_rating_plan(paths.plan, strict)
    for path in (paths.votes, paths.sessions):
        path.write_text(path.read_text().replace(plan.hash, read_rating_plan(paths.plan).hash))
    with pytest.raises(InputError, match=r"votes of 0 raters that count.*Left out of 24 raters: main votes: 24"):
        analyse_rating(paths, QUICK)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysed, RatingPaths]:
    paths = rated(tmp_path_factory.mktemp("rating"))
    analysed = analyse_rating(paths, QUICK)
    write_analysis(analysed, paths, paths.results)
    return analysed, paths


def test_files_that_no_analysis_wrote_are_kept(written: tuple[Analysed, RatingPaths], tmp_path: Path) -> None:
    _, paths = written
    require_analysis_outputs(paths, paths.results)  # results of an earlier analysis are replaced
    require_analysis_outputs(paths, tmp_path)
    for name in (*WRITTEN, "forest-real.png", "pairs-real-2.svg"):
        (tmp_path / name).write_text("{}")
        with pytest.raises(OutputError, match=f"{re.escape(name)} is of no analysis"):
            require_analysis_outputs(paths, tmp_path)
        (tmp_path / name).unlink()


def test_everything_is_written(written: tuple[Analysed, RatingPaths]) -> None:
    analysed, paths = written
    names = {path.name for path in paths.results.iterdir()}
    figures = {f"{kind}-real{end}" for kind in ("forest", "pairs") for end in (".svg", ".pdf", ".png")}
    tables = {"votes.csv", "raters.csv", "excluded.csv", "results.json", "table.tex", "methods.txt", "model.R"}
    assert names == figures | tables | {"report.html"}
    results = json.loads((paths.results / "results.json").read_text())
    assert results["plan"] == analysed.plan.hash
    assert results["is_exploratory"] is False
    assert [row["system"] for row in results["results"][0]["systems"]] == ["a", "b_1", "c"]


def test_the_table_is_latex_with_labels(written: tuple[Analysed, RatingPaths]) -> None:
    table = (written[1].results / "table.tex").read_text()
    rows = [line for line in table.splitlines() if line.endswith(r"\\")]
    cells = [re.split(r"(?<!\\)&", row) for row in rows]
    assert [row[0].strip() for row in cells] == ["System", "a", r"B \& 1", "c"]
    assert {len(row) for row in cells} == {7}
    assert table.count(r"\begin{tabular}") == table.count(r"\end{tabular}") == 1


def test_methods_text_has_all_its_numbers(written: tuple[Analysed, RatingPaths]) -> None:
    analysed, paths = written
    text = (paths.results / "methods.txt").read_text()
    entry = analysed.result.results[0]
    assert "nan" not in text.replace("dominant", "")
    assert "{" not in text
    for part in ("24 raters started; 2 were left out", f"{entry.votes} votes of 22 raters on 6 songs", "seed 0",
                 "t with 5 degrees of freedom", "Of 44 repeated pages", analysed.plan.hash):  # fmt: skip
        assert part in text


def test_tables_name_no_participant_and_give_reasons(written: tuple[Analysed, RatingPaths]) -> None:
    results = written[1].results
    for path in results.iterdir():
        assert b"abababab" not in path.read_bytes()
    with (results / "votes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24 * 16
    used = [row for row in rows if row["used"] == "1"]
    assert len(used) == 22 * 9
    assert {row["first"] for row in used} == set(WORTHS)
    with (results / "excluded.csv").open() as file:
        assert [row["reason"] for row in csv.DictReader(file)] == ["failed 2 attention checks"] * 2


def test_the_report_needs_no_network(written: tuple[Analysed, RatingPaths]) -> None:
    page = (written[1].results / "report.html").read_text()
    assert not re.search(r"<(script|link|img|iframe)|@import|src=", page)
    links = set(re.findall(r'href="([^"]*)"', page))
    assert {link for link in links if not link.startswith(("#", "data:"))} == set()
    assert page.count("<svg") == 2
    assert "B &amp; 1" in page


def test_a_changed_file_makes_the_analysis_exploratory(tmp_path: Path) -> None:
    paths = rated(tmp_path)
    paths.file.write_text(paths.file.read_text() + "fastest_ms = 900\n")
    analysed = analyse_rating(paths, QUICK)
    assert analysed.result.is_exploratory
    write_analysis(analysed, paths, paths.results)
    for name in ("table.tex", "methods.txt", "report.html"):
        assert "xploratory" in (paths.results / name).read_text().replace("EXPLORATORY", "Exploratory")


def test_groups_that_nobody_compared_are_ranked_apart(tmp_path: Path) -> None:
    paths = rated(tmp_path)
    lines = [json.loads(line) for line in paths.votes.read_text().splitlines()]
    plan = json.loads(paths.plan.read_text())
    system = {clip["id"]: clip["system"] for clip in plan["clips"]}
    kept = [line for line in lines if line["kind"] != "main" or {system[c] for c in line["clips"]} == {"a", "b_1"}]
    paths.votes.write_text("".join(json.dumps(line) + "\n" for line in kept))
    (entry,) = analyse_rating(paths, QUICK).result.results
    assert {row.system for row in entry.systems} == {"a", "b_1"}


def test_no_votes_are_one_sentence(tmp_path: Path) -> None:
    paths = rated(tmp_path)
    paths.votes.write_text("")
    with pytest.raises(InputError, match="Collect more votes"):
        analyse_rating(paths, QUICK)


def test_unwatched_votes_are_left_out(tmp_path: Path) -> None:
    paths = rated(tmp_path)
    lines = [json.loads(line) for line in paths.votes.read_text().splitlines()]
    first = next(line for line in lines if line["kind"] == "main")
    first["coverage"] = [1.0, 0.4]
    paths.votes.write_text("".join(json.dumps(line) + "\n" for line in lines))
    analysed = analyse_rating(paths, QUICK)
    assert [reason for _, reason in analysed.screened.excluded_votes] == ["watched 40% of a clip"]
    assert analysed.result.counts["main_votes_kept"] == 22 * 9 - 1


def test_labels_are_no_formulas(written: tuple[Analysed, RatingPaths]) -> None:
    """A $ in a label is one; matplotlib took what is between two for a formula, or failed."""
    entry = written[0].result.results[0]
    labels = {"a": "$\\frac{$", "b_1": "cost $5", "c": "$x^2$"}
    for figure in (forest_plot(entry, labels, 0.05), pair_matrix(entry, labels)):
        svg_text(figure)


def test_a_system_without_a_vote_that_counts_is_named(tmp_path: Path) -> None:
    """As a system whose films are too long to be watched: it would otherwise disappear from all results."""
    paths = rated(tmp_path)
    plan = read_rating_plan(paths.plan)
    votes, _ = read_votes(paths.votes, plan)
    short = [
        replace(vote, coverage=tuple(0.9 if plan.clip(clip).system == "a" else 1.0 for clip in vote.clips))
        for vote in votes
    ]
    write_lines(paths.votes, short)
    analysed = analyse_rating(paths, QUICK)
    assert [row.system for row in analysed.result.results[0].systems] == ["b_1", "c"]
    assert "Question real has no vote that counts on system a, which the results leave out." in " ".join(
        analysed.result.notices
    )
    text = methods_text(analysed.plan, analysed.result, {"a": "Ours"})
    assert "No vote that counts was about Ours (question real): the results leave it out." in text
    assert "Without exclusions the conclusion differs for: a and b_1 (real), a and c (real)." in text


@pytest.mark.parametrize("design", ["acr", "mismatch"])
def test_one_system_has_results_without_comparisons(tmp_path: Path, design: str) -> None:
    paths = RatingPaths(tmp_path)
    text = FILE.format(design=design, points=5, votes=3, reference="")
    for name in ("b_1", "c"):
        start = text.index(f'[[system]]\nname = "{name}"')
        text = text[:start] + text[text.index("[[", start + 2) :]
    paths.file.write_text(text)
    file = load_rating(paths.file)
    plan = write_rating_plan(paths.plan, plan_rating(file, films(file, 6)).plan)
    votes, sessions = simulated_rating(plan, WORTHS, seed=1)
    write_lines(paths.votes, votes)
    write_lines(paths.sessions, sessions)
    analysed = analyse_rating(paths, QUICK)
    entry = analysed.result.results[0]
    assert ([row.system for row in entry.systems], entry.comparisons) == (["a"], [])
    assert entry.systems[0].low < entry.systems[0].value < entry.systems[0].high
    write_analysis(analysed, paths, paths.results)


def test_a_rating_file_that_was_changed_has_no_effect(tmp_path: Path) -> None:
    paths = rated(tmp_path)
    before = analyse_rating(paths, QUICK).result
    paths.file.write_text(paths.file.read_text() + "fastest_ms = 60000\n")
    after = analyse_rating(paths, QUICK).result
    assert (before.is_exploratory, after.is_exploratory) == (False, True)
    assert after.results == before.results
    assert "the rules and values used here are the plan's" in after.reasons[0]


def test_votes_that_are_there_twice_are_counted_and_contrary_ones_named(tmp_path: Path) -> None:
    paths = rated(tmp_path)
    plan = read_rating_plan(paths.plan)
    first, second, *_ = paths.votes.read_text().splitlines(keepends=True)
    other = {**json.loads(second), "answer": -json.loads(second)["answer"] or 1}
    paths.votes.write_text(paths.votes.read_text() + first + json.dumps(other) + "\n")
    votes, notices = read_votes(paths.votes, plan)
    assert notices == ["votes.jsonl has 2 votes twice, 1 of them with another answer; the first of each counts."]
    assert votes[1].answer == json.loads(second)["answer"]
