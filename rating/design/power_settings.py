# SPDX-License-Identifier: Apache-2.0
"""What a simulation of power assumes."""

from dataclasses import dataclass
from typing import Final

EFFECTS: Final = {"acr": 0.3, "sliders": 5.0}
"""Difference of mean scores whose power is shown; elsewhere a preference of .65."""
PREFERENCE: Final = 0.65
SPREADS: Final = {"acr": (0.3, 0.25, 0.8), "sliders": (8.0, 6.0, 15.0)}
"""Of raters, songs and votes, in points of the scale."""
LOGIT_SPREADS: Final = (0.6, 0.4, 0.0)


@dataclass(frozen=True)
class PowerSettings:
    """What is assumed.

    Attributes:
        systems: Number of systems.
        points: Answers of a pair.
        votes: Main votes of a rater.
        comparisons: Comparisons of the question that Holm's correction divides alpha by.
        alpha: Family-wise error.
        effect: What is to be found. For scores the difference of two means, in points; else the preference between two
            systems, or for the right music, P(preferred | no tie). None: a value that is typical of the design.
        sd_rater: Spread of a system between raters: logits, or points of a score; None: typical of the design.
        sd_song: Spread of a system between songs, in the same unit.
        sd_vote: Spread of repeated scores of a clip by one rater, points.
        simulations: Simulated ratings of every plan.
        seed: Seed.
        design: ``pair``, ``best-worst``, ``sliders``, ``acr`` or ``mismatch``.
        set_size: Clips on a page of a best-worst rating.
    """

    systems: int
    points: int
    votes: int
    comparisons: int
    alpha: float = 0.05
    effect: float | None = None
    sd_rater: float | None = None
    sd_song: float | None = None
    sd_vote: float | None = None
    simulations: int = 100
    seed: int = 0
    design: str = "pair"
    set_size: int = 4

    @property
    def is_scored(self) -> bool:
        """Whether raters give scores."""
        return self.design in SPREADS

    @property
    def wanted_effect(self) -> float:
        """Effect whose power is shown."""
        return EFFECTS.get(self.design, PREFERENCE) if self.effect is None else self.effect

    @property
    def spread_of_raters(self) -> float:
        """Of a system between raters."""
        return self._spread(0, self.sd_rater)

    @property
    def spread_of_songs(self) -> float:
        """Of a system between songs."""
        return self._spread(1, self.sd_song)

    @property
    def spread_of_votes(self) -> float:
        """Of repeated scores."""
        return self._spread(2, self.sd_vote)

    def _spread(self, number: int, given: float | None) -> float:
        return SPREADS.get(self.design, LOGIT_SPREADS)[number] if given is None else given
