# SPDX-License-Identifier: Apache-2.0
"""methods.txt: what to write into the paper, with every number filled in."""

from collections import Counter
from collections.abc import Sequence

from dancepose_addon.core.counting import counted

from ..records import RatingPlan
from ..statistics.exclusions import NO_RECORD, SAME_ANSWERS, most_equal_answers
from .results import AnalysisResult, QuestionResult

DESIGN_TEXT = {
    "pair": "Raters saw two clips of one song side by side, each by one system, and answered on a {points}-point scale",
    "best-worst": "Raters saw clips of the same song by several systems and chose the best and the worst",
    "sliders": "Raters scored clips of the same song by all systems on sliders from 0 to 100",
    "acr": "Raters scored single clips from 1 to 5 with every point labelled",
    "mismatch": "Raters saw the same dance with its own and with other music and chose which fits better",
}

ANCHORS = {
    "shuffled": "the hidden reference with parts of a second in another order",
    "frozen": "a still picture of the hidden reference",
}


def methods_text(plan: RatingPlan, result: AnalysisResult, labels: dict[str, str]) -> str:
    """Return the text.

    Args:
        plan: The plan.
        result: The analysis.
        labels: Names to show, by system.
    """
    parts = []
    if result.is_exploratory:
        parts.append(f"NOTE: this analysis is exploratory: {'; '.join(result.reasons)}.")
    parts += [_design(plan), _raters(plan, result), *(_question(result, entry, labels) for entry in result.results)]
    parts += _without_votes(plan, result, labels)
    parts.append(_sensitivity(result))
    parts.append(
        "Software: " + ", ".join(f"{name} {number}" for name, number in result.versions.items())
        + f". Plan {result.plan}."
    )  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _without_votes(plan: RatingPlan, result: AnalysisResult, labels: dict[str, str]) -> list[str]:
    """Name the systems that the results of a question leave out."""
    found = []
    for question in plan.questions:
        rated = {row.system for entry in result.results if entry.question == question.id for row in entry.systems}
        missing = ", ".join(labels.get(name, name) for name in plan.systems if name not in rated)
        if missing:
            found.append(f"No vote that counts was about {missing} (question {question.id}): the results leave it out.")
    return found


def _design(plan: RatingPlan) -> str:
    main = [sum(trial.kind == "main" for trial in slot.trials) for slot in plan.slots]
    kinds = {
        kind: sum(trial.kind == kind for trial in plan.slots[0].trials)
        for kind in ("training", "check", "repeat", "gold")
    }
    sound = {question.id: "with sound" if question.sound else "muted" for question in plan.questions}
    language = plan.languages[0]
    questions = "; ".join(f'"{question.text[language]}" ({sound[question.id]})' for question in plan.questions)
    points = f"{plan.points}" if plan.points != 2 else "2 (forced choice)"
    special = ""
    if plan.design == "pair":
        special = "Left and right were balanced for every pair and song and for every system. "
    if plan.design == "sliders" and plan.hidden_reference:
        special = f"The hidden reference was {plan.hidden_reference}. "
    if plan.design == "sliders" and plan.anchor:
        special += f"The anchor was {ANCHORS.get(plan.anchor, plan.anchor)}. "
    return (
        f"Design. {DESIGN_TEXT[plan.design].format(points=points)}. {len(plan.systems)} systems and "
        f"{len(plan.songs)} songs were rated. Questions: {questions}. The plan assigned {min(main)} main votes to each "
        f"of {len(plan.slots)} raters, every combination equally often to within one vote, no combination twice to a "
        f"rater, in random order (seed {plan.seed}). {special}Each rater also had "
        f"{counted(kinds['training'], 'training item')}, {counted(kinds['check'], 'attention check')}, "
        f"{counted(kinds['repeat'], 'repeated page')} and {counted(kinds['gold'], 'gold item')}."
    )


def _raters(plan: RatingPlan, result: AnalysisResult) -> str:
    rules, counts = plan.exclusion, result.counts
    lost = counts["raters_without_record"]
    started, left_out = counts["sessions"] - lost, counts["sessions"] - counts["sessions_kept"] - lost
    who, what = f"{counted(counts['raters'] - lost, 'rater')} started", ""
    if counts["raters"] < counts["sessions"]:
        who, what = f"{who} {counted(started, 'session')}", " sessions" if left_out != 1 else " session"
    reasons = "; ".join(f"{reason}: {count}" for reason, count in result.exclusions.items() if reason != NO_RECORD)
    missing = f" {counted(lost, 'rater')} more had votes, but no record of the session." if lost else ""
    return (
        f"Raters. {who}; {left_out}{what} {'was' if left_out == 1 else 'were'} left out by rules fixed before the data "
        f"were collected ({', '.join(_rules(plan))})"
        f"{' (' + reasons + ')' if reasons else ''}.{missing} {counts['main_votes_kept']} of {counts['main_votes']} "
        f"main votes were analysed; {counts['votes_left_out_for_coverage']} were left out because less than "
        f"{rules.coverage_least:.0%} of a clip was watched."
    )


def _rules(plan: RatingPlan) -> list[str]:
    """Return the rules that can leave a rater out."""
    rules, kinds = plan.exclusion, Counter(trial.kind for trial in plan.slots[0].trials)
    found = [f"fewer than {counted(rules.votes_least, 'main vote')}"] if rules.votes_least else []
    if not rules.keeps_partial:
        found.append("a session that was not finished")
    if kinds["check"] > rules.failed_checks_most:
        found.append(f"more than {counted(rules.failed_checks_most, 'failed attention check')}")
    if kinds["gold"] > rules.failed_gold_most:
        found.append(f"more than {counted(rules.failed_gold_most, 'failed gold item')}")
    if rules.fast_share_most < 1.0:
        found.append(f"more than {rules.fast_share_most:.0%} of the votes faster than {rules.fastest_ms:g} ms")
    if rules.same_answer_share_most < 1.0 and most_equal_answers(plan) >= SAME_ANSWERS:
        found.append(f"more than {rules.same_answer_share_most:.0%} equal answers among {SAME_ANSWERS} or more")
    if rules.correlation_least is not None:
        found.append(f"a correlation below {rules.correlation_least:g} with the other raters")
    if plan.design == "sliders" and plan.hidden_reference and rules.hidden_reference_least > 0.0:
        found.append(
            f"scores of the hidden reference below {rules.hidden_reference_least:g} on more than 15 % of the pages"
        )
    return found


def _question(result: AnalysisResult, entry: QuestionResult, labels: dict[str, str]) -> str:
    name = {system.system: labels.get(system.system, system.system) for system in entry.systems}
    text = (
        f"Question {entry.question}. {entry.votes} votes of {entry.raters} raters on {entry.songs} songs were analysed "
        f"by the {entry.model}{' with a term for the side of the screen' if 'side_bias' in entry.details else ''}. "
        f"Intervals ({100 * (1 - result.alpha):g} %) use a covariance that is robust to dependence within raters and "
        f"within songs (Cameron, Gelbach and Miller, 2011) and t with {counted(entry.freedom, 'degree')} of freedom. "
        f"{counted(len(entry.comparisons), 'comparison was', 'comparisons were')} corrected by Holm's method at "
        f"{result.alpha:g}."
    )
    clear = [pair for pair in entry.comparisons if pair.verdict in ("first", "second")]
    for pair in clear:
        better, worse, sign = (
            (pair.first, pair.second, 1.0) if pair.verdict == "first" else (pair.second, pair.first, -1.0)
        )
        if pair.probability is not None and pair.probability_low is not None and pair.probability_high is not None:
            ends = [pair.probability, pair.probability_low, pair.probability_high]
            ends = ends if sign > 0 else [1.0 - ends[0], 1.0 - ends[2], 1.0 - ends[1]]
            size = f"{ends[0]:.0%} of the decided votes, interval {ends[1]:.0%} to {ends[2]:.0%}"
        else:
            low, high = sorted((sign * pair.low, sign * pair.high))
            size = f"difference {sign * pair.difference:.2f}, interval {low:.2f} to {high:.2f}"
        text += f" {name[better]} was preferred to {name[worse]} ({size}; corrected p {_p(pair.p_holm)})."
    equal = [pair for pair in entry.comparisons if pair.verdict == "equal"]
    for pair in equal:
        text += f" {name[pair.first]} and {name[pair.second]} were equivalent within .5 +- {result.margin:g}."
    undecided = len(entry.comparisons) - len(clear) - len(equal)
    if undecided:
        text += f" {counted(undecided, 'comparison is', 'comparisons are')} undecided, which does not mean equal."
    return text + _figures(entry) + "".join(f" {notice}" for notice in entry.notices)


def _figures(entry: QuestionResult) -> str:
    details, text = entry.details, ""
    if "side_bias" in details:
        text += (
            f" The left side was chosen in {details['first_share']:.0%} of the decided votes (side bias "
            f"{details['side_bias']:.2f} logits, standard error {details['side_bias_error']:.2f}); "
            f"{details['tie_share']:.0%} of the votes were ties."
        )
    if details.get("deviance_freedom"):
        text += (
            f" The deviance from a model with a free difference for every pair is {details['deviance']:.1f} with "
            f"{counted(details['deviance_freedom'], 'degree')} of freedom."
        )
    if details.get("krippendorff_alpha") is not None and details["krippendorff_alpha"] == details["krippendorff_alpha"]:
        text += f" Krippendorff's alpha (ordinal) is {details['krippendorff_alpha']:.2f}."
    if details.get("retest_count"):
        pages = counted(details["retest_count"], "repeated page")
        text += f" Of {pages}, {details['retest_same']:.0%} had the same direction."
    if entry.second is not None:
        text += (
            f" A raters-by-songs bootstrap ({entry.second.resamples} resamples, seed {entry.second.seed}) is reported "
            "beside the primary intervals."
        )
    if entry.third is not None:
        sds = ", ".join(f"{name} {value:.2f}" for name, value in entry.third.sds.items())
        same = "gives the same order" if entry.third.same_order else "gives another order"
        text += f" A mixed model (Laplace) {same}; standard deviations: {sds}."
    return text


def _sensitivity(result: AnalysisResult) -> str:
    """Say whether exclusions change any conclusion."""
    after, before = _verdicts(result.results), _verdicts(result.without_exclusions)
    changed = [
        f"{' and '.join(sorted(pair))} ({question})"
        for question, pair in {**after, **before}
        if after.get((question, pair)) != before.get((question, pair))
    ]
    if not changed:
        return "Without exclusions all conclusions are the same."
    return f"Without exclusions the conclusion differs for: {', '.join(changed)}."


def _verdicts(results: Sequence[QuestionResult]) -> dict[tuple[str, frozenset[str]], str]:
    """Return the winner of each comparison; what one analysis lacks differs from any result of another."""
    return {
        (entry.question, frozenset((pair.first, pair.second))): _winner(pair)
        for entry in results
        for pair in entry.comparisons
    }


def _winner(pair: object) -> str:
    verdict = getattr(pair, "verdict", "")
    return str(getattr(pair, verdict)) if verdict in ("first", "second") else verdict


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}".replace("0.", ".")
