# SPDX-License-Identifier: Apache-2.0
"""The files of a rating as records: plan.json, votes.jsonl and sessions.jsonl (docs/rating.md describes them)."""

from dataclasses import dataclass, replace
from functools import cached_property
import hashlib
import json
from typing import Any, Final

from dancepose.study.plan.values import check_flag, check_path, check_text, number_from, one_of, whole_from
from dancepose_addon.core.errors import FormatError

from .record_checks import (
    check_any_text,
    check_hex,
    check_identifier,
    check_language,
    is_real,
    is_whole,
    key,
    list_of,
    one_of_checks,
    optional,
    plain_values,
    record_from,
    record_of,
    records_of,
    table_of_values,
)

PLAN_FORMAT: Final = "dancepose-rating-plan"
RATING_PLAN_VERSION: Final = 1
DESIGNS: Final = ("pair", "best-worst", "sliders", "acr", "mismatch")
POINTS: Final = (5, 3, 2)
"""Answers of a pair: with two strengths and tie, with tie, forced."""
KINDS: Final = ("training", "main", "repeat", "check", "gold")
TREATMENTS: Final = ("none", "frozen", "shuffled")
CODES: Final = ("complete", "no-consent", "failed", "checks")
"""Names of completion codes: finished, no consent, technical failure, failed checks."""

_check_texts: Final = table_of_values(check_text, check_language)
_check_count: Final = whole_from(0, 10**6)
_check_ms: Final = number_from(0.0, 1e9)
_check_share: Final = number_from(0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class RatingClip:
    """A film that is shown.

    Attributes:
        id: Its name in the plan, such as ``c001``, which reveals neither system nor song.
        system: The system that made the dance.
        song: The song that it dances to.
        file: Path of the film, relative to the rating folder.
        sha256: Hash of that film.
        duration_s: Length, seconds.
        sound_song: The song that is heard; another one than ``song``, or a shifted one, in mismatched clips.
        sound_file: Film whose sound is heard, relative to the rating folder; "" for the sound of ``file``.
        sound_start_s: Where the sound starts, seconds into ``sound_file``; it wraps around at the end.
        treatment: ``frozen`` or ``shuffled`` for gold items and anchors, otherwise ``none``.
    """

    id: str = key(check_identifier)
    system: str = key(check_text)
    song: str = key(check_text)
    file: str = key(check_path)
    sha256: str = key(check_hex)
    duration_s: float = key(number_from(0.04, 36000.0))
    sound_song: str = key(check_text)
    sound_file: str = key(check_any_text, "")
    sound_start_s: float = key(number_from(0.0, 36000.0), 0.0)
    treatment: str = key(one_of(*TREATMENTS), "none")

    @property
    def is_mismatched(self) -> bool:
        """Whether the sound is not the one of the dance."""
        return self.sound_song != self.song or self.sound_start_s > 0.0


@dataclass(frozen=True, kw_only=True)
class RatingQuestion:
    """A question about the clips of a page.

    Attributes:
        id: Name in the results.
        text: The question in every language.
        sound: Whether the clips are heard.
    """

    id: str = key(check_identifier)
    text: dict[str, str] = key(_check_texts)
    sound: bool = key(check_flag)


@dataclass(frozen=True, kw_only=True)
class AttentionCheck:
    """What an attention check or a gold item expects.

    Attributes:
        expected: The number or text to enter for a check; the id of the treated clip, the worst, for a gold item.
        prompt: What is shown, in every language; empty for gold items.
        spoken: Whether the prompt is heard instead of shown over the picture.
    """

    expected: Any = key(one_of_checks("text or a number", is_real, lambda value: isinstance(value, str)))
    prompt: dict[str, str] = key(table_of_values(check_text, check_language), {})
    spoken: bool = key(check_flag, False)


@dataclass(frozen=True, kw_only=True)
class RatingTrial:
    """One page of a slot.

    Attributes:
        index: Its place in the slot, from 0.
        kind: ``training``, ``main``, ``repeat``, ``check`` or ``gold``.
        question: Id of the question.
        clips: Ids of the clips in displayed order, left first.
        check: What is expected, for kinds ``check`` and ``gold``.
    """

    index: int = key(_check_count)
    kind: str = key(one_of(*KINDS))
    question: str = key(check_identifier)
    clips: tuple[str, ...] = key(list_of(check_identifier, least=1, most=16))
    check: AttentionCheck | None = key(record_of(AttentionCheck, optional=True), None)


@dataclass(frozen=True, kw_only=True)
class RaterSlot:
    """What one rater is shown.

    Attributes:
        id: Such as ``s001``.
        trials: The pages in order.
    """

    id: str = key(check_identifier)
    trials: tuple[RatingTrial, ...] = key(records_of(RatingTrial))


@dataclass(frozen=True, kw_only=True)
class ExclusionRules:
    """Which raters and votes are left out of the analysis. Fixed by the plan, before any vote.

    Attributes:
        failed_checks_most: Attention checks that may be failed.
        failed_gold_most: Gold items that may be failed.
        fastest_ms: A main vote that took less time after the end of watching counts as fast, milliseconds.
        fast_share_most: Share of fast votes that a rater may have.
        same_answer_share_most: Share of one and the same answer (of sliders: value) that a rater of at least ten
            answers may have; not used with best-worst, where the answers are the clips of the page.
        coverage_least: Votes with less of a clip watched are left out.
        votes_least: Main votes that a rater must have.
        keeps_partial: Whether the votes of sessions that were not finished count.
        correlation_least: Least correlation of a rater with the mean of the others (ITU-T P.910); None: not used.
        hidden_reference_least: A rater who scores the hidden reference lower on more than 15 % of the slider pages is
            left out (ITU-R BS.1534); 0: not used.
    """

    failed_checks_most: int = key(_check_count, 1)
    failed_gold_most: int = key(_check_count, 1)
    fastest_ms: float = key(_check_ms, 300.0)
    fast_share_most: float = key(_check_share, 0.5)
    same_answer_share_most: float = key(_check_share, 0.95)
    coverage_least: float = key(_check_share, 0.95)
    votes_least: int = key(_check_count, 1)
    keeps_partial: bool = key(check_flag, True)
    correlation_least: float | None = key(optional(number_from(-1.0, 1.0)), None)
    hidden_reference_least: float = key(number_from(0.0, 100.0), 90.0)


@dataclass(frozen=True, kw_only=True)
class RatingTexts:
    """Texts of one language.

    Attributes:
        consent: What is agreed to before the session.
        instructions: What is shown before the training.
    """

    consent: str = key(check_any_text, "")
    instructions: str = key(check_any_text, "")


@dataclass(frozen=True, kw_only=True)
class AnalysisPlan:
    """What the analysis was set to before any vote.

    Attributes:
        reference: The system that others are compared with; "" for all pairs.
        comparisons: ``all`` pairs of systems, or only those with the ``reference``.
        alpha: Family-wise error of a question's comparisons.
        margin: Equivalence margin of a preference, as a probability beyond .5.
        seed: Seed of the bootstrap.
        file_sha256: Hash of the rating file from which the plan was made.
    """

    reference: str = key(check_any_text, "")
    comparisons: str = key(one_of("all", "reference"), "all")
    alpha: float = key(number_from(0.001, 0.2), 0.05)
    margin: float = key(number_from(0.005, 0.45), 0.05)
    seed: int = key(whole_from(0, 2**31 - 1), 0)
    file_sha256: str = key(check_any_text, "")


@dataclass(frozen=True, kw_only=True)
class RatingPlan:
    """The content of plan.json.

    Attributes:
        title: Shown to raters; names no system.
        seed: Seed of the plan.
        design: ``pair``, ``best-worst``, ``sliders``, ``acr`` or ``mismatch``.
        points: Number of answers of a pair: 5, 3 or 2.
        languages: Languages of the page, the default first.
        questions: The questions.
        clips: All films.
        slots: One for each rater.
        exclusion: Which raters and votes are left out.
        texts: Consent and instructions in every language.
        completion_codes: Codes of a platform, by name (`CODES`).
        retention_date: When the votes are deleted, ISO date, or "".
        hidden_reference: The system that is the hidden reference of a slider screen, or "".
        anchor: The system that is the anchor, or "".
        analysis: What the analysis was set to.
        format: `PLAN_FORMAT`.
        version: `RATING_PLAN_VERSION`.
        hash: SHA-256 of the canonical JSON of everything else.
    """

    title: str = key(check_text)
    seed: int = key(whole_from(0, 2**31 - 1))
    design: str = key(one_of(*DESIGNS))
    points: int = key(one_of_checks("5, 3 or 2", lambda value: is_whole(value) and value in POINTS), 5)
    languages: tuple[str, ...] = key(list_of(check_language, least=1, most=50))
    questions: tuple[RatingQuestion, ...] = key(records_of(RatingQuestion))
    clips: tuple[RatingClip, ...] = key(records_of(RatingClip))
    slots: tuple[RaterSlot, ...] = key(records_of(RaterSlot))
    exclusion: ExclusionRules = key(record_of(ExclusionRules))
    texts: dict[str, RatingTexts] = key(table_of_values(record_of(RatingTexts), check_language))
    completion_codes: dict[str, str] = key(table_of_values(check_text, one_of(*CODES)), {})
    retention_date: str = key(check_any_text, "")
    hidden_reference: str = key(check_any_text, "")
    anchor: str = key(check_any_text, "")
    analysis: AnalysisPlan = key(record_of(AnalysisPlan), AnalysisPlan())
    format: str = key(one_of(PLAN_FORMAT), PLAN_FORMAT)
    version: int = key(whole_from(RATING_PLAN_VERSION, RATING_PLAN_VERSION), RATING_PLAN_VERSION)
    hash: str = key(check_any_text, "")

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, in the order of the clips."""
        return tuple(dict.fromkeys(clip.system for clip in self.clips if clip.treatment == "none"))

    @property
    def songs(self) -> tuple[str, ...]:
        """Names of the songs, in the order of the clips."""
        return tuple(dict.fromkeys(clip.song for clip in self.clips))

    def clip(self, name: str) -> RatingClip:
        """Return a clip by its id."""
        return self._clips_by_id[name]

    def slot(self, name: str) -> RaterSlot | None:
        """Return a slot by its id, None where there is none."""
        return self._slots_by_id.get(name)

    def question(self, name: str) -> RatingQuestion:
        """Return a question by its id."""
        return next(question for question in self.questions if question.id == name)

    @cached_property
    def _clips_by_id(self) -> dict[str, RatingClip]:
        return {clip.id: clip for clip in self.clips}

    @cached_property
    def _slots_by_id(self) -> dict[str, RaterSlot]:
        return {slot.id: slot for slot in self.slots}

    def sealed(self) -> "RatingPlan":
        """Return the plan with its hash."""
        return replace(self, hash=plan_hash(plain_values(self)))


def plan_hash(values: dict[str, Any]) -> str:
    """Hash a plan.

    Args:
        values: The JSON values of plan.json; ``hash`` is passed over.

    Returns:
        SHA-256 of the JSON with sorted keys, no spaces and ASCII characters only, in hexadecimal digits.
    """
    rest = {name: value for name, value in values.items() if name != "hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


def plan_from(value: Any, where: str = "plan.json") -> RatingPlan:
    """Make a plan from JSON values.

    Raises:
        FormatError: A value is not allowed, an id is missing or used twice, or the hash is another.
    """
    if not isinstance(value, dict) or value.get("format") != PLAN_FORMAT:
        raise FormatError(f"{where} is not the plan of a rating. Write one with `dancepose rate plan`.")
    plan = record_from(RatingPlan, value, where)
    if plan.hash != plan_hash(value):
        raise FormatError(f"{where} was changed after it was written. Write it again with `dancepose rate plan`.")
    for name, ids in (
        ("clips", [clip.id for clip in plan.clips]),
        ("slots", [slot.id for slot in plan.slots]),
        ("questions", [question.id for question in plan.questions]),
    ):
        if not ids or len(set(ids)) != len(ids):
            raise FormatError(f"{where} has no {name}, or two with one id. Write it again with `dancepose rate plan`.")
    questions, clips = {question.id for question in plan.questions}, {clip.id for clip in plan.clips}
    for slot in plan.slots:
        for index, trial in enumerate(slot.trials):
            if trial.index != index or trial.question not in questions or not clips.issuperset(trial.clips):
                raise FormatError(f"{where}, slot {slot.id}, trial {index} names a clip or question that is not there.")
    return plan
