# SPDX-License-Identifier: Apache-2.0
"""The plan of a rating: what every rater is shown. A pure function of the file, the films and the seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
import math
from typing import Final

import numpy as np

from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import InputError

from ..records import (
    AttentionCheck,
    RaterSlot,
    RatingPlan,
    RatingQuestion,
    RatingTexts,
    RatingTrial,
)
from .check_items import check_prompt
from .dealing import Cell, balanced_sides, deal
from .plan_clips import ClipTable, Films, length_notices, rated_songs, wrong_sounds
from .rating_file import RatingFile

MOST_SETS: Final = 500
REPEAT_AFTER: Final = 3
"""Trials between a page and its repeat, where the session is long enough."""


@dataclass(frozen=True)
class PlannedRating:
    """A plan and what the user should know about it.

    Attributes:
        plan: Sealed with its hash.
        notices: Sentences.
        cells: Number of cells of a question.
        votes_per_cell: (fewest, most) main votes.
    """

    plan: RatingPlan
    notices: tuple[str, ...]
    cells: int
    votes_per_cell: tuple[int, int]


@dataclass(frozen=True)
class _Page:
    """Clips of a page in displayed order, and the systems among them."""

    clips: tuple[str, ...]
    systems: tuple[int, ...]


def plan_rating(file: RatingFile, films: Films) -> PlannedRating:
    """Make the plan of a rating.

    Args:
        file: The rating file.
        films: The films by system and song.

    Raises:
        InputError: The design cannot give a result: unconnected systems, one song, or numbers that do not fit.
    """
    return _Planner(file, films).planned()


class _Planner:
    """Holds what the steps of planning share."""

    def __init__(self, file: RatingFile, films: Films) -> None:
        self.file, self.films = file, films
        self.design = file.rating.design
        self.songs = rated_songs(file, films)
        self.systems = [system.name for system in file.system]
        self.rng = np.random.default_rng(file.rating.seed)
        self.clips = ClipTable(films, self.systems, [song.name for song in self.songs])
        self.groups = self._groups()
        self.wrong = wrong_sounds(file, self.songs, films, self.rng) if self.design == "mismatch" else {}

    def planned(self) -> PlannedRating:
        cells, raters, votes = len(self.groups) * len(self.songs), self.file.raters.count, self.file.raters.votes
        if votes > cells:
            raise InputError(
                f"[raters] votes is {votes}, but there are only {cells} different pages for a question; a rater must "
                f"not see one twice. Use at most {cells}, or add songs."
            )
        notices = length_notices(self.file, self.songs, self.films)
        if raters * votes < cells:
            notices.append(
                f"{raters} raters x {votes} votes leave {cells - raters * votes} of {cells} pages without a vote."
            )
        notices += self._idle_rules()
        by_question = [self._main_pages() for _ in self.file.question]
        for pages in by_question:
            self._require_connected(page.systems for rater in pages for page in rater)
        width = max(3, len(str(raters)))
        slots = []
        for rater in range(raters):
            trials = self._session([pages[rater] for pages in by_question])
            slots.append(RaterSlot(id=f"s{rater + 1:0{width}d}", trials=trials))
        notices += self._lost_repeats(slots)
        fewest = raters * votes // cells
        most = fewest + bool(raters * votes % cells)
        return PlannedRating(self._sealed(slots), tuple(notices), cells, (fewest, most))

    def _groups(self) -> list[tuple[int, ...]]:
        """Return the groups of systems that are shown together."""
        count, size = len(self.systems), self.file.rating.set_size
        if self.design in ("pair", "best-worst", "sliders") and count < 2:
            raise InputError(
                f"There is {count} system; a {self.design} rating compares at least two. Add a [[system]]."
            )
        if self.design == "pair":
            return [tuple(pair) for pair in combinations(range(count), 2)]
        if self.design == "best-worst":
            return sets_of_systems(count, size)
        if self.design == "sliders":
            return [tuple(range(count))]
        return [(index,) for index in range(count)]

    def _idle_rules(self) -> list[str]:
        """Say which rules cannot leave a rater out."""
        rules, checks = self.file.exclusion, self.file.checks
        pairs = (("failed_checks_most", rules.failed_checks_most, checks.attention, "attention check"),
                 ("failed_gold_most", rules.failed_gold_most, checks.gold, "gold item"))  # fmt: skip
        return [
            f"[exclusion] {name} = {most} has no effect: a rater has {counted(count, what)}."
            for name, most, count, what in pairs
            if 0 < count <= most
        ]

    def _lost_repeats(self, slots: Sequence[RaterSlot]) -> list[str]:
        """Say that there are fewer pages than repeats of them."""
        wanted = self.file.checks.repeats
        fewest = min(sum(trial.kind == "repeat" for trial in slot.trials) for slot in slots)
        if fewest == wanted:
            return []
        pages = self.file.raters.votes
        why = f"each of the {pages} pages of a question is repeated once at most"
        return [f"[checks] repeats is {wanted}, but a rater sees {fewest}: {why}."]

    def _main_pages(self) -> list[list[_Page]]:
        """Deal the pages of one question."""
        dealt = deal(len(self.groups), len(self.songs), self.file.raters.count, self.file.raters.votes, self.rng)
        if self.design in ("pair", "mismatch"):
            pairs = self.groups if self.design == "pair" else [(index, -1 - index) for (index,) in self.groups]
            sides = balanced_sides(dealt, [(first, second) for first, second in pairs], self.rng)
            pages = [
                [self._pair_page(cell, shown) for cell, shown in zip(cells, shown_sides, strict=True)]
                for cells, shown_sides in zip(dealt, sides, strict=True)
            ]
        else:
            seen: dict[Cell, int] = {}
            pages = [[self._set_page(cell, seen) for cell in cells] for cells in dealt]
        for rater in pages:
            self.rng.shuffle(rater)  # type: ignore[arg-type]
        return pages

    def _pair_page(self, cell: Cell, shown: tuple[int, int]) -> _Page:
        song = self.songs[cell[1]].name
        if self.design == "pair":
            return _Page(tuple(self.clips.plain(self.systems[index], song) for index in shown), shown)
        system = self.systems[self.groups[cell[0]][0]]
        wrong = self.clips.with_sound(system, song, *self.wrong[song])
        right = self.clips.plain(system, song)
        return _Page(tuple(right if index >= 0 else wrong for index in shown), (cell[0],))

    def _set_page(self, cell: Cell, seen: dict[Cell, int]) -> _Page:
        """Show a set; over the votes of a cell every system is at every place equally often."""
        group, song = self.groups[cell[0]], self.songs[cell[1]].name
        shown = [self.clips.plain(self.systems[index], song) for index in group]
        anchor, reference = self.file.rating.anchor, self.file.rating.hidden_reference
        if self.design == "sliders" and anchor in ("frozen", "shuffled"):
            shown.append(self.clips.plain(reference, song, anchor))
        number = seen.get(cell, 0)
        seen[cell] = number + 1
        # A separate order for each cell, turned by one place from vote to vote.
        order = np.random.default_rng([self.file.rating.seed, *cell]).permutation(len(shown))
        return _Page(tuple(shown[order[(n + number) % len(shown)]] for n in range(len(shown))), group)

    def _require_connected(self, shown: Iterable[tuple[int, ...]]) -> None:
        if self.design not in ("pair", "best-worst", "sliders"):
            return
        groups = connected_groups(len(self.systems), shown)
        if len(groups) > 1:
            text = "; ".join(", ".join(self.systems[index] for index in group) for group in groups)
            raise InputError(
                f"The plan compares no system of one group with one of another ({text}), so there is no common scale. "
                "Use more raters or votes."
            )

    def _session(self, by_question: list[list[_Page]]) -> tuple[RatingTrial, ...]:
        """Put the trials of a rater in order: training, then question by question."""
        checks = self.file.checks
        trials: list[RatingTrial] = []
        count = len(by_question)
        for number, (question, pages) in enumerate(zip(self.file.question, by_question, strict=True)):
            block = [self._trial("main", question.id, page.clips) for page in pages]
            for _ in range(_share(checks.repeats, number, count)):
                self._insert_repeat(block)
            for _ in range(_share(checks.gold, number, count)):
                self._insert(block, self._gold(question.id))
            for _ in range(_share(checks.attention, number, count)):
                is_spoken = checks.spoken and question.sound
                self._insert(block, self._check(question.id, pages, is_spoken=is_spoken))
            training = [
                self._trial("training", question.id, self._unseen(pages).clips)
                for _ in range(_share(checks.training, number, count))
            ]
            trials += [*training, *block]
        return tuple(replace(trial, index=index) for index, trial in enumerate(trials))

    def _trial(
        self, kind: str, question: str, clips: tuple[str, ...], check: AttentionCheck | None = None
    ) -> RatingTrial:
        return RatingTrial(index=0, kind=kind, question=question, clips=clips, check=check)

    def _insert(self, block: list[RatingTrial], trial: RatingTrial) -> None:
        block.insert(int(self.rng.integers(1, len(block) + 1)), trial)

    def _insert_repeat(self, block: list[RatingTrial]) -> None:
        """Repeat a main trial that is not repeated yet, sides swapped."""
        repeated = {frozenset(trial.clips) for trial in block if trial.kind == "repeat"}
        free = [n for n, trial in enumerate(block) if trial.kind == "main" and frozenset(trial.clips) not in repeated]
        early = [n for n in free if n + 1 + REPEAT_AFTER <= len(block)] or free[:1]
        if not early:
            return
        chosen = early[int(self.rng.integers(len(early)))]
        place = int(self.rng.integers(min(chosen + 1 + REPEAT_AFTER, len(block)), len(block) + 1))
        block.insert(place, self._trial("repeat", block[chosen].question, block[chosen].clips[::-1]))

    def _gold(self, question: str) -> RatingTrial:
        """Show a clip against itself treated (in a set: among others), or alone for ACR."""
        treatment = self.file.checks.gold_treatment
        song = self.songs[int(self.rng.integers(len(self.songs)))].name
        group = self.groups[int(self.rng.integers(len(self.groups)))]
        bad_system = self.systems[group[int(self.rng.integers(len(group)))]]
        bad = self.clips.plain(bad_system, song, treatment)
        if self.design == "acr":
            shown = [bad]
        elif self.design in ("pair", "mismatch"):
            shown = [bad, self.clips.plain(bad_system, song)]
        else:
            shown = [bad, *(self.clips.plain(self.systems[n], song) for n in group if self.systems[n] != bad_system)]
        self.rng.shuffle(shown)
        return self._trial("gold", question, tuple(shown), AttentionCheck(expected=bad))

    def _check(self, question: str, pages: list[_Page], *, is_spoken: bool) -> RatingTrial:
        number = int(self.rng.integers(11, 100))
        prompt = {language: check_prompt(language, number) for language in self.file.rating.languages}
        check = AttentionCheck(expected=number, prompt=prompt, spoken=is_spoken)
        return self._trial("check", question, self._unseen(pages).clips, check)

    def _unseen(self, pages: list[_Page]) -> _Page:
        """Return a page that the rater does not vote on, if there is one."""
        seen = {frozenset(page.clips) for page in pages}
        page = pages[0]
        for _ in range(50):
            cell = (int(self.rng.integers(len(self.groups))), int(self.rng.integers(len(self.songs))))
            group = self.groups[cell[0]]
            if self.design in ("pair", "mismatch"):
                shown = [group[0], group[1]] if self.design == "pair" else [group[0], -1 - group[0]]
                self.rng.shuffle(shown)
                page = self._pair_page(cell, (shown[0], shown[1]))
            else:
                page = self._set_page(cell, {cell: int(self.rng.integers(16))})
            if frozenset(page.clips) not in seen:
                break
        return page

    def _sealed(self, slots: list[RaterSlot]) -> RatingPlan:
        file = self.file
        clips, names = self.clips.renamed(self.rng)
        renamed = tuple(
            replace(slot, trials=tuple(_with_names(trial, names) for trial in slot.trials)) for slot in slots
        )
        return RatingPlan(
            title=file.rating.title,
            seed=file.rating.seed,
            design=self.design,
            points=file.rating.points,
            languages=file.rating.languages,
            questions=tuple(RatingQuestion(id=q.id, text=q.text, sound=q.sound) for q in file.question),
            clips=clips,
            slots=renamed,
            exclusion=file.exclusion,
            texts={language: file.texts.get(language, RatingTexts()) for language in file.rating.languages},
            completion_codes=file.completion_codes,
            retention_date=file.rating.retention_date,
            hidden_reference=file.rating.hidden_reference,
            anchor=file.rating.anchor,
            analysis=replace(file.analysis, file_sha256=file.sha256),
        ).sealed()


def sets_of_systems(count: int, size: int) -> list[tuple[int, ...]]:
    """Return the sets of systems of a best-worst rating.

    Args:
        count: Number of systems.
        size: Systems in a set.

    Raises:
        InputError: There are fewer than three systems, or too many sets.
    """
    if count < 3:
        raise InputError("A best-worst rating needs at least three systems. Use pair for two.")
    number = math.comb(count, min(size, count))
    if number > MOST_SETS:
        raise InputError(
            f"{count} systems have {number} sets of {size}; at most {MOST_SETS} are planned. Use another set_size, or "
            "fewer systems."
        )
    return list(combinations(range(count), min(size, count)))


def connected_groups(count: int, shown: Iterable[tuple[int, ...]]) -> list[list[int]]:
    """Return the groups of items that are compared with each other, directly or through others.

    Args:
        count: Number of items.
        shown: Items that were compared, by vote.
    """
    label = list(range(count))

    def root(item: int) -> int:
        while label[item] != item:
            item = label[item]
        return item

    for items in set(shown):
        for other in items[1:]:
            label[root(other)] = root(items[0])
    groups: dict[int, list[int]] = {}
    for item in range(count):
        groups.setdefault(root(item), []).append(item)
    return list(groups.values())


def _share(total: int, number: int, count: int) -> int:
    """Return the part of ``total`` that belongs to one of ``count`` questions."""
    return math.ceil((total - number) / count) if total > number else 0


def _with_names(trial: RatingTrial, names: dict[str, str]) -> RatingTrial:
    check = trial.check
    if check is not None and check.expected in names:
        check = replace(check, expected=names[check.expected])
    return replace(trial, clips=tuple(names[clip] for clip in trial.clips), check=check)
