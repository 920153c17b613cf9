# SPDX-License-Identifier: Apache-2.0
"""``python -m tools.build_markers``: write the marker tables of every layout whose points are known by name.

Limb points are joint centres, as those layouts define them. Points of face and feet are points on the skin, found by
their definition (the foremost point of the face, the rearmost of a heel), and attached to the bones that move the skin
there, as MoSh's markers are. Fingers are the body's own, straight: their joints are on lines to the finger tips.
"""

import argparse
import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.skeleton.layout_tables_more import FINGERS
from dancepose_addon.core.skeleton.layouts import (
    AZURE32,
    BODY25,
    COCO17,
    H36M17,
    KINECT25,
    SMPLH52,
    SMPLX55,
    Layout,
)
from dancepose_addon.core.skeleton.markers import MarkerSet

OUT: Final = Path(__file__).parents[2] / "dancepose_addon" / "assets" / "markers"
LEAST_SHARE: Final = 0.1
"""Smallest weight of a bone at a point of the skin; smaller ones are dropped."""
ON_MIDDLE_M: Final = 0.006
BALL_Z_M: Final = 0.12
"""Vertices of a foot in front of this are toes, metres."""
FINGER_FROM_M: Final = 0.135
"""Distance from the wrist beyond which the mesh's fingers are separate, metres."""
FINGER_LENGTH: Final = {"index": 0.49, "middle": 0.52, "ring": 0.49, "pinky": 0.40}
"""Length from knuckle to tip, relative to the length from wrist to middle tip; adult hands differ by a few per cent."""
FINGER_JOINTS: Final = (0.0, 0.46, 0.74)
THUMB_JOINTS: Final = (0.22, 0.5, 0.76)
"""Positions between knuckle and tip; of the thumb between wrist and tip."""
Place = tuple[F32, F32]
"""Weights of the bones (24,) and position in the T-pose (3,), metres."""


def places(body: BodyModel) -> dict[str, Place]:
    """Return every point by name; what is missing is a joint of SMPL of the same name."""
    joints = dict(zip(JOINT_NAMES, body.rest_joints(), strict=True))
    found: dict[str, Place] = {
        "neck": _rigid("spine3", (joints["left_shoulder"] + joints["right_shoulder"]) / 2),
        "mid_hip": _rigid("pelvis", (joints["left_hip"] + joints["right_hip"]) / 2),
        "spine": _rigid("spine1", (joints["spine1"] + joints["spine2"]) / 2),
    }
    found["thorax"], found["hip"] = found["neck"], found["mid_hip"]
    head = body.weights[:, JOINT_INDEX["head"]] > 0.5
    at = body.v_template_m
    middle = head & (np.abs(at[:, 0]) < ON_MIDDLE_M)
    found["nose"] = _rigid("head", at[_most(middle, at[:, 2])])
    found["head_top"] = _rigid("head", at[_most(middle, at[:, 1])])
    found["neck_nose"] = _rigid("head", (found["nose"][1] + joints["head"]) / 2)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        found[f"{side}_eye"] = _rigid("head", at[_pupil(body, sign)].mean(axis=0))
        found[f"{side}_ear"] = _rigid("head", at[_most(head, sign * at[:, 0])])
        foot = body.weights[:, [JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]]].sum(axis=1) > 0.5
        found[f"{side}_heel"] = _on_skin(body, _most(foot, -at[:, 2]))
        found[f"{side}_big_toe"] = _on_skin(body, _most(foot, at[:, 2]))
        found[f"{side}_small_toe"] = _on_skin(body, _most(foot & (at[:, 2] > BALL_Z_M), sign * at[:, 0]))
        found |= _hand(body, side, sign)
    return found


def places_of_trunk(body: BodyModel) -> dict[str, Place]:
    """Return points whose names depth cameras and SMPL-X use for other positions than other layouts."""
    joints = dict(zip(JOINT_NAMES, body.rest_joints(), strict=True))
    head = body.weights[:, JOINT_INDEX["head"]] > 0.5
    ears = places(body)["left_ear"][1] * [0.0, 1.0, 1.0]
    return {
        "spine_base": _rigid("pelvis", joints["pelvis"]),
        "spine_mid": _rigid("spine2", joints["spine2"]),
        "spine_shoulder": _rigid("spine3", (joints["left_shoulder"] + joints["right_shoulder"]) / 2),
        "spine_navel": _rigid("spine1", (joints["spine1"] + joints["spine2"]) / 2),
        "spine_chest": _rigid("spine3", joints["spine3"]),
        "neck": _rigid("neck", joints["neck"]),
        "head": _rigid("head", body.v_template_m[head].mean(axis=0) * [0.0, 1.0, 1.0]),
        "left_clavicle": _rigid("left_collar", joints["left_collar"]),
        "right_clavicle": _rigid("right_collar", joints["right_collar"]),
        "jaw": _rigid("head", ears + np.array([0.0, -0.03, 0.02])),
    }


def _hand(body: BodyModel, side: str, sign: float) -> dict[str, Place]:
    """Return finger joints and tips of one hand, from the tips of the mesh's fingers."""
    at, joints = body.v_template_m, body.rest_joints()
    wrist = joints[JOINT_INDEX[f"{side}_wrist"]]
    hand = body.weights[:, [JOINT_INDEX[f"{side}_wrist"], JOINT_INDEX[f"{side}_hand"]]].sum(axis=1) > 0.5
    # From the index at the front to the little finger at the back.
    pieces = _pieces(body, hand & (sign * (at[:, 0] - wrist[0]) > FINGER_FROM_M))
    pieces.sort(key=lambda piece: -float(at[piece, 2].mean()))
    tips = {
        finger: at[piece[np.argmax(sign * at[piece, 0])]]
        for finger, piece in zip(("index", "middle", "ring", "pinky"), pieces, strict=True)
    }
    tips["thumb"] = at[_most(hand, at[:, 2])]
    length = float(np.linalg.norm(tips["middle"] - wrist))
    found = {
        f"{side}_hand_tip": _rigid(f"{side}_hand", tips["middle"]),
        f"{side}_thumb": _rigid(f"{side}_wrist", tips["thumb"]),
    }
    for finger in FINGERS:
        tip, shares, start = tips[finger], FINGER_JOINTS, wrist
        if finger == "thumb":
            shares = THUMB_JOINTS
        else:
            along = (tip - wrist) / np.linalg.norm(tip - wrist)
            start = tip - along * FINGER_LENGTH[finger] * length
        for number, share in enumerate(shares, start=1):
            bone = f"{side}_wrist" if finger == "thumb" and number == 1 else f"{side}_hand"
            found[f"{side}_{finger}{number}"] = _rigid(bone, (start + share * (tip - start)).astype(np.float32))
    return found


def _pieces(body: BodyModel, chosen: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Return the connected components of the chosen vertices, without the smallest ones."""
    label = np.where(chosen, np.arange(len(chosen)), -1)
    faces = body.faces[chosen[body.faces].any(axis=1)]
    for _ in range(len(label)):
        values = np.where(label[faces] < 0, len(label), label[faces])
        lowest = np.repeat(values.min(axis=1), 3)
        grown = label.copy()
        inside = chosen[faces.ravel()]
        np.minimum.at(grown, faces.ravel()[inside], lowest[inside])
        if np.array_equal(grown, label):
            break
        label = grown
    names, counts = np.unique(label[chosen], return_counts=True)
    return [np.flatnonzero(label == name) for name in names[counts > 40]]


def marker_set(layout: Layout, body: BodyModel) -> MarkerSet:
    """Return the marker table of one layout."""
    known, joints = places(body), body.rest_joints()
    if layout in (KINECT25, AZURE32, SMPLX55):
        known |= places_of_trunk(body)
    if layout in (SMPLH52, SMPLX55):
        known = {name: place for name, place in known.items() if name not in JOINT_INDEX}
    rows = [known.get(name) or _rigid(name, joints[JOINT_INDEX[name]]) for name in layout.keypoints]
    weights = np.stack([row[0] for row in rows])
    offsets = np.stack([row[1] for row in rows]) - weights @ joints
    return MarkerSet(
        layout, weights, offsets.astype(np.float32), body.fingerprint, "python -m tools.build_markers: by geometry"
    )


def _rigid(bone: str, point_m: F32) -> Place:
    return np.eye(JOINT_COUNT, dtype=np.float32)[JOINT_INDEX[bone]], point_m


def _on_skin(body: BodyModel, vertex: int) -> Place:
    weights = np.where(body.weights[vertex] >= LEAST_SHARE, body.weights[vertex], 0.0)
    return (weights / weights.sum()).astype(np.float32), body.v_template_m[vertex]


def _most(chosen: NDArray[np.bool_], height: F32) -> int:
    return int(np.argmax(np.where(chosen, height, -np.inf)))


def _pupil(body: BodyModel, sign: float) -> NDArray[np.intp]:
    if body.surface is None:
        raise ValueError("the default body has materials")
    faces = body.faces[body.surface.face_material == body.surface.names.index("pupil")]
    vertices = np.unique(faces)
    return vertices[sign * body.v_template_m[vertices, 0] > 0]


def main() -> None:
    """Write the marker tables."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_markers", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write")
    folder: Path = parser.parse_args().out
    body = load_body()
    for layout in (COCO17, BODY25, H36M17, KINECT25, AZURE32, SMPLH52, SMPLX55):
        with replacing(folder / f"{layout.name}.json") as temporary:
            temporary.write_text(json.dumps(marker_set(layout, body).to_json(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
