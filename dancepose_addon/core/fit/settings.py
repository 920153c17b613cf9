"""What may be chosen about a fit."""

from dataclasses import dataclass
import math

from ..errors import InputError
from .pose.levenberg_marquardt import REFINE_STEPS, RefineSettings


@dataclass(frozen=True)
class FitSettings:
    """refine: how poses are drawn onto the points after the regressor, or None for the regressor alone; betas: the
    body's shape where it is known, else solved for; adapt: let the layout's points shift on the body, by a few
    centimetres and for the whole clip; smooth: 0 for none (the default: a study shows what a model made), 1 for what
    the points' own noise asks for, more for more; level: take out a drift of the floor, where there is one; foot_lock:
    keep standing feet still."""

    refine: RefineSettings | None = RefineSettings()
    betas: tuple[float, ...] | None = None
    adapt: bool = False
    smooth: float = 0.0
    level: bool = True
    foot_lock: bool = False
    style: str | None = None


def settings_from(
    *,
    refine: int = REFINE_STEPS,
    betas: tuple[float, ...] | None = None,
    adapt: bool = False,
    smooth: float = 0.0,
    level: bool = True,
    foot_lock: bool = False,
    style: str | None = None,
) -> FitSettings:
    """Settings as command lines and panels name them. refine: steps, 0 for the regressor alone."""
    refinement = RefineSettings(steps=refine) if refine else None
    return FitSettings(refinement, betas, adapt, smooth, level, foot_lock, style)


def parse_betas(text: str) -> tuple[float, ...]:
    """Numbers between commas.

    Raises:
        ValueError: they are not.
    """
    values = tuple(float(part) for part in text.split(","))
    if not all(math.isfinite(value) for value in values):
        raise ValueError(text)
    return values


def require_settings(settings: FitSettings, beta_count: int) -> None:
    """Refuse what cannot be.

    Raises:
        InputError: more betas than the body has, or a negative smoothing.
    """
    if settings.betas is not None and len(settings.betas) > beta_count:
        raise InputError(
            f"{len(settings.betas)} betas were given; the body has {beta_count}. Give at most that many, or none."
        )
    if not settings.smooth >= 0.0:
        raise InputError(f"A smoothing of {settings.smooth:g} is not possible; give 0 for none, 1 for the usual.")
