# SPDX-License-Identifier: Apache-2.0
"""The steps by which points without names are put on bones, each by hand or by core's kinematics."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

torch = pytest.importorskip("torch")

from dancepose.trainer.body.torch_smpl import torch_body
from dancepose.trainer.calibration.frame_fitting import (
    SKIN_SAMPLES,
    YAWS,
    Attachment,
    fit_to_frames,
    nearest_attachment,
    sample_body,
    scaled_to_body,
    unknowns_at,
    upright_frames,
)
from dancepose.trainer.calibration.guess_bones import (
    _different,
    _doubt,
    _local_spread,
    _neighbours,
    _rigid_pairs,
    _second,
    _stillest,
    _stretch,
    _voted,
    settle,
)
from dancepose.trainer.calibration.solve import CalibrationSettings
from dancepose.trainer.calibration.unknowns import HINGED, PoseUnknowns, Skin, points_of
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel, skin
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import MarkerSet, joint_markers, keypoints_from_pose

from .test_solve_parts import natural_poses


def attached(joints: list[int], rest: float = 0.0) -> Attachment:
    return Attachment(np.array(joints), np.full((len(joints), 3), rest, np.float32))


def test_points_are_scaled_by_their_height_and_put_on_the_floor(body: BodyModel) -> None:
    """Two metres high in nine frames of ten, which is 94 % of the body: points are not at the top of the head."""
    points = np.zeros((20, 4, 3), np.float32)
    points[:, 0, 1], points[:, 1, 1] = 7.0, 5.0
    points[:, 2:, 1] = 6.0
    points[:, :, 0], points[:, :, 2] = 3.0, -4.0
    points[0, 0, 1] = 30.0  # an outlier
    points[1, 1, 1] = np.nan  # a gap
    found = scaled_to_body(points, body)
    assert len(found) == 19
    assert found[1:, 0, 1] == pytest.approx(np.full(18, 0.94 * body.height_m), rel=1e-4)
    assert found[1:, 1, 1] == pytest.approx(np.zeros(18), abs=1e-5)
    assert found[..., [0, 2]] == pytest.approx(np.zeros((19, 4, 2)), abs=1e-5)
    with pytest.raises(InputError, match="Fewer than two frames"):
        scaled_to_body(points[:2], body)


def test_upright_frames_are_the_tallest_of_each_stretch() -> None:
    cloud = np.tile(np.float32([[-0.5, 0.0, 0.0], [0.5, 1.0, 0.0]]), (40, 1, 1))
    tallest = [3, 4, 9, 14, 17, 23, 24, 29, 34, 38]
    cloud[tallest, 1, 1] = 1.2
    assert upright_frames(cloud).tolist() == tallest
    cloud[5, :, 0] *= 3.0  # spread limbs count as height does
    assert upright_frames(cloud).tolist() == [3, 5, *tallest[2:]]
    assert upright_frames(cloud[:3]).tolist() == [0, 1, 2]


def test_samples_are_far_from_each_other(body: BodyModel) -> None:
    samples = sample_body(body)
    rest = samples.places.rest_m.numpy()
    assert rest.shape == (SKIN_SAMPLES + 24, 3)
    assert rest[SKIN_SAMPLES:] == pytest.approx(body.rest_joints())
    assert samples.joint[SKIN_SAMPLES:].tolist() == list(range(24))
    assert rest[0, 1] == body.v_template_m[:, 1].max()
    gaps = [np.linalg.norm(rest[:count] - rest[count], axis=1).min() for count in range(1, SKIN_SAMPLES)]
    assert (np.diff(gaps) <= 1e-6).all()
    for count, gap in ((1, gaps[0]), (40, gaps[39])):
        away = np.linalg.norm(body.v_template_m[:, None] - rest[None, :count], axis=2).min(axis=1)
        assert gap == pytest.approx(away.max(), rel=1e-5)
    vertex = {point.tobytes(): index for index, point in enumerate(body.v_template_m)}
    for point, joint in zip(rest[:SKIN_SAMPLES], samples.joint, strict=False):
        assert joint == body.weights[vertex[point.tobytes()]].argmax()


def test_fixed_positions_keep_their_weights() -> None:
    weights = np.eye(24, dtype=np.float32)[:2]
    weights[1, [1, 4]] = 0.25, 0.75
    rest = np.float32([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    found, shares = unknowns_at(rest, weights).symmetric()
    assert found.numpy() == pytest.approx(rest)
    assert shares.numpy() == pytest.approx(weights, abs=1e-6)


def poses_of(count: int, *, seed: int = 0) -> tuple[PoseUnknowns, np.ndarray, np.ndarray, float]:
    """Random poses with straight hinges: as unknowns, and as rotations, places and scale."""
    rng = np.random.default_rng(seed)
    turn = rng.normal(0.0, 0.4, (count, 24, 3)).astype(np.float32)
    turn[:, list(HINGED)] = 0.0
    turn[:, 0] = 0.0
    rotmat = Rotation.from_rotvec(turn.reshape(-1, 3)).as_matrix().reshape(count, 24, 3, 3).astype(np.float32)
    root = Rotation.from_rotvec(rng.normal(0.0, 1.0, (count, 3))).as_matrix().astype(np.float32)
    rotmat[:, 0] = root
    place, scale = rng.normal(0.0, 1.0, (count, 3)).astype(np.float32), 1.2
    poses = PoseUnknowns(
        torch.zeros(count, dtype=torch.int64), torch.from_numpy(root), torch.from_numpy(turn), torch.from_numpy(place),
        torch.log(torch.tensor([scale])), torch.zeros(1, 10),
    )  # fmt: skip
    return poses, rotmat, place, scale


@pytest.fixture(scope="module")
def carried(body: BodyModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bones and vertices of points that each move with one bone, and these points in 30 frames, by core."""
    owner, firm = body.weights.argmax(axis=1), body.weights.max(axis=1) > 0.98
    names = ("head", "left_shoulder", "right_hip", "left_wrist", "right_knee", "spine3")
    joints = np.array([JOINT_INDEX[name] for name in names for _ in range(2)])
    vertices = np.concatenate([np.flatnonzero((owner == joint) & firm)[[0, -1]] for joint in joints[::2]])
    _, rotmat, place, scale = poses_of(30)
    weights = np.zeros((24, 24), np.float32)
    weights[np.arange(12), joints] = 1.0
    weights[12:, 0] = 1.0
    offsets = np.zeros((24, 3), np.float32)
    offsets[:12] = body.v_template_m[vertices] - body.rest_joints()[joints]
    points = keypoints_from_pose(MarkerSet(SMPL24, weights, offsets), body.rest_joints(), rotmat)[:, :12]
    return joints, body.v_template_m[vertices], (scale * points + place[:, None]).astype(np.float32)


def test_points_are_attached_where_they_move_least(body: BodyModel, carried) -> None:
    joints, vertices, frames = carried
    poses, _, _, _ = poses_of(30)
    twin = torch_body(body, joint_markers(SMPL24))
    spread, middle = _local_spread(twin, poses, torch.from_numpy(frames))
    own = np.arange(12), joints
    assert spread[own] == pytest.approx(np.zeros(12), abs=1e-4)
    assert middle[own] == pytest.approx(vertices - body.rest_joints()[joints], abs=1e-4)
    assert np.delete(spread[0], [joints[0]]).min() > 0.01
    found = _stillest(twin, body, poses, torch.from_numpy(frames))
    assert found.joints.tolist() == joints.tolist()
    assert found.rest_m == pytest.approx(vertices, abs=1e-4)


def test_points_are_attached_to_the_nearest_sample(body: BodyModel) -> None:
    twin, samples = torch_body(body, joint_markers(SMPL24)), sample_body(body)
    poses, _, _, _ = poses_of(2, seed=5)
    one_each = PoseUnknowns(
        torch.arange(2), poses.root, poses.turn, poses.place, poses.log_scale.repeat(2), poses.betas.repeat(2, 1)
    )
    posed = points_of(twin, samples.places, one_each)
    for index in range(2):
        found = nearest_attachment(twin, samples, one_each, index, posed[index, [7, 100, 250]])
        assert found.joints.tolist() == samples.joint[[7, 100, 250]].tolist()
        assert found.rest_m == pytest.approx(samples.places.rest_m.numpy()[[7, 100, 250]])


def test_rigid_pairs_keep_their_distance() -> None:
    """Distances vary by 0, 11 and 13 mm: two pairs are rigid."""
    frames = np.zeros((4, 3, 3), np.float32)
    frames[:, 1, 0] = 0.5
    frames[:, 2, 1] = 2.0 + 0.011 * np.array([-1, 1, -1, 1])
    first, second, away = _rigid_pairs(frames)
    assert list(zip(first, second, strict=True)) == [(0, 1), (0, 2), (1, 2)]
    assert away == pytest.approx([0.5, 2.0, np.hypot(2.0, 0.5)], abs=1e-3)
    frames[:, 2, 1] = 2.0 + 0.013 * np.array([-1, 1, -1, 1])
    assert list(zip(*_rigid_pairs(frames)[:2], strict=True)) == [(0, 1)]


def test_stretch_is_the_mean_difference_of_distances() -> None:
    """Pairs of 0.5 and 1 m that are 0.6 and 3 m apart on the body; differences count up to 0.3 m."""
    attachment = Attachment(np.zeros(3, int), np.float32([[0, 0, 0], [0.6, 0, 0], [0, 3, 0]]))
    rigid = np.array([0, 0]), np.array([1, 2]), np.float32([0.5, 1.0])
    assert _stretch(attachment, rigid) == pytest.approx((0.1 + 0.3) / 2)
    assert _stretch(attachment, (rigid[0][:0], rigid[1][:0], rigid[2][:0])) == 0.0


def test_candidates_are_corrected_by_those_that_agree() -> None:
    """Votes are 1/3, 1/4, 1/5 and 1/6. The fourth agrees with half of the first, which is too little."""
    first, second = attached([0, 1, 2, 3], 1.0), attached([0, 1, 2, 4], 2.0)
    third, fourth = attached([0, 1, 2, 4], 3.0), attached([9, 9, 2, 3], 4.0)
    found = _voted([first, second, third, fourth])
    assert [each.joints.tolist() for each in found] == [[0, 1, 2, 4]] * 3 + [[9, 9, 2, 3]]
    all_three = (1 / 3 + 2 / 4 + 3 / 5) / (1 / 3 + 1 / 4 + 1 / 5)
    for point, rest in enumerate((all_three, all_three, all_three, (2 / 4 + 3 / 5) / (1 / 4 + 1 / 5))):
        assert found[0].rest_m[point] == pytest.approx(np.full(3, rest), rel=1e-5)
    assert found[3].rest_m == pytest.approx(np.full((4, 3), 4.0))


def test_candidates_that_differ() -> None:
    base = list(range(10))
    one, two, three = [90, *base[1:]], [90, 91, *base[2:]], [90, 91, 92, *base[3:]]
    candidates = [attached(joints) for joints in (base, one, two, three, [9] * 10)]
    assert [each.joints.tolist() for each in _different(candidates, 5)] == [base, three, [9] * 10]
    assert len(_different(candidates, 2)) == 2
    assert len(_different(candidates, 1)) == 1


def test_neighbours_are_parent_and_children() -> None:
    assert _neighbours(0) == [1, 2, 3]
    assert _neighbours(1) == [4, 0]
    assert _neighbours(22) == [20]


def test_second_bone_and_doubt() -> None:
    """A knee's point: 1 cm, its hip 1.9 cm, its ankle 3 cm, all others 4 cm; then the hip 2 cm, twice as much."""
    knee, hip, ankle = (JOINT_INDEX[f"left_{name}"] for name in ("knee", "hip", "ankle"))
    spread = np.full((2, 24), 0.04, np.float32)
    spread[:, knee], spread[:, ankle] = 0.01, 0.03
    spread[0, hip], spread[1, hip] = 0.019, 0.0201
    spread[1, JOINT_INDEX["head"]] = 0.02
    joints = np.array([knee, knee])
    assert _second(spread, joints).tolist() == [hip, knee]
    assert _doubt(spread, joints) == pytest.approx([0.25, 0.5])


def test_distances_from_the_skin(body: BodyModel) -> None:
    """Along the normal near the skin, to the nearest vertex from 15 mm on, negative inside."""
    normals = np.zeros(body.v_template_m.shape)
    for face in body.faces:
        a, b, c = body.v_template_m[face].astype(float)
        normals[face] += np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    chosen = np.arange(0, len(normals), 97)
    skin = Skin(body)
    for step in (0.004, -0.004, 0.3, 1.5):
        points = (body.v_template_m[chosen] + step * normals[chosen]).astype(np.float32)
        points[:, 0] += 0.002
        away = np.linalg.norm(points[:, None] - body.v_template_m[None], axis=2)
        nearest, least = away.argmin(axis=1), away.min(axis=1)
        along = ((points - body.v_template_m[nearest]) * normals[nearest]).sum(axis=1)
        expected = np.where(least < 0.015, along, np.sign(along) * least)
        assert skin.distance(torch.from_numpy(points)).numpy() == pytest.approx(expected, abs=2e-5)
        found = skin.nearest(torch.from_numpy(points)).numpy()
        assert np.linalg.norm(points - found, axis=1) == pytest.approx(least, abs=1e-4)


BONES = (
    "head", "spine3", "pelvis", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow",
    "right_wrist", "left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle",
)  # fmt: skip


@pytest.fixture(scope="module")
def on_bones(body: BodyModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bones, places on the mean body, and 12 natural frames of 30 points, two on the skin of each bone."""
    owner, firm = body.weights.argmax(axis=1), body.weights.max(axis=1) > 0.9
    joints = np.array([JOINT_INDEX[name] for name in BONES for _ in range(2)])
    vertices = np.concatenate([np.flatnonzero((owner == joint) & firm)[[0, -1]] for joint in joints[::2]])
    rotmat, place = natural_poses(12)
    points = skin(body, rotmat, translation_m=place, vertices=vertices)
    assert points is not None
    return joints, body.v_template_m[vertices], points.astype(np.float32)


def test_a_point_on_the_wrong_bone_is_moved_to_its_own(body: BodyModel, on_bones) -> None:
    joints, rest, frames = on_bones
    twin, start = torch_body(body, joint_markers(SMPL24)), joints.copy()
    wrist, elbow = JOINT_INDEX["left_wrist"], JOINT_INDEX["left_elbow"]
    start[np.flatnonzero(joints == wrist)[0]] = elbow
    settings = CalibrationSettings(steps=60, pose_weight=0.3, shape_weight=0.3)
    heard: list[float] = []
    loss, solved, found = settle(
        twin, Skin(body), body, Attachment(start, rest), torch.from_numpy(frames), settings, rounds=2,
        progress=lambda share, _message: heard.append(share),
    )  # fmt: skip
    assert (found.joints == joints).mean() > 0.9
    assert found.joints[np.flatnonzero(joints == wrist)[0]] in (wrist, JOINT_INDEX["left_hand"])
    assert np.linalg.norm(found.rest_m - rest, axis=1).mean() < 0.03
    assert solved.error_m.shape == (12, 30)
    assert solved.error_m.mean() < 0.02
    # The points' term of the loss is at least the distances beyond ERROR_ROUND_M, in units of the noise.
    assert loss > 30 * max(0.0, float(solved.error_m.mean()) - 0.006) / 0.005
    assert heard == sorted(heard)
    assert heard[0] == 0.0
    assert heard[3] == 0.5


def test_the_body_is_laid_into_a_frame_from_all_headings(body: BodyModel, on_bones) -> None:
    """Of twelve headings the one that is near the true one fits best."""
    _, _, frames = on_bones
    twin, samples = torch_body(body, joint_markers(SMPL24)), sample_body(body)
    steps: list[float] = []
    fitted, loss = fit_to_frames(
        twin, samples, torch.from_numpy(frames[:1]), progress=lambda share, _message: steps.append(share)
    )
    assert loss.shape == (YAWS,)
    assert len(fitted.place) == YAWS
    assert steps == [0.0, 0.2, 0.4, 0.6, 0.8]
    yaw = np.arctan2(fitted.root[:, 0, 2].numpy(), fitted.root[:, 0, 0].numpy())
    assert np.diff(np.unwrap(yaw)) == pytest.approx(np.full(YAWS - 1, 2.0 * np.pi / YAWS), abs=1e-5)
    best = int(loss.argmin())
    truth = float(np.arctan2(*natural_poses(12)[0][0, 0, [0, 0], [2, 0]]))
    assert abs((yaw[best] - truth + np.pi) % (2.0 * np.pi) - np.pi) < np.radians(50.0)
    posed = points_of(twin, samples.places, replace(fitted, clip=torch.arange(YAWS)))[best]
    away = torch.cdist(torch.from_numpy(frames[0]), posed).min(dim=1).values
    assert away.mean() < 0.06
    assert abs(float(fitted.log_scale[best])) < 0.15
