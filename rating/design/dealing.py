# SPDX-License-Identifier: Apache-2.0
"""Balanced dealing of cells to raters, and balanced sides. Everything is a pure function of its arguments and seed.

A cell is a combination of a group (a pair or set of systems, or one system) and a song. The cells are put into an order
in which every prefix uses groups and songs equally often (to one). Raters take consecutive cells from it, so cells,
groups and songs are balanced over the plan and within each rater.
"""

from collections import defaultdict
import math
from typing import Final

import numpy as np

Cell = tuple[int, int]
"""Index of the group, index of the song."""
MOST_TRIES: Final = 300


def deal(groups: int, songs: int, raters: int, votes: int, rng: np.random.Generator) -> list[list[Cell]]:
    """Deal cells to raters.

    Args:
        groups: Number of groups.
        songs: Number of songs.
        raters: Number of raters.
        votes: Cells of each rater, at most groups * songs.
        rng: Source of the order.

    Returns:
        The cells of every rater, none twice. Over all raters the numbers of cells differ by at most one.
    """
    count = groups * songs
    if not 0 < votes <= count:
        raise ValueError(f"{votes} votes of a rater do not fit into {count} different cells")
    needed = raters * votes
    sequence: list[Cell] = []
    labels = (rng.permutation(groups), rng.permutation(songs))
    while len(sequence) < needed:
        tail = len(sequence) % votes  # cells that the rater at the border of two rounds already has
        taken = set(sequence[len(sequence) - tail :]) if tail else set()
        head = votes - tail if tail else 0
        for _ in range(MOST_TRIES):
            tried = (rng.permutation(groups), rng.permutation(songs))
            if not taken.intersection(_round(*tried)[:head]):
                labels = tried
                break
        # Otherwise the labels stay: consecutive cells of a repeated round are all different.
        sequence += _round(*labels)
    return [sequence[rater * votes : (rater + 1) * votes] for rater in range(raters)]


def _round(group_labels: np.ndarray, song_labels: np.ndarray) -> list[Cell]:
    """Return every cell once, in an order whose prefixes are balanced (by the Chinese remainder theorem)."""
    groups, songs = len(group_labels), len(song_labels)
    period = math.lcm(groups, songs)
    return [(int(group_labels[n % groups]), int(song_labels[(n + n // period) % songs])) for n in range(groups * songs)]


def balanced_sides(
    dealt: list[list[Cell]], pairs: list[tuple[int, int]], rng: np.random.Generator
) -> list[list[tuple[int, int]]]:
    """Choose which system of each dealt pair is on the left.

    Sides alternate within a cell. Cells with an odd number of votes are oriented along Eulerian circuits of the graph
    whose vertices are systems, so that every system is left as often as right, to one.

    Args:
        dealt: Cells of every rater.
        pairs: Systems of every group.
        rng: Source of the order.

    Returns:
        (left, right) for every cell of every rater.
    """
    places: dict[Cell, list[tuple[int, int]]] = defaultdict(list)
    for rater, cells in enumerate(dealt):
        for place, cell in enumerate(cells):
            places[cell].append((rater, place))
    odd = [cell for cell in sorted(places) if len(places[cell]) % 2]
    rng.shuffle(odd)
    more_often = dict(zip(odd, _eulerian([pairs[group] for group, _ in odd]), strict=True))
    sides = [[(0, 0)] * len(cells) for cells in dealt]
    for cell in sorted(places):
        first, second = more_often.get(cell) or pairs[cell[0]]
        if cell not in more_often and rng.integers(2):
            first, second = second, first
        for number, (rater, place) in enumerate(places[cell]):
            sides[rater][place] = (first, second) if number % 2 == 0 else (second, first)
    return sides


def _eulerian(edges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Orient edges so that at every vertex the numbers of edges out and in differ by at most one."""
    degree: dict[int, int] = defaultdict(int)
    for one, other in edges:
        degree[one] += 1
        degree[other] += 1
    # A further vertex makes all degrees even; its edges are left out of the result.
    further = min(degree, default=0) - 1
    closed = [*edges, *((further, vertex) for vertex in sorted(degree) if degree[vertex] % 2)]
    at: dict[int, list[int]] = defaultdict(list)
    for number, edge in enumerate(closed):
        for vertex in edge:
            at[vertex].append(number)
    used = [False] * len(closed)
    oriented = list(edges)
    for start in sorted(at):
        vertex = start
        while True:
            while at[vertex] and used[at[vertex][-1]]:
                at[vertex].pop()
            if not at[vertex]:
                break
            number = at[vertex].pop()
            used[number] = True
            one, other = closed[number]
            following = other if vertex == one else one
            if number < len(edges):
                oriented[number] = (vertex, following)
            vertex = following
    return oriented
