# SPDX-License-Identifier: Apache-2.0
"""The plan is balanced, random, complete, and refuses designs that cannot give a result."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from dancepose.rating.design.dealing import balanced_sides, deal
from dancepose.rating.design.rating_plan import connected_groups, plan_rating
from dancepose.rating.records import RatingPlan
from dancepose_addon.core.errors import FormatError, InputError
from tests.rating.planned import films, rating_file


def spread(counts: Counter, of: int) -> int:
    """Largest less smallest number, of ``of`` things."""
    return max(counts.values()) - (min(counts.values()) if len(counts) == of else 0)


@pytest.mark.parametrize(
    ("groups", "songs", "raters", "votes"),
    [(15, 12, 30, 30), (3, 4, 7, 5), (1, 6, 5, 6), (6, 6, 11, 36), (10, 4, 13, 39), (5, 3, 40, 8), (3, 2, 2, 1)],
)
def test_cells_groups_and_songs_are_equal_to_one(groups: int, songs: int, raters: int, votes: int) -> None:
    dealt = deal(groups, songs, raters, votes, np.random.default_rng(3))
    assert [len(cells) for cells in dealt] == [votes] * raters
    assert all(len(set(cells)) == votes for cells in dealt)
    cells = [cell for rater in dealt for cell in rater]
    assert spread(Counter(cells), groups * songs) <= 1
    assert spread(Counter(group for group, _ in cells), groups) <= 1
    assert spread(Counter(song for _, song in cells), songs) <= 1


@pytest.mark.parametrize(("systems", "songs", "raters", "votes"), [(6, 12, 30, 30), (3, 5, 7, 5), (5, 3, 9, 7)])
def test_sides_are_equal_to_one_for_every_cell_and_system(systems: int, songs: int, raters: int, votes: int) -> None:
    pairs = list(combinations(range(systems), 2))
    rng = np.random.default_rng(4)
    dealt = deal(len(pairs), songs, raters, votes, rng)
    sides = balanced_sides(dealt, pairs, rng)
    flat = [
        (cell, shown)
        for cells, shown in zip(dealt, sides, strict=True)
        for cell, shown in zip(cells, shown, strict=True)
    ]
    for cell in {cell for cell, _ in flat}:
        left = [shown[0] for found, shown in flat if found == cell]
        one, other = pairs[cell[0]]
        assert abs(left.count(one) - left.count(other)) <= 1
    for system in range(systems):
        left = sum(shown[0] == system for _, shown in flat)
        right = sum(shown[1] == system for _, shown in flat)
        assert abs(left - right) <= 1


def test_a_plan_is_a_pure_function_of_file_and_seed() -> None:
    file = rating_file()
    first, second = (plan_rating(file, films(file)).plan for _ in range(2))
    assert first == second
    other = replace(file, rating=replace(file.rating, seed=1))
    assert plan_rating(other, films(file)).plan.hash != first.hash


def mains(plan: RatingPlan, slot: int) -> list[tuple[str, ...]]:
    return [trial.clips for trial in plan.slots[slot].trials if trial.kind == "main"]


def test_a_session_has_training_checks_repeats_and_gold_at_random_places() -> None:
    file = rating_file()
    plan = plan_rating(file, films(file)).plan
    places = Counter()
    for number, slot in enumerate(plan.slots):
        kinds = [trial.kind for trial in slot.trials]
        assert Counter(kinds) == {"main": 9, "training": 2, "check": 2, "repeat": 2, "gold": 1}
        assert kinds[:2] == ["training", "training"]
        assert [trial.index for trial in slot.trials] == list(range(16))
        shown = mains(plan, number)
        assert len({frozenset(clips) for clips in shown}) == 9
        for trial in slot.trials:
            places.update([(trial.kind, trial.index)])
            if trial.kind == "repeat":
                before = [one for one in slot.trials[: trial.index] if one.clips == trial.clips[::-1]]
                assert [one.kind for one in before] == ["main"]
                assert trial.index - before[0].index > 1
            if trial.kind == "training":
                assert frozenset(trial.clips) not in {frozenset(clips) for clips in shown}
            if trial.kind == "gold":
                treated = plan.clip(trial.check.expected)
                assert treated.treatment == "shuffled"
                assert trial.check.expected in trial.clips
            if trial.kind == "check":
                assert str(trial.check.expected) in trial.check.prompt["en"]
    for kind in ("check", "repeat", "gold"):
        assert len([place for found, place in places if found == kind]) > 4


def test_ids_reveal_nothing() -> None:
    file = rating_file()
    plan = plan_rating(file, films(file)).plan
    by_id = sorted(plan.clips, key=lambda clip: clip.id)
    order = [(clip.system, clip.song) for clip in by_id]
    assert order != sorted(order)
    assert len({clip.id for clip in plan.clips}) == len(plan.clips)


@pytest.mark.parametrize("design", ["best-worst", "sliders", "acr", "mismatch"])
def test_other_designs_are_balanced(design: str) -> None:
    options = {"design": design, "hidden_reference": "a", "anchor": "shuffled" if design == "sliders" else ""}
    file = rating_file(4, rating=options, raters={"count": 20, "votes": 4})
    plan = plan_rating(file, films(file)).plan
    shown = [clips for number in range(20) for clips in mains(plan, number)]
    size = {"best-worst": 4, "sliders": 5, "acr": 1, "mismatch": 2}[design]
    assert {len(clips) for clips in shown} == {size}
    cells = Counter(frozenset(clips) for clips in shown)
    assert max(cells.values()) - min(cells.values()) <= 1
    for place in range(size):
        at = Counter(plan.clip(clips[place]).system + plan.clip(clips[place]).treatment for clips in shown)
        assert max(at.values()) - min(at.values()) <= 8  # rotation is exact within a cell; cells have 13 or 14 votes
    if design == "mismatch":
        left = Counter(plan.clip(clips[0]).is_mismatched for clips in shown)
        assert abs(left[True] - left[False]) <= 1 + len(cells)
        for clips in shown:
            one, other = (plan.clip(clip) for clip in clips)
            assert (one.system, one.song, one.file) == (other.system, other.song, other.file)
            assert one.is_mismatched != other.is_mismatched
    if design == "sliders":
        assert all({plan.clip(clip).system for clip in clips} == set("abcd") for clips in shown)


def test_two_questions_have_a_block_each() -> None:
    questions = [{"id": name, "sound": name == "match", "text": {"en": f"{name}?"}} for name in ("real", "match")]
    file = rating_file(question=questions)
    trials = plan_rating(file, films(file)).plan.slots[0].trials
    assert [trial.question for trial in trials] == sorted((t.question for t in trials), reverse=True)
    assert Counter((trial.question, trial.kind) for trial in trials)["match", "main"] == 9


@pytest.mark.parametrize(
    ("changes", "songs", "said"),
    [
        ({"raters": {"count": 5, "votes": 40}}, 6, "only 18 different pages"),
        ({}, 1, "There is 1 song"),
        ({"raters": {"count": 2, "votes": 1}, "checks": {"repeats": 0}}, 6, "no common scale"),
        ({"song": [{"name": "song0"}, {"name": "samba"}]}, 6, "has no film of song samba"),
        (
            {"rating": {"design": "mismatch"}, "song": [{"name": "song0"}, {"name": "song1", "genre": "x"}]},
            6,
            "no other",
        ),
    ],
)
def test_designs_without_a_result_are_refused(changes: dict, songs: int, said: str) -> None:
    file = rating_file(5 if "common" in said else 3, **changes)
    if "pages" in said or songs == 1:
        file = replace(file, raters=replace(file.raters, votes=min(file.raters.votes, 40)))
    with pytest.raises(InputError, match=said):
        plan_rating(file, films(file, songs))


def test_groups_without_a_common_scale_are_found() -> None:
    assert connected_groups(5, [(0, 1), (1, 2), (3, 4)]) == [[0, 1, 2], [3, 4]]


def test_films_of_different_lengths_or_rates_are_reported() -> None:
    file = rating_file()
    found = films(file)
    found["b", "song0"] = replace(found["b", "song0"], duration_s=9.0, fps=30.0)
    notices = plan_rating(file, found).notices
    assert [notice.split()[0] for notice in notices] == ["The", "The", "[exclusion]"]
    assert "9.00 to 10.00 s" in notices[0]
    assert "30 fps (b)" in notices[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"raters": {"counts": 3}}, "Did you mean count"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"rating": {"points": 4}}, "expected 5, 3 or 2"),
        ({"rating": {"title": "Dances", "languages": ["en", "de"]}}, "no text in de"),
        ({"analysis": {"reference": "z"}}, "expected one of a, b, c"),
        ({"system": []}, r"no \[\[system\]\]"),
    ],
)
def test_a_wrong_file_is_one_sentence(changes: dict, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        rating_file(**changes)


def test_systems_with_the_same_films_are_named() -> None:
    file = rating_file()
    found = films(file)
    assert not any("same files" in notice for notice in plan_rating(file, found).notices)
    for song in ("song1", "song4"):
        found["b", song] = replace(found["b", song], sha256=found["a", song].sha256)
    said = "The films of a and b are the same files for 2 songs of 6. Check `files` of both."
    assert said in plan_rating(file, found).notices


@pytest.mark.parametrize(("repeats", "votes", "shown"), [(2, 9, 2), (5, 3, 3), (3, 3, 3)])
def test_repeats_that_have_no_page_are_named(repeats: int, votes: int, shown: int) -> None:
    file = rating_file(checks={"repeats": repeats}, raters={"count": 12, "votes": votes})
    planned = plan_rating(file, films(file))
    assert {sum(trial.kind == "repeat" for trial in slot.trials) for slot in planned.plan.slots} == {shown}
    said = [notice for notice in planned.notices if "repeats" in notice]
    assert bool(said) == (shown < repeats)
    assert all(f"repeats is {repeats}, but a rater sees {shown}" in notice for notice in said)
