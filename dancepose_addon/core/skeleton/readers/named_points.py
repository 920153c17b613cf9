# SPDX-License-Identifier: Apache-2.0
"""Points that the file names: chosen and ordered by their names, for the layout that is asked for or that they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import re
from typing import Final

import numpy as np

from ...arrays import F64
from ...counting import counted
from ...errors import LayoutError
from ..anatomy import measure_fit, sample
from ..bone_names import NEEDED, plain, smpl_joints
from ..hand_points import HAND_NAMES, POINTS_OF_HAND, on_their_sides, take_hands
from ..layouts import BODY25, LAYOUTS, MARKER_SETS, MOTIVE37, SMPL22, SMPL24, Layout, get_layout, layouts_with
from ..person_names import require_one_person
from ..recording import Finding, Hints, PointRecording
from ..unnamed_models import unnamed_with
from ..unnamed_skeletons import UnnamedSkeleton

LEAST_OF_LAYOUT: Final = 0.8
"""Share of a known layout's points that a file has to name to be taken for it."""
LEAST_OF_MARKERS: Final = 0.35
"""The same of marker sets, of which laboratories use a part."""
LEAST_NAMES: Final = 10
NO_PERSON: Final = 1.2
"""Cost of proportions from which on points are no person in a layout."""
ALIASES: Final = {"leftfootindex": "leftbigtoe", "rightfootindex": "rightbigtoe", "hipcenter": "midhip"}
MIDDLES: Final = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}
"""Points of BODY_25 that are the middle of two others."""
NUMBERED: Final = re.compile(r"\D{0,12}\d+")
"""A name that only numbers a point."""
KEPT: Final = ("pelvis", "neck")
DOUBLED: Final = 1e-4
"""Share of the size of the clip's space within which joints are at one place."""
LOOKED_AT: Final = 50
"""Frames."""
WRISTS: Final = ("left_wrist", "right_wrist")
PREFIX: Final = re.compile(r"^[^_:. -]{1,40}[_:. -](?=.)")
MOST_PREFIXES: Final = 3
MARKERS_NEEDED: Final = ("LSHO", "RSHO", "LKNE", "RKNE", "LANK", "RANK")
MOTIVE_NEEDED: Final = ("LShoulderTop", "RShoulderTop", "LKneeOut", "RKneeOut", "LAnkleOut", "RAnkleOut")


@dataclass(frozen=True)
class Choice:
    """Which of a file's points are which of a layout's.

    Attributes:
        layout: Meaning of the points.
        index: For each of its points the file's, or -1 where the file lacks it.
        why: Why this layout, a clause.
    """

    layout: Layout
    index: tuple[int, ...]
    why: str


def arranged(recording: PointRecording, hints: Hints, *, bones: bool, in_order: bool = False) -> PointRecording:
    """Bring the points of a recording into the order of a layout.

    Args:
        recording: Points that the file names.
        hints: A layout that is asked for, or ``as_named`` to keep the file's order and names.
        bones: Whether names may be joints of a skeleton, as in BVH.
        in_order: Whether parents are before children.

    Returns:
        The recording in the layout's order. Points that the file lacks are NaN.

    Raises:
        InputError: They are of two persons.
        LayoutError: The names are of no known layout, or lack points of the one that is asked for.
    """
    if hints.as_named or recording.names is None:
        return recording
    require_one_person(recording.names, recording.points, recording.source)
    choice = choose(recording.names, hints.layout, recording.source, bones=bones, in_order=in_order)
    index = np.array(choice.index)
    points = recording.points[:, index]
    points[:, index < 0] = np.nan
    confidence = recording.confidence
    if confidence is not None:
        confidence = np.where(index < 0, 0.0, confidence[:, index]).astype(np.float32)
    doubles = doubled_points(points, choice.layout) if bones else []
    points[:, doubles] = np.nan
    if confidence is not None:
        confidence[:, doubles] = 0.0
    missing = [name for name, at in zip(choice.layout.keypoints, choice.index, strict=True) if at < 0]
    if choice.layout == BODY25:
        for name in [name for name in missing if name in MIDDLES]:
            at, ends = BODY25.keypoints.index(name), [BODY25.keypoints.index(end) for end in MIDDLES[name]]
            points[:, at] = points[:, ends].mean(axis=1)
            if confidence is not None:
                confidence[:, at] = confidence[:, ends].min(axis=1)
            missing.remove(name)
    hands = _hands_beside(recording, points, choice.layout)
    findings = list(recording.findings)
    if doubles:
        names = ", ".join(choice.layout.keypoints[at] for at in doubles)
        findings.append(Finding("points", f"{names} not used", 0.95, "bones of no length: they repeat other joints"))
    if missing:
        names = ", ".join(missing[:6]) + (", ..." if len(missing) > 6 else "")
        findings.append(Finding("points", f"without {names}", 0.8, "the file has no joint that is one of them"))
    findings.append(Finding("names", f"of {choice.layout.name}", 0.99, choice.why))
    return replace(
        recording, points=points, confidence=confidence, layout=choice.layout.name, names=choice.layout.keypoints,
        findings=tuple(findings), hands=hands,
    )  # fmt: skip


def doubled_points(points: F64, layout: Layout) -> list[int]:
    """Find joints that are at the place of another in every frame, since a bone of the file has no length.

    Such a joint shows nothing, and a body whose bone has a length would fold to meet it.

    Args:
        points: (T, K, 3).
        layout: Of the points.

    Returns:
        Indices of the joints to leave out; of several at one place the pelvis, the neck or the first one stays.
    """
    few = points[np.unique(np.linspace(0, len(points) - 1, LOOKED_AT).astype(int))]
    size = float(np.nanmax(few, initial=-np.inf) - np.nanmin(few, initial=np.inf))
    away = np.zeros((points.shape[1], points.shape[1]))
    for frame in few:
        np.maximum(away, np.abs(frame[:, None] - frame).max(axis=2), out=away)
    same = away <= DOUBLED * size
    kept: list[int] = []
    order = sorted(range(len(layout.keypoints)), key=lambda at: (layout.keypoints[at] not in KEPT, at))
    found = []
    for at in order:
        if any(same[at, other] for other in kept):
            found.append(at)
        else:
            kept.append(at)
    names = layout.keypoints
    place = {name: at for at, name in enumerate(names)}
    others = {at: place.get(f"right_{name[5:]}") for name, at in place.items() if name.startswith("left_")}
    pairs = [(at, other) for at, other in others.items() if other is not None]
    both = {at for pair in pairs if same[pair] for at in pair}
    return sorted({*found, *both})


def _hands_beside(recording: PointRecording, points: F64, layout: Layout) -> F64 | None:
    """Points of the hands that the file has and the layout lacks. points: (T, K, 3), in the layout's order."""
    hands = take_hands(recording.points, recording.names or ())
    wrists = [layout.keypoints.index(name) for name in WRISTS if name in layout.keypoints]
    if hands is None or any(name in layout.keypoints for name in HAND_NAMES if name not in WRISTS):
        return None
    if len(wrists) != len(WRISTS):
        return hands
    hands = on_their_sides(hands, points[:, wrists])
    for first, wrist in zip((0, POINTS_OF_HAND), wrists, strict=True):
        if np.isnan(hands[:, first]).all():  # a skeleton has one joint for both
            hands[:, first] = points[:, wrist]
    return hands


def arrange_unnamed(recording: PointRecording, hints: Hints) -> PointRecording:
    """Find the points of a known layout in an array whose number of points a tool writes in a known order.

    Args:
        recording: Points, named or not.
        hints: A layout that is asked for.

    Returns:
        The recording in the layout's order, or as it was.
    """
    count = recording.points.shape[1]
    known = recording.names is not None or recording.layout is not None or hints.layout is not None
    orders = unnamed_with(count)
    if known or hints.as_named or not orders:
        return recording
    points = sample(recording.points)
    own = min((measure_fit(points, layout).cost for layout in layouts_with(count)), default=np.inf)
    if own < NO_PERSON:
        return recording
    costs = [_cost_in(skeleton, points) for skeleton in orders]
    if not min(costs) < NO_PERSON and layouts_with(count):
        return recording  # the layouts' own message says more
    skeleton = orders[costs.index(min(costs))]
    named = replace(recording, names=skeleton.names)
    found = arranged(named, replace(hints, layout=skeleton.layout), bones=True, in_order=True)
    order = Finding("order of the points", f"of {skeleton.title}", 0.9, f"it is the known one with {count} points")
    findings = (*(finding for finding in found.findings if finding.topic != "names"), order)
    return replace(found, names=None, form=f"{found.form}, {skeleton.title}", findings=findings)


def _cost_in(skeleton: UnnamedSkeleton, points: F64) -> float:
    """How little points look like a person in an order. points: (S, K, 3), sampled."""
    layout = get_layout(skeleton.layout)
    index = np.array(choose(skeleton.names, skeleton.layout, "", bones=True, in_order=True).index)
    ordered = points[:, index].copy()
    ordered[:, index < 0] = np.nan
    cost = measure_fit(ordered, layout).cost
    return cost if np.isfinite(cost) else np.inf


def cost_in_known_orders(points: F64) -> float:
    """How little points look like a person in any order that tools write without names.

    Args:
        points: (S, K, 3), sampled.

    Returns:
        The lowest cost, infinite where no order has as many points.
    """
    return min((_cost_in(skeleton, points) for skeleton in unnamed_with(points.shape[1])), default=np.inf)


def with_names(recording: PointRecording, names: Sequence[str], hints: Hints) -> PointRecording:
    """Use names that stand beside an array of points.

    Args:
        recording: Points in the order of ``names``.
        names: Of the points; none, or another number than there are points, are not used.
        hints: What the user says.

    Returns:
        The recording in a layout's order, or as it was where the names are numbers or of no known layout.

    Raises:
        LayoutError: The names are of no known layout, and neither is the number of points.
    """
    count = recording.points.shape[1]
    if len(names) != count or len(set(names)) != count:
        return recording
    if hints.layout is None and all(NUMBERED.fullmatch(name) for name in names):
        return recording
    named = replace(recording, names=tuple(names))
    try:
        return arranged(named, hints, bones=True)
    except LayoutError:
        if hints.layout is not None and get_layout(hints.layout).count != count:
            raise
        if not (layouts_with(count) or unnamed_with(count) or hints.layout is not None):
            raise
        why = "their names are of no known layout, so they were taken by their order"
        found = Finding("points", f"called {_listed(names)}", 0.85, why)
        return replace(recording, findings=(*recording.findings, found))


def choose(names: Sequence[str], wanted: str | None, source: str, *, bones: bool, in_order: bool = False) -> Choice:
    """Find which of the file's points are which of a layout's.

    Args:
        names: Of the file's points.
        wanted: A layout that is asked for, or None.
        source: The file, for messages.
        bones: Whether names may be joints of a skeleton.
        in_order: Whether parents are before children.

    Returns:
        The layout and where its points are in the file.

    Raises:
        LayoutError: As of ``arranged``.
    """
    names = _without_prefix(names)
    at: dict[str, int] = {}
    for number, name in enumerate(names):
        bare = plain(name)
        at.setdefault(ALIASES.get(bare, bare), number)
    exact = {name: number for number, name in enumerate(names)}
    if wanted is not None:
        joints = smpl_joints(names, in_order=in_order) if bones else None
        return _wanted(get_layout(wanted), names, exact, at, source, joints)
    known = [(layout, _by_name(layout, exact, at)) for layout in LAYOUTS.values()]
    whole = [(layout, index) for layout, index in known if min(index) >= 0]
    if whole:
        # The layout that uses most of the file's points: smpl24 before smpl22, body25 without a point before coco17.
        enough = [pair for pair in known if min(pair[1]) >= 0 or _is_enough(*pair)]
        layout, index = max(enough, key=lambda pair: (sum(number >= 0 for number in pair[1]), min(pair[1]) >= 0))
        why = "every point of it is named" if min(index) >= 0 else f"{_share(index):.0%} of its points are named"
        return Choice(layout, index, f"{why} in the file")
    joints = smpl_joints(names, in_order=in_order) if bones else {}
    if all(name in joints for name in NEEDED) and any(joint.startswith("spine") for joint in joints):
        return _by_bones(joints)
    partly = [(_share(index), layout, index) for layout, index in known if _is_enough(layout, index)]
    if partly:
        share, layout, index = max(partly, key=lambda triple: (triple[0], triple[1].count))
        return Choice(layout, index, f"{share:.0%} of its points are named in the file")
    if all(name in joints for name in NEEDED):
        return _by_bones(joints)
    missing = [name for name in NEEDED if name not in joints]
    if bones and len(missing) <= len(NEEDED) // 2:
        lacking = ", ".join(missing[:4])
        raise LayoutError(
            f"{source} has no joint known as {lacking}; its joints are {_listed(names)}. {_advice(source)}"
        )
    raise LayoutError(
        f"{source} names {counted(len(names), 'point')} of no known layout ({_listed(names)}). {_advice(source)}"
    )


def _without_prefix(names: Sequence[str]) -> Sequence[str]:
    """Names without first words that all share, such as ``body_`` or ``Skeleton 001:``."""
    bare = list(names)
    for _ in range(MOST_PREFIXES):
        starts = {match.group() if (match := PREFIX.match(name[:100])) else "" for name in bare}
        start = next(iter(starts)) if len(starts) == 1 else ""
        shorter = [name.removeprefix(start) for name in bare]
        if not start or len(set(shorter)) != len(names):
            break
        bare = shorter
    return bare


def _wanted(
    layout: Layout,
    names: Sequence[str],
    exact: dict[str, int],
    at: dict[str, int],
    source: str,
    joints: dict[str, int] | None,
) -> Choice:
    """The points of a layout that is asked for."""
    index = _by_name(layout, exact, at)
    if min(index) >= 0:
        return Choice(layout, index, "every point of it is named in the file")
    if joints is not None and layout in (SMPL22, SMPL24):
        missing = [name for name in NEEDED if name not in joints]
        if not missing:
            found = tuple(joints.get(name, -1) for name in layout.keypoints)
            return Choice(layout, found, "its joints are called as usual")
    missing = [name for name, number in zip(layout.keypoints, index, strict=True) if number < 0]
    if _share(index) < (LEAST_OF_MARKERS if layout in MARKER_SETS or layout.is_users else LEAST_OF_LAYOUT):
        raise LayoutError(
            f"{source} names no {', '.join(missing[:4])} of layout {layout.name}; its points are {_listed(names)}. "
            "Choose another layout, or describe these points: `dancepose layout template`."
        )
    return Choice(layout, index, "most of its points are named in the file")


def _share(index: tuple[int, ...]) -> float:
    return sum(number >= 0 for number in index) / len(index)


def _is_enough(layout: Layout, index: tuple[int, ...]) -> bool:
    """Whether a file names enough of a layout's points to be taken for it."""
    if sum(number >= 0 for number in index) < LEAST_NAMES:
        return False
    if layout in MARKER_SETS:
        needed = [layout.keypoints.index(name) for name in (MOTIVE_NEEDED if layout == MOTIVE37 else MARKERS_NEEDED)]
        return _share(index) >= LEAST_OF_MARKERS and all(index[point] >= 0 for point in needed)
    return _share(index) >= LEAST_OF_LAYOUT


def _by_name(layout: Layout, exact: dict[str, int], at: dict[str, int]) -> tuple[int, ...]:
    if layout in MARKER_SETS:  # LTHI is no left "thi"
        return tuple(exact.get(name, -1) for name in layout.keypoints)
    return tuple(exact.get(name, at.get(plain(name), -1)) for name in layout.keypoints)


def _by_bones(joints: dict[str, int]) -> Choice:
    has_hands = "left_hand" in joints and "right_hand" in joints
    layout = SMPL24 if has_hands else SMPL22
    return Choice(layout, tuple(joints.get(name, -1) for name in layout.keypoints), "its joints are called as usual")


def _advice(source: str) -> str:
    return (
        f"Describe them in a layout file: `dancepose layout template {source} --out mine.toml`, then give --layout "
        "mine.toml."
    )


def _listed(names: Sequence[str]) -> str:
    shown = ("".join(letter if letter.isprintable() else "?" for letter in name[:24]) for name in names[:6])
    return ", ".join(shown) + (", ..." if len(names) > 6 else "")
