# SPDX-License-Identifier: Apache-2.0
"""Answers with and without a tie: Bradley and Terry's model, and Davidson's extension to ties.

Sources: R. A. Bradley and M. E. Terry, Biometrika 39 (1952); R. R. Davidson, Journal of the American Statistical
Association 65 (1970).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from .pair_tables import Floats


@dataclass(frozen=True)
class DavidsonLink:
    """P(first) ~ exp(eta / 2), P(tie) ~ exp(nu), P(second) ~ exp(-eta / 2); without ties that is Bradley-Terry.

    Attributes:
        has_ties: Whether a tie is one of the answers; nu is then the shape parameter.
    """

    has_ties: bool

    @property
    def outcomes(self) -> int:
        """Number of answers."""
        return 3 if self.has_ties else 2

    @property
    def shapes(self) -> int:
        """Number of shape parameters."""
        return int(self.has_ties)

    def start(self, shares: Floats) -> Floats:
        """Return nu for equal systems with the observed share of ties."""
        return np.log(2.0 * shares[1:2] / (1.0 - shares[1:2])) if self.has_ties else np.empty(0)

    def is_valid(self, shape: Floats) -> NDArray[np.bool_]:
        """Every finite nu is allowed."""
        return np.isfinite(shape).all(axis=-1)

    def log_probabilities(self, eta: Floats, shape: Floats) -> Floats:
        """Return log P, (B, C, K)."""
        utility = self._utilities(eta, shape)
        return utility - logsumexp(utility, axis=-1, keepdims=True)

    def derivatives(self, eta: Floats, shape: Floats) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of log P in (eta, nu); the Hessian is the same for every answer."""
        p = np.exp(self.log_probabilities(eta, shape))
        slopes = np.array([[0.5, 0.0], [0.0, 1.0], [-0.5, 0.0]]) if self.has_ties else np.array([[0.5], [-0.5]])
        mean = p @ slopes
        gradient = slopes - mean[:, :, None, :]
        square = np.einsum("bck,ks,kt->bcst", p, slopes, slopes) - mean[..., :, None] * mean[..., None, :]
        return gradient, np.broadcast_to(-square[:, :, None], (*p.shape, *square.shape[-2:]))

    def _utilities(self, eta: Floats, shape: Floats) -> Floats:
        ends = [0.5 * eta, -0.5 * eta]
        if self.has_ties:
            ends.insert(1, np.broadcast_to(shape[:, :1], eta.shape))
        return np.stack(ends, axis=-1)
