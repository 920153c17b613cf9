"""Points that the file names: chosen and ordered by their names, for the layout that is asked for or that they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ...errors import LayoutError
from ..bone_names import NEEDED, plain, smpl_joints
from ..layouts import LAYOUTS, SMPL22, SMPL24, Layout, get_layout
from ..recording import Finding, Hints, PointRecording

LEAST_OF_LAYOUT: Final = 0.8
"""Of a known layout's points a file has to name this share to be taken for it."""


@dataclass(frozen=True)
class Choice:
    """layout: the points' meaning; index: for each of its points the file's, or -1 where the file lacks it."""

    layout: Layout
    index: tuple[int, ...]
    why: str


def arranged(recording: PointRecording, hints: Hints, *, bones: bool) -> PointRecording:
    """The recording with its points in the order of a layout; those that the file lacks are NaN.

    bones: whether names may be joints of a skeleton, as in BVH.

    Raises:
        LayoutError: the names are of no known layout, or lack points of the one that is asked for.
    """
    assert recording.names is not None
    if hints.as_named:
        return recording
    choice = choose(recording.names, hints.layout, recording.source, bones=bones)
    index = np.array(choice.index)
    points = recording.points[:, index]
    points[:, index < 0] = np.nan
    confidence = recording.confidence
    if confidence is not None:
        confidence = np.where(index < 0, 0.0, confidence[:, index]).astype(np.float32)
    missing = [name for name, at in zip(choice.layout.keypoints, choice.index, strict=True) if at < 0]
    findings = list(recording.findings)
    if missing:
        names = ", ".join(missing[:6]) + (", ..." if len(missing) > 6 else "")
        findings.append(Finding("points", f"without {names}", 0.8, "the file has no joint that is one of them"))
    findings.append(Finding("names", f"of {choice.layout.name}", 0.99, choice.why))
    return replace(
        recording, points=points, confidence=confidence, layout=choice.layout.name, names=choice.layout.keypoints,
        findings=tuple(findings),
    )  # fmt: skip


def choose(names: Sequence[str], wanted: str | None, source: str, *, bones: bool) -> Choice:
    """Which of the file's points are which of a layout's; see ``arranged``."""
    at: dict[str, int] = {}
    for number, name in enumerate(names):
        at.setdefault(plain(name), number)
    exact = {name: number for number, name in enumerate(names)}
    if wanted is not None:
        layout = get_layout(wanted)
        index = _by_name(layout, exact, at)
        if min(index) >= 0:
            return Choice(layout, index, "every point of it is named in the file")
        if bones and layout in (SMPL22, SMPL24):
            return _by_bones(layout, names, source)
        missing = [name for name, number in zip(layout.keypoints, index, strict=True) if number < 0]
        if len(missing) > (1.0 - LEAST_OF_LAYOUT) * layout.count:
            raise LayoutError(
                f"{source} names no {', '.join(missing[:4])} of layout {layout.name}; its points are {_listed(names)}. "
                "Choose another layout, or describe these points: `dancepose layout template`."
            )
        return Choice(layout, index, "most of its points are named in the file")
    known = [(layout, _by_name(layout, exact, at)) for layout in LAYOUTS.values()]
    known = [(layout, index) for layout, index in known if min(index) >= 0]
    if known:
        # The layout that uses most of the file's points: smpl24 before smpl22.
        layout, index = max(known, key=lambda pair: pair[0].count)
        return Choice(layout, index, "every point of it is named in the file")
    if bones:
        joints = smpl_joints(names)
        has_hands = "left_hand" in joints and "right_hand" in joints
        return _by_bones(SMPL24 if has_hands else SMPL22, names, source)
    raise LayoutError(
        f"{source} names {len(names)} points of no known layout ({_listed(names)}). Describe them in a layout of your "
        f"own: `dancepose layout template {source} --out mine.toml`, then --layout mine.toml."
    )


def _by_name(layout: Layout, exact: dict[str, int], at: dict[str, int]) -> tuple[int, ...]:
    return tuple(exact.get(name, at.get(plain(name), -1)) for name in layout.keypoints)


def _by_bones(layout: Layout, names: Sequence[str], source: str) -> Choice:
    joints = smpl_joints(names)
    missing = [name for name in NEEDED if name not in joints]
    if missing:
        raise LayoutError(
            f"{source} has no joint known as {', '.join(missing[:4])}; its joints are {_listed(names)}. Describe them "
            f"in a layout of your own: `dancepose layout template {source} --out mine.toml`."
        )
    return Choice(layout, tuple(joints.get(name, -1) for name in layout.keypoints), "its joints are called as usual")


def _listed(names: Sequence[str]) -> str:
    shown = ("".join(letter if letter.isprintable() else "?" for letter in name[:24]) for name in names[:6])
    return ", ".join(shown) + (", ..." if len(names) > 6 else "")
