# SPDX-License-Identifier: Apache-2.0
"""What points mean: their layout, unit, axes, sides and rate, each with a confidence and a reason.

A file or its format may declare any of these, a user may say any of them, and the points themselves show most of them:
a person's proportions give the layout and the unit, heads above feet give the axis that is up, and toes, knees and
noses in front give which side is left. What is declared and what is shown should agree; where they do not, or where
nothing is sure, the finding is doubtful and reported.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ..arrays import F64
from ..axes import METRES_PER, UPRIGHT, axis_name, axis_vector, require_axis
from ..body.model_io import load_body
from ..counting import counted
from ..errors import LayoutError, OptionError
from ..printable_text import quoted
from .anatomy import Fit, find_handedness, find_up, leftward, measure_fit, sample
from .flat_points import find_flat
from .floor_plane import find_footing
from .keypoint_order import judge_order
from .layouts import LAYOUTS, Layout, get_layout, layouts_with, require_count
from .persons_in_turn import find_turns
from .plausibility import find_misplaced, judge_rate, measure_limbs
from .recording import NO_HINTS, Finding, Hints, PointRecording
from .unseen_points import find_lost_place

HUMAN_COST: Final = 1.2
"""Above this nothing that the points show is believed."""
MARGIN: Final = 0.5
"""By how much a layout has to fit better than the next with as many points."""
CLOSE_GAIN, PLAIN_GAIN = -1.0, 3.0
"""Log-likelihood by which another order of the points has to fit better before the file's own is doubted: another that
is about as good, and, where a format fixes the order, one that is plainly better."""
SURPRISING: Final = 2.0
"""Of distances, per pair, at any order. People recorded stay below 1.3, where points are markers, and 1.1 elsewhere."""
FEW_NAMES: Final = 4
TILT_RAD: Final = np.radians(9.0).item()
"""By which lean and floor together may put an axis off upright."""
SEEN_LEAN_RAD: Final = np.radians(10.0).item()
LEAN: Final = np.cos(np.radians(30.0))
"""Who leans by this much may still run or dance on a floor that shows the axis to be right."""
UPRIGHT_ENOUGH: Final = 0.6
SIDED: Final = 0.5
ADULTS_M: Final = (1.45, 2.05)
PEOPLE_M: Final = (0.85, 2.35)
ORDINARY_M: Final = 1.7
HUMANML3D_FPS: Final = 20.0
MIRRORS: Final = ("none", "axes", "names")
DECLARED: Final = 0.55
"""Confidence in a reading that no person fits where the format itself says layout, unit and axes: said, no guess."""
USUAL_UP: Final = ("y", "z")


@dataclass(frozen=True)
class Interpretation:
    """How a recording's points become a KeypointSequence.

    Attributes:
        layout: Of the points.
        turn: (3, 3), from the file's axes to SMPL's; a reflection where the file's are left-handed.
        metres: Per unit of the file.
        swaps_sides: Whether the names of left and right are exchanged.
        fps: Frames a second, or None where it is not known.
        fit: How well the points fit the layout.
        findings: Every conclusion, with its confidence and reason.
    """

    layout: Layout
    turn: F64
    metres: float
    swaps_sides: bool
    fps: float | None
    fit: Fit
    findings: tuple[Finding, ...]


def interpret(recording: PointRecording, hints: Hints = NO_HINTS) -> Interpretation:
    """Find out what a recording's points mean.

    Args:
        recording: Points as a file has them.
        hints: What the user says.

    Returns:
        Layout, axes, unit and rate.

    Raises:
        LayoutError: No layout has that many points, or several fit equally.
        OptionError: A hint is not usable.
    """
    points = sample(recording.points)
    layout, found = find_layout(recording, points, hints)
    findings = [found]
    fit = measure_fit(points, layout)
    human = fit.cost < HUMAN_COST
    odd = _odd_proportions(recording, points, layout) if not human else None
    if odd is not None:
        fit, found = odd
        human = True
        elsewhere = find_misplaced(points, layout, fit.scale, limbs_only=True)
        findings += [found, *((elsewhere,) if elsewhere is not None else ())]
    else:
        order = _judge_order(recording, points, layout, fit, hints)
        misplaced = find_misplaced(points, layout, fit.scale) if human and recording.names is not None else None
        findings += [doubt for doubt in (order, misplaced) if doubt is not None]
    metres, unit = _find_unit(recording, fit, hints, human=human)
    up_name, up = _find_up(recording, points, layout, fit, hints, human=human)
    mirror, sides = _find_sides(points, layout, hints, human=human, declared=_declares_all(recording))
    turn = UPRIGHT[up_name].astype(np.float64)
    if mirror == "axes":
        turn = np.diag([-1.0, 1.0, 1.0]) @ turn
    findings += [unit, up, sides]
    fps, rate = _find_rate(recording, points @ turn.T * metres, layout, hints)
    findings.append(rate)
    lost = find_lost_place(points, layout) if human else None
    flat = None if _declares_all(recording) else find_flat(points, layout)
    findings += [doubt for doubt in (lost, flat, find_turns(recording.points)) if doubt is not None]
    return Interpretation(layout, turn, metres, mirror == "names", fps, fit, tuple(findings))


def _odd_proportions(recording: PointRecording, points: F64, layout: Layout) -> tuple[Fit, Finding] | None:
    """The fit by arms and legs alone, where joints are known by name and the trunk's lie as other rigs have them."""
    if recording.names is None:
        return None
    limbs = measure_limbs(points, layout)
    if not limbs.is_human:
        return None
    found = Finding(
        "proportions", "of the limbs alone", 0.85, "joints of the trunk lie elsewhere than a person's, as in some rigs"
    )
    return Fit(limbs.scale, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0), found


def find_layout(recording: PointRecording, points: F64, hints: Hints) -> tuple[Layout, Finding]:
    """Find the layout of a recording's points.

    Args:
        recording: Points as a file has them.
        points: (S, K, 3), sampled from it.
        hints: What the user says.

    Returns:
        The layout, and why it is that.

    Raises:
        LayoutError: No layout has that many points, or they fit none.
    """
    count, source = points.shape[1], recording.source
    named = hints.layout or recording.layout
    if named is not None:
        layout = get_layout(named)
        require_count(layout, count, source)
        why = "it was asked for" if hints.layout else "the file or its format says it"
        return layout, Finding("layout", layout.name, 1.0, why)
    fitting = layouts_with(count)
    if not fitting:
        counts = ", ".join(f"{layout.name} {layout.count}" for layout in LAYOUTS.values())
        raise LayoutError(
            f"{source} has {counted(count, 'point')} a frame, and no known layout has that many ({counts}). "
            "Describe them in a "
            "layout file: `dancepose layout template`."
        )
    ranked = sorted(((measure_fit(points, layout).cost, layout) for layout in fitting), key=lambda pair: pair[0])
    cost, layout = ranked[0]
    if len(ranked) == 1:
        confidence = 0.98 if cost < HUMAN_COST else 0.5
        return layout, Finding("layout", layout.name, confidence, f"it is the one with {counted(count, 'point')}")
    names = ", ".join(layout.name for layout in fitting)
    if not cost < HUMAN_COST:
        raise LayoutError(
            f"{source} has {counted(count, 'point')} a frame, which by their proportions are no person in "
            f"{names}. If they are "
            f"one of these all the same, give --layout; or describe them: `dancepose layout template`."
        )
    margin = ranked[1][0] - cost
    why = f"of {names} its proportions fit best (by {margin:.2f})"
    return layout, Finding("layout", layout.name, 0.98 if margin > MARGIN else 0.6, why)


def _judge_order(recording: PointRecording, points: F64, layout: Layout, fit: Fit, hints: Hints) -> Finding | None:
    """A doubt about the order of the points, where there is one."""
    said = hints.layout is not None or recording.layout is not None
    if not fit.cost < HUMAN_COST:
        sure = DECLARED if _declares_all(recording) else 0.2
        why = f"taken for {layout.name}, the points have the proportions of no person"
        return Finding("order of the points", f"of {layout.name}", sure, why)
    if recording.names is not None:
        return None  # each point was found by its name
    order = judge_order(points, layout)
    if order.gain > (PLAIN_GAIN if said else CLOSE_GAIN):
        names = _listed([layout.keypoints[point] for point in order.moved])
        how = "better" if order.gain > 0 else "as well"
        return Finding(
            "order of the points", f"of {layout.name}", 0.6, f"{names} would fit {how} in each other's place"
        )
    if order.surprise > SURPRISING:
        return Finding(
            "order of the points", f"of {layout.name}", 0.5,
            f"proportions are {fit.shape:.0%} off a person's and vary by {fit.jitter:.0%}",
        )  # fmt: skip
    votes = find_handedness(points, layout)
    if votes and max(votes.values()) > SIDED and min(votes.values()) < SIDED:
        seen_how = ", ".join(f"{name} {vote:+.1f}" for name, vote in votes.items())
        return Finding("order of the points", f"of {layout.name}", 0.6, f"they do not face one way ({seen_how})")
    return None


def _declares_all(recording: PointRecording) -> bool:
    """Whether the file or its format says layout, unit and axes, so that nothing is guessed."""
    return None not in (recording.layout, recording.unit, recording.up)


def _listed(names: list[str]) -> str:
    """Names in words, few of many."""
    if len(names) > FEW_NAMES:
        return f"{', '.join(names[: FEW_NAMES - 1])} and {len(names) - FEW_NAMES + 1} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _find_unit(recording: PointRecording, fit: Fit, hints: Hints, *, human: bool) -> tuple[float, Finding]:
    """Metres per unit of the file."""
    height = fit.scale * load_body().height_m
    if hints.unit is not None:
        metres = parse_unit(hints.unit)
        return metres, Finding("unit", hints.unit, 1.0, f"it was asked for; the body is {height * metres:.2f} m tall")
    declared = recording.unit
    if not human:
        unit = declared or "m"
        why = f"{recording.form} has it" if declared else "nothing else is known"
        return parse_unit(unit), Finding("unit", unit, 0.95 if declared else 0.3, why)
    if declared is not None:
        metres = parse_unit(declared)
        if PEOPLE_M[0] < height * metres < PEOPLE_M[1]:
            return metres, Finding("unit", declared, 0.99, f"the body is {height * metres:.2f} m tall in it")
    found = [(unit, size) for unit, size in METRES_PER.items() if PEOPLE_M[0] < height * size < PEOPLE_M[1]]
    # Adults first: a small child in one unit may be a grown person in another.
    found.sort(key=lambda pair: abs(np.log(height * pair[1] / ORDINARY_M)))
    if not found:
        metres = ORDINARY_M / height
        why = f"in no unit is the body as tall as a person, so it was made {ORDINARY_M} m tall"
        return metres, Finding("unit", f"{metres:.4g} m", 0.5, why)
    unit, metres = found[0]
    tall = height * metres
    confidence = 0.98 if ADULTS_M[0] <= tall <= ADULTS_M[1] else 0.7
    why = f"the body is {tall:.2f} m tall in it"
    if declared is not None:
        confidence, why = 0.7, f"{why}, and would be {height * parse_unit(declared):.3g} m in {recording.form}'s own"
    return metres, Finding("unit", unit, confidence, why)


ASKED_CONFIDENCE: Final = 0.6
"""In a rate that the user gave and at which people cannot move; it does not stop."""
LEAST_UNIT_M: Final = 1e-6
MOST_UNIT_M: Final = 1e4


def parse_unit(text: str) -> float:
    """Metres per unit of length.

    Args:
        text: Name of a unit, or metres as a number.

    Returns:
        Metres.

    Raises:
        OptionError: It is neither.
    """
    if text in METRES_PER:
        return METRES_PER[text]
    try:
        metres = float(text)
    except ValueError:
        metres = 0.0
    if not LEAST_UNIT_M <= metres <= MOST_UNIT_M:
        known = ", ".join(METRES_PER)
        raise OptionError(
            f"There is no unit {quoted(text)}; give {known}, or metres per unit as a number from {LEAST_UNIT_M:g} to "
            f"{MOST_UNIT_M:g}."
        )
    return metres


def _find_up(
    recording: PointRecording, points: F64, layout: Layout, fit: Fit, hints: Hints, *, human: bool
) -> tuple[str, Finding]:
    """The file's axis that points up."""
    if hints.up is not None:
        return require_axis(hints.up), Finding("up axis", hints.up, 1.0, "it was asked for")
    direction = find_up(points, layout)
    seen = axis_name(direction.towards)
    straight = float(direction.towards @ axis_vector(seen))
    clear = human and direction.certainty > UPRIGHT_ENOUGH and straight > LEAN
    seen_how = f"heads are {seen} of feet"
    lean = float(np.arccos(min(1.0, straight)))
    if lean > SEEN_LEAN_RAD:
        seen_how += f", {np.degrees(lean):.0f} degrees off it"
    if clear:
        footing = find_footing(
            points, layout, axis=axis_vector(seen), towards=direction.towards, height=fit.scale * load_body().height_m
        )
        tilt = footing.tilt_rad(lean)
        clear = tilt < TILT_RAD
        if not clear:
            seen_how += f", and by lean and floor it is likely tilted by {np.degrees(tilt):.0f} degrees"
        elif lean > SEEN_LEAN_RAD:
            seen_how += ", and they walk on a floor across it"
    if recording.up is not None:
        if not human:
            return recording.up, Finding("up axis", recording.up, 0.95, f"{recording.form} has it")
        if seen == recording.up:
            return seen, Finding("up axis", seen, 0.99 if clear else 0.9, seen_how)
        if clear:
            return seen, Finding("up axis", seen, 0.7, f"{seen_how}, though {recording.form} has {recording.up} up")
        return recording.up, Finding("up axis", recording.up, 0.7, f"{recording.form} has it, but {seen_how}")
    if not human:
        return "y", Finding("up axis", "y", 0.3, "nothing else is known")
    if clear and seen not in USUAL_UP:
        seen_how += "; y or z is usual, so if the person lies or stands on the hands, give --read up=y"
    return seen, Finding("up axis", seen, (0.98 if seen in USUAL_UP else 0.8) if clear else 0.6, seen_how)


def _find_sides(points: F64, layout: Layout, hints: Hints, *, human: bool, declared: bool) -> tuple[str, Finding]:
    """Whether left is left: ``none``, or how a mirrored file is corrected."""
    if hints.mirror is not None:
        if hints.mirror not in MIRRORS:
            raise OptionError(f"There is no way of mirroring {hints.mirror!r}; choose one of {', '.join(MIRRORS)}.")
        return hints.mirror, Finding("mirror", hints.mirror, 1.0, "it was asked for")
    votes = find_handedness(points, layout) if human else {}
    if not votes:
        sure = 0.9 if human else DECLARED if declared else 0.3
        return "none", Finding("sides", "as named", sure, "nothing shows where the body faces")
    seen_how = ", ".join(f"{name} {vote:+.2f}" for name, vote in votes.items())
    if min(votes.values()) > SIDED:
        return "none", Finding("sides", "as named", 0.98, f"left is left of where the body faces ({seen_how})")
    if max(votes.values()) < -SIDED:
        return "axes", Finding(
            "sides", "mirrored", 0.6,
            f"left is right of where the body faces ({seen_how}); taken for left-handed axes, x was negated "
            "(--read mirror=names exchanges the names of left and right instead, mirror=none leaves it)",
        )  # fmt: skip
    return "none", Finding("sides", "as named", 0.5, f"it is not clear where the body faces ({seen_how})")


def _find_rate(recording: PointRecording, points_m: F64, layout: Layout, hints: Hints) -> tuple[float | None, Finding]:
    """Frames per second. points_m: (S, K, 3), metres, SMPL axes."""
    if hints.fps is not None:
        asked = judge_rate(hints.fps, 1.0, "it was asked for", points_m, len(recording.points))
        return hints.fps, replace(asked, confidence=max(asked.confidence, ASKED_CONFIDENCE))
    if recording.fps is not None:
        return recording.fps, judge_rate(
            recording.fps, recording.fps_confidence, recording.fps_why, points_m, len(recording.points)
        )
    if layout.name == "smpl22" and _starts_like_humanml3d(points_m, layout):
        return HUMANML3D_FPS, Finding(
            "rate", f"{HUMANML3D_FPS:g} fps", 0.7, "it starts at the origin and on the floor as HumanML3D's clips do"
        )
    return None, Finding("rate", "unknown", 0.0, recording.fps_why or "the file does not say it")


def _starts_like_humanml3d(points_m: F64, layout: Layout) -> bool:
    """HumanML3D puts the lowest point on y = 0, the first pelvis over the origin, the first pose facing +z."""
    if not np.isfinite(points_m).all():
        return False
    forward = np.cross(leftward(points_m[:1], layout)[0], [0.0, 1.0, 0.0])
    on_floor = abs(float(points_m[..., 1].min())) < 0.08
    return on_floor and bool(np.abs(points_m[0, 0, [0, 2]]).max() < 0.02) and bool(forward[2] > 0.9)
