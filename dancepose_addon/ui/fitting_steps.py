# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and fits motions in a thread with the settings of the panel, for the operators that import and refit."""

from collections.abc import Generator
from typing import TypeAlias

import bpy

from ..core.body.model import BodyModel
from ..core.body.motion import BodyMotion
from ..core.fit.pipeline import FitResult
from ..core.fit.pose.pose_problem import REFINE_STEPS
from ..core.fit.settings import FIT_OPTIONS, FitSettings
from ..core.io.people import count_persons
from ..core.progress import Progress, part_of
from ..core.skeleton.sequence import KeypointSequence
from ..fitting import fit_opened, together
from . import reading, update_callbacks
from .modal_task import Task, wait_for
from .preferences import preferred_path
from .properties import DANCEPOSE_PG_settings, betas_of

FittingSteps: TypeAlias = Generator[tuple[float, str], None, FitResult]


def fit_settings_of(settings: DANCEPOSE_PG_settings, beta_count: int) -> FitSettings:
    """Return the fit settings of the panel."""
    # An option that the panel does not show keeps its default.
    values = {option.name: getattr(settings, option.name, option.default) for option in FIT_OPTIONS}
    # The panel has a switch instead of a number of steps, and a shape only if one is given.
    values["refine"] = REFINE_STEPS if settings.refine else 0
    values["betas"] = betas_of(settings)[:beta_count] if settings.give_betas else None
    values["style"] = None if settings.style == "AUTO" else settings.style.lower()
    return FitSettings(**values)


def fitting_steps(
    settings: DANCEPOSE_PG_settings,
    context: bpy.types.Context,
    body: BodyModel,
    motion: KeypointSequence | BodyMotion | None,
    *,
    name: str = "",
) -> FittingSteps:
    """Read and fit one person in a thread.

    Args:
        settings: Settings of the panel.
        context: Context of the operator.
        body: Body to fit.
        motion: Motion to fit; None to read the source of the settings in the thread.
        name: Name of the source, for messages.

    Yields:
        Progress of the thread.

    Returns:
        The fit, which is not in Blender yet.
    """
    fits = yield from people_steps(settings, context, body, motion, name=name, everyone=False)
    return fits[0]


def people_steps(
    settings: DANCEPOSE_PG_settings,
    context: bpy.types.Context,
    body: BodyModel,
    motion: KeypointSequence | BodyMotion | None,
    *,
    name: str,
    everyone: bool,
) -> Generator[tuple[float, str], None, list[FitResult]]:
    """Read and fit in a thread.

    Args:
        settings: Settings of the panel.
        context: Context of the operator.
        body: Body to fit.
        motion: Motion to fit; None to read the source of the settings in the thread.
        name: Name of the source, for messages.
        everyone: Whether to fit every person that the source shows, if the settings say so.

    Yields:
        Progress of the thread.

    Returns:
        The fits, which are not in Blender yet.
    """
    fit_settings = fit_settings_of(settings, body.beta_count)
    device, own, folder = (
        settings.device,
        update_callbacks.own_regressor(settings),
        preferred_path(context, "regressors"),
    )
    source = reading.source_settings(settings) if motion is None else None

    def fitted(opened: KeypointSequence | BodyMotion | None, progress: Progress) -> FitResult:
        assert opened is not None
        regressor = None
        if isinstance(opened, KeypointSequence):
            regressor = update_callbacks.find_regressor(own, folder, opened.layout.name)
        inner = part_of(progress, 0.1, 1.0)
        return fit_opened(opened, body=body, regressor=regressor, device=device, settings=fit_settings, progress=inner)

    def work(progress: Progress) -> list[FitResult]:
        progress(0.0, f"Reading {name}")
        if source is None:
            return [fitted(motion, progress)]
        count = count_persons(source.path, source.hints) if everyone else 1
        fits = []
        for person in range(count):
            one = source if count == 1 else reading.of_person(source, person)
            share = part_of(progress, person / count, (person + 1) / count)
            fits.append(fitted(reading.open_motion(one, body), share))
        return together(fits, source.path, keep_contacts=fit_settings.keep_contacts)

    return (yield from wait_for(Task(work)))
