"""``python -m tools.build_markers``: write the marker tables of coco17, body25 and h36m17.

Limb points are joint centres, as those layouts mean them. Points of face and feet are points of the skin, found by
what they are (the foremost point of the face, the rearmost of a heel), and ride on the bones that move the skin there,
as MoSh's markers do.
"""

import argparse
import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.keypoints import MarkerSet
from dancepose_addon.core.body.model import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.skeleton.layouts import BODY25, COCO17, H36M17, Layout

OUT: Final = Path(__file__).parents[2] / "dancepose_addon" / "assets" / "markers"
LEAST_SHARE: Final = 0.1
"""Of a bone in moving a point of the skin; smaller ones are dropped."""
ON_MIDDLE_M: Final = 0.006
BALL_Z_M: Final = 0.12
"""In front of this the foot is toes."""
F32 = NDArray[np.float32]
Place = tuple[F32, F32]
"""Weights of the bones (24,) and the point in the T-pose (3,), metres."""


def places(body: BodyModel) -> dict[str, Place]:
    """Every point by its name; what is missing here is a joint of SMPL by the same name."""
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
    return found


def marker_set(layout: Layout, body: BodyModel) -> MarkerSet:
    """The table of one layout."""
    known, joints = places(body), body.rest_joints()
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
    """Write the tables."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_markers", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write")
    folder: Path = parser.parse_args().out
    body = load_body()
    for layout in (COCO17, BODY25, H36M17):
        with replacing(folder / f"{layout.name}.json") as temporary:
            temporary.write_text(json.dumps(marker_set(layout, body).to_json(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
