# SPDX-License-Identifier: Apache-2.0
"""The settings of a fit: one table for the API, command lines, study files and the panel.

To add an option, add one field with its description to ``FitSettings``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import InputError, OptionError
from ..options import OptionInfo, described, options_of
from .pose.pose_problem import REFINE_STEPS, RefineSettings
from .pose.twist import require_style

MOST_BETA: Final = 10.0
"""Largest magnitude of a shape coefficient that is accepted; SMPL's are in units of standard deviations."""
FILE_SETTINGS: Final = ("body_from", "style")
"""Settings that may be the path of a file."""


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """Settings of a fit as plain values, which JSON, TOML and command lines can hold.

    Attributes:
        refine: Refinement steps after the regressor; 0 keeps the regressor's poses.
        betas: Shape coefficients, or None to solve for them.
        adapt: Whether the layout's points may move on the body.
        smooth: Smoothing strength; 0 for none, 1 for the strength that the measured noise calls for.
        level: Whether to remove a drift of the floor.
        foot_lock: Whether to keep standing feet still and on the floor.
        keep_contacts: Whether hands of several persons that touch in the recording touch after the fit.
        body_from: Motion file whose betas and scale to use, or None to solve for them.
        style: Convention of the rotations that keypoints do not determine: ``aist``, ``mosh``, ``minimal``,
            ``regressor`` for the network's own, or a .json file; None for the convention that the regressor declares,
            else ``aist``.
    """

    refine: int = described(
        REFINE_STEPS,
        OptionInfo(
            "Refinement steps that move the pose onto the keypoints; 0 uses the regressor alone.",
            title="Refine",
            metavar="N",
            least=0,
            most=100,
        ),
    )
    betas: tuple[float, ...] | None = described(
        None,
        OptionInfo(
            "Use these shape coefficients instead of solving for them.",
            title="Betas",
            metavar="B,B,...",
            least=-MOST_BETA,
            most=MOST_BETA,
            for_rotations=True,
        ),
    )
    adapt: bool = described(
        False,
        OptionInfo("Let the layout's points move on this body by up to 4 cm.", title="Adapt Points"),
    )
    smooth: float = described(
        0.0,
        OptionInfo(
            "Smooth the motion: 0 is off, 1 removes the noise measured in the keypoints.",
            title="Smooth",
            metavar="S",
            least=0.0,
            most=100.0,
        ),
    )
    level: bool = described(
        True,
        OptionInfo(
            "Remove a drift of the recording's floor, if there is one.",
            title="Level Floor",
            off_help="Keep a drift of the recording's floor.",
        ),
    )
    foot_lock: bool = described(
        False,
        OptionInfo("Keep standing feet still and on the floor.", title="Lock Feet", for_rotations=True),
    )
    keep_contacts: bool = described(
        False,
        OptionInfo("Keep hands of several persons that touch in the recording together.", title="Keep Contacts"),
    )
    body_from: str | None = described(
        None,
        OptionInfo(
            "Use the body (betas and scale) of this motion file, so that clips of one dancer share a figure.",
            title="Body From",
            metavar="MOTION.npz",
        ),
    )
    style: str | None = described(
        None,
        OptionInfo(
            "Choose the rotations that keypoints leave open as this convention does: aist (key-point fits, output of "
            "music-to-dance models), mosh (marker fits, AMASS), minimal (no twist, as analytic solvers and HybrIK), "
            "regressor (as the network gives them), or a .json file "
            "of `dancepose twist`.",
            title="Rotation Style",
            metavar="STYLE",
        ),
    )

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that a fit may read besides its source; a style's name may be that of no file."""
        return tuple(Path(name) for key in FILE_SETTINGS if (name := getattr(self, key)))

    @property
    def refinement(self) -> RefineSettings | None:
        """Settings of the solver, or None for the regressor alone."""
        return RefineSettings(steps=self.refine) if self.refine else None

    def require_for_rotations(self, source: str) -> None:
        """Refuse options that cannot apply to a file of SMPL rotations.

        Args:
            source: Name of the file, for the message.

        Raises:
            InputError: An option that applies to keypoints only has a value other than its default.
        """
        wrong = [
            option
            for option in FIT_OPTIONS
            if not option.info.for_rotations and getattr(self, option.name) != option.default
        ]
        if wrong:
            # A flag that is on by default can only differ by being off.
            named = " and ".join(option.off_flag if option.default is True else option.flag for option in wrong)
            raise InputError(
                f"{source} holds SMPL rotations, which are used as they are; {named} would have no effect, because it "
                "applies to keypoints only. Remove the option."
            )


FIT_OPTIONS: Final = options_of(FitSettings)
"""The options in the order in which they are listed everywhere."""


def require_settings(settings: FitSettings, beta_count: int) -> None:
    """Refuse settings that are out of range or that the body cannot have.

    Args:
        settings: Settings of a fit.
        beta_count: Number of shape coefficients of the body.

    Raises:
        InputError: There are more betas than the body has.
        OptionError: A value is out of its range, the body is given twice, or there is no such style.
    """
    if settings.body_from is not None and (settings.betas is not None or settings.adapt):
        other = "--betas" if settings.betas is not None else "--adapt"
        raise OptionError(f"--body-from fixes the body, which {other} would change. Give one of them.")
    if settings.betas is not None and len(settings.betas) > beta_count:
        raise InputError(
            f"{len(settings.betas)} betas were given; the body has {beta_count}. Give at most that many, or none."
        )
    if settings.style is not None:
        require_style(settings.style)
    for option in FIT_OPTIONS:
        try:
            option.check(getattr(settings, option.name))
        except ValueError as error:
            raise OptionError(f"{option.flag}: {error}") from None
