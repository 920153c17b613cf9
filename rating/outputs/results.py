# SPDX-License-Identifier: Apache-2.0
"""What an analysis finds, as plain values for results.json and all other outputs."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SystemRow:
    """A system.

    Attributes:
        system: Name.
        votes: Main votes in which it was shown.
        value: Worth in logits relative to the reference, or mean score.
        error: Standard error.
        low: Lower end of the interval.
        high: Upper end of the interval.
        elo: Worth as Elo points relative to the reference; None for scores.
        best_rank: Best rank that the comparisons allow, from 1.
        worst_rank: Worst rank.
    """

    system: str
    votes: int
    value: float
    error: float
    low: float
    high: float
    elo: float | None
    best_rank: int
    worst_rank: int


@dataclass(frozen=True)
class ComparisonRow:
    """Two systems.

    Attributes:
        first: Name of the first.
        second: Name of the second.
        difference: First less second.
        error: Standard error.
        low: Lower end of the interval.
        high: Upper end.
        p: Two-sided p value.
        p_holm: After Holm's correction within the question.
        source: Where the error is from: ``two-way``, ``raters``, ``songs``, or ``independent`` for independent votes,
            whose interval has quantiles of the normal distribution instead of t.
        probability: P(first is preferred | no tie); None for scores.
        probability_low: Lower end.
        probability_high: Upper end.
        equivalence_p: Of two one-sided tests with the margin, after Holm's correction; None for scores.
        verdict: ``first``, ``second``, ``equal`` or ``undecided``.
    """

    first: str
    second: str
    difference: float
    error: float
    low: float
    high: float
    p: float
    p_holm: float
    source: str
    probability: float | None
    probability_low: float | None
    probability_high: float | None
    equivalence_p: float | None
    verdict: str


@dataclass(frozen=True)
class SecondOpinion:
    """The raters-by-songs bootstrap.

    Attributes:
        resamples: Number of resamples.
        seed: Seed of the draws.
        separated: Resamples with pseudo-votes.
        intervals: Percentile intervals of the comparisons, (M, 2).
        simultaneous: Simultaneous intervals of the comparisons by the largest |t|, (M, 2).
    """

    resamples: int
    seed: int
    separated: int
    intervals: list[list[float]]
    simultaneous: list[list[float]]


@dataclass(frozen=True)
class ThirdOpinion:
    """The mixed model.

    Attributes:
        values: Worths relative to the reference, by system.
        errors: Standard errors.
        sds: Standard deviations of the random effects, by name.
        log_likelihood: At the maximum.
        is_converged: Whether the maximum was found.
        same_order: Whether the systems are in the order of the primary analysis.
    """

    values: dict[str, float]
    errors: dict[str, float]
    sds: dict[str, float]
    log_likelihood: float
    is_converged: bool
    same_order: bool


@dataclass(frozen=True)
class QuestionResult:
    """Results of a question (and of a group of systems with a common scale).

    Attributes:
        question: Id.
        model: Name of the model.
        scale: ``logit``, ``score`` or ``share``.
        reference: The system whose worth is 0; "" for scores.
        votes: Main votes.
        raters: Raters.
        songs: Songs.
        systems: The systems, in order of value.
        comparisons: The comparisons.
        freedom: Degrees of freedom of t.
        second: Bootstrap.
        third: Mixed model.
        details: Further figures by name.
        notices: Sentences.
    """

    question: str
    model: str
    scale: str
    reference: str
    votes: int
    raters: int
    songs: int
    systems: list[SystemRow]
    comparisons: list[ComparisonRow]
    freedom: int
    second: SecondOpinion | None = None
    third: ThirdOpinion | None = None
    details: dict[str, Any] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class AnalysisResult:
    """The content of results.json.

    Attributes:
        plan: Hash of the plan.
        title: Title of the rating.
        design: Its design.
        alpha: Family-wise error.
        margin: Equivalence margin.
        is_exploratory: Whether the rating file was changed after the plan.
        reasons: Why it is exploratory.
        counts: Raters and votes, collected and kept.
        exclusions: Number of raters by reason.
        results: Results by question.
        without_exclusions: The same of all votes.
        notices: Sentences about the files.
        versions: Versions of the programs.
    """

    plan: str
    title: str
    design: str
    alpha: float
    margin: float
    is_exploratory: bool
    reasons: list[str]
    counts: dict[str, int]
    exclusions: dict[str, int]
    results: list[QuestionResult]
    without_exclusions: list[QuestionResult]
    notices: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
