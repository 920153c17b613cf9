# SPDX-License-Identifier: GPL-3.0-or-later
"""From a motion file to a fitted motion: the one pipeline of the command line, the panel, studies and the API.

Reading decides between keypoints, which need a regressor and a fit, and SMPL rotations, which are used as they are.
Nothing here needs Blender.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
import time
from typing import Final
import warnings

import numpy as np

from .core.arrays import F64
from .core.body.model import BodyModel
from .core.body.model_io import load_body
from .core.body.motion import BodyMotion
from .core.errors import InputError
from .core.fit.evaluation.people_contact import identity_exchanges, people_contact
from .core.fit.hand_contacts import keep_hand_contacts
from .core.fit.pipeline import FitResult, fit
from .core.fit.pose.finger_fit import fit_fingers
from .core.fit.regressor import PoseRegressor
from .core.fit.settings import FitSettings
from .core.io.opening import open_source
from .core.io.people import count_persons, on_one_floor
from .core.io.rotation_fit import use_rotations
from .core.progress import Progress, part_of, silent
from .core.skeleton.readers import FrameRange
from .core.skeleton.recording import NO_HINTS, Hints
from .core.skeleton.sequence import KeypointSequence, validate
from .inference import open_for

OTHER_TAKE: Final = "--read take=N chooses another"
MOST_EXCHANGES: Final = 3
"""Exchanges of tracks that are reported."""


def fit_file(
    path: Path,
    *,
    body: BodyModel | None = None,
    hints: Hints = NO_HINTS,
    frames: FrameRange | None = None,
    regressor: Path | PoseRegressor | None = None,
    device: str = "auto",
    settings: FitSettings = FitSettings(),
    progress: Progress = silent,
) -> FitResult:
    """Read a motion file and fit a body to it.

    Args:
        path: Motion file or folder, of any format that can be read.
        body: Body to fit, or None for the default one.
        hints: What is known about the file, such as its layout or its frame rate.
        frames: First frame and one past the last (None for the end), or None for all.
        regressor: ONNX file, an opened regressor, or None for the default regressor of the layout.
        device: What the regressor runs on: ``auto``, ``cuda``, ``cpu`` or ``numpy``.
        settings: Settings of the fit.
        progress: Called with the fraction done and the current step.

    Returns:
        The fitted motion. ``report["seconds"]`` includes the time of reading.

    Raises:
        InputError: The file cannot be used, or a setting does not apply to it.
        RegressorError: There is no regressor for the layout, or it cannot run on the device.
    """
    clock = time.perf_counter()
    chosen = load_body(None) if body is None else body
    opened = open_source(path, body=chosen, frames=frames, hints=hints)
    read_s = round(time.perf_counter() - clock, 4)
    inner = part_of(progress, 0.1, 1.0)
    result = fit_opened(opened, body=chosen, regressor=regressor, device=device, settings=settings, progress=inner)
    result.report["seconds"] = {"read": read_s, **result.report["seconds"]}
    return result


def fit_people(  # noqa: PLR0913 (those of fit_file, and one)
    path: Path,
    *,
    body: BodyModel | None = None,
    hints: Hints = NO_HINTS,
    frames: FrameRange | None = None,
    regressor: Path | PoseRegressor | None = None,
    device: str = "auto",
    settings: FitSettings = FitSettings(),
    progress: Progress = silent,
    on_count: Callable[[int], object] = lambda _count: None,
) -> list[FitResult]:
    """Read a motion file and fit a body to each person that it shows, all on one floor and at their places.

    Args:
        path: Motion file or folder, of any format that can be read.
        body: Body to fit, or None for the default one.
        hints: What is known about the file. Where it names a take, only that person is fitted.
        frames: First frame and one past the last (None for the end), or None for all.
        regressor: ONNX file, an opened regressor, or None for the default regressor of the layout.
        device: What the regressor runs on: ``auto``, ``cuda``, ``cpu`` or ``numpy``.
        settings: Settings of the fits.
        progress: Called with the fraction done and the current step.
        on_count: Called with the number of persons before any of them is fitted.

    Returns:
        One fit for each person, with the same number of frames.

    Raises:
        InputError: The file cannot be used, or persons are shown for different lengths of time.
        RegressorError: There is no regressor for the layout, or it cannot run on the device.
    """
    count = count_persons(path, hints)
    on_count(count)
    fits = [
        fit_file(
            path,
            body=body,
            hints=hints if count == 1 else replace(hints, take=person, everyone=False),
            frames=frames,
            regressor=regressor,
            device=device,
            settings=settings,
            progress=part_of(progress, person / count, (person + 1) / count),
        )
        for person in range(count)
    ]
    return together(fits, path, keep_contacts=settings.keep_contacts)


def together(fits: list[FitResult], path: Path, *, keep_contacts: bool = False) -> list[FitResult]:
    """Put the persons of one recording, fitted one by one, on one floor.

    Args:
        fits: One for each person.
        path: The recording, for messages.
        keep_contacts: Whether to move arms so that hands which touch in the recording touch.

    Returns:
        The fits at their heights above the common floor.

    Raises:
        InputError: Persons are shown for different lengths of time.
    """
    if len(fits) == 1:
        return fits
    lengths = sorted({len(fit.motion) for fit in fits})
    if len(lengths) > 1:
        raise InputError(
            f"{path} shows its {len(fits)} persons for {lengths[0]} to {lengths[-1]} frames, so they have no common "
            "time. Give --read take=N for one of them."
        )
    numbered = on_one_floor([_numbered(fit, number, len(fits)) for number, fit in enumerate(fits)])
    if keep_contacts:
        numbered = keep_hand_contacts(numbered)
    contact = people_contact(numbered[0].body, [fit.motion for fit in numbered])
    exchanged = [
        f"Persons {first + 1} and {second + 1} exchange their places from frame {frame} on, so their tracks were "
        "probably exchanged. Correct the file, or show one person with --read take=N."
        for first, second, frame in identity_exchanges([_place(fit) for fit in numbered])[:MOST_EXCHANGES]
    ]
    first = numbered[0]
    notices = [*first.report["notices"], *exchanged]
    return [replace(first, report={**first.report, "notices": notices, "people": contact}), *numbered[1:]]


def require_used(
    fits: Iterable[FitResult], *, regressor: object = None, device: str | None = None, keep_contacts: bool = False
) -> None:
    """Refuse options that had no effect on any of some fits.

    Args:
        fits: The fits of all sources and persons.
        regressor: The regressor that was asked for, or None.
        device: The device that was asked for; None or ``auto`` for any.
        keep_contacts: Whether touching hands were to be kept.

    Raises:
        InputError: An option had no effect.
    """
    found = list(fits)
    if all(not fit.report["error_mm"] for fit in found):
        asked = {"--regressor": regressor is not None, "--device": device not in (None, "auto")}
        if wrong := [flag for flag, was_given in asked.items() if was_given]:
            source = found[0].sequence.source or "The source"
            raise InputError(
                f"{source} holds SMPL rotations, which are used as they are; {' and '.join(wrong)} would have no "
                "effect. Remove the option."
            )
    if keep_contacts and all("person" not in fit.report for fit in found):
        raise InputError("--keep-contacts has no effect on one person. Remove the option.")


def _place(fit: FitResult) -> F64:
    """Return the middle of a person's points as they were read, or of the body, (T, 3) metres."""
    points = fit.sequence.keypoints_m
    if len(points) != len(fit.motion) or not points.size:
        return fit.motion.translation_m.astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames without any point
        return np.asarray(np.nanmedian(points, axis=1), np.float64)


def _numbered(fit: FitResult, number: int, count: int) -> FitResult:
    """Replace the advice to choose one person of a file by the person's number."""
    notices = [notice for notice in fit.report["notices"] if OTHER_TAKE not in notice]
    return replace(fit, report={**fit.report, "notices": notices, "person": [number + 1, count]})


def fit_opened(
    opened: KeypointSequence | BodyMotion,
    *,
    body: BodyModel,
    regressor: Path | PoseRegressor | None = None,
    device: str = "auto",
    settings: FitSettings = FitSettings(),
    progress: Progress = silent,
) -> FitResult:
    """Fit a body to a motion that has been read.

    Args:
        opened: Keypoints, or SMPL rotations on ``body``.
        body: Body to fit.
        regressor: ONNX file, an opened regressor, or None for the default regressor of the layout.
        device: What the regressor runs on: ``auto``, ``cuda``, ``cpu`` or ``numpy``.
        settings: Settings of the fit.
        progress: Called with the fraction done and the current step.

    Returns:
        The fitted motion.

    Raises:
        InputError: The keypoints cannot be used, or a setting does not apply to rotations.
        RegressorError: There is no regressor for the layout, or it cannot run on the device.
    """
    if isinstance(opened, BodyMotion):
        result = use_rotations(opened, body, settings=settings)
        progress(1.0, "Fitted")
        return result
    whole = sequence = validate(opened)
    if regressor is None or isinstance(regressor, Path):
        sequence, regressor = open_for(sequence, regressor, device=device)
    result = fit(sequence, regressor=regressor, body=body, settings=settings, progress=progress)
    # A regressor may read fewer points than the file has: fingers are taken from the file.
    motion, hands = fit_fingers(whole, result.motion, body)
    return result if not hands else replace(result, motion=motion, report={**result.report, **hands})
