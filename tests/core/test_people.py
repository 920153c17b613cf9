# SPDX-License-Identifier: Apache-2.0
"""Two persons of one recording: read together, at their places, on one floor."""

from dataclasses import replace
from pathlib import Path
import pickle

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.people_file import load_people, save_people
from dancepose_addon.core.body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.io.people import count_persons, on_one_floor
from dancepose_addon.core.io.rotation_fit import use_rotations
from dancepose_addon.core.skeleton.readers import open_recording
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.fitting import fit_people

APART_M = 0.8
FRAMES = 40


def standing(side: float, *, lift_m: float = 0.0) -> BodyMotion:
    """A person of the default body who sways in place, ``side`` metres to the left of the middle."""
    body = load_body()
    time = np.linspace(0.0, 2.0, FRAMES)
    rotvec = np.zeros((FRAMES, 24, 3))
    rotvec[:, 0, 1] = 0.3 * np.sin(3.0 * time) + (np.pi / 2.0 if side > 0 else -np.pi / 2.0)
    rotvec[:, 16, 2], rotvec[:, 17, 2] = -1.1 + 0.2 * np.sin(5.0 * time), 1.1
    rotvec[:, 18, 1], rotvec[:, 19, 1] = -0.5 - 0.2 * np.sin(4.0 * time), 0.6
    lowest = float(body.v_template_m[:, 1].min())
    place = np.tile(np.float32([side, lift_m - lowest, 0.2]), (FRAMES, 1))
    return BodyMotion(rotvec_to_rotmat(rotvec).astype(np.float32), place, np.zeros(10, np.float32), 1.0, 20.0)


@pytest.fixture(scope="module")
def pair() -> list[BodyMotion]:
    return [standing(APART_M / 2.0), standing(-APART_M / 2.0)]


@pytest.fixture(scope="module")
def joints(pair: list[BodyMotion]) -> np.ndarray:
    """(T, 2, 24, 3), metres."""
    return np.stack([motion.joints(load_body()) for motion in pair], axis=1)


def apart_m(fits: list) -> float:
    """Mean distance of the two pelvises over the floor."""
    pelvis = [fit.motion.joints(load_body())[:, 0] for fit in fits]
    return float(np.linalg.norm((pelvis[0] - pelvis[1])[:, [0, 2]], axis=1).mean())


def test_persons_as_the_second_axis_are_fitted_at_their_places(joints: np.ndarray, tmp_path: Path) -> None:
    np.savez(tmp_path / "duet.npz", keypoints_m=joints, fps=20.0)
    assert count_persons(tmp_path / "duet.npz") == 2
    assert count_persons(tmp_path / "duet.npz", Hints().with_text("take=1")) == 1
    fits = fit_people(tmp_path / "duet.npz")
    assert [len(fit.motion) for fit in fits] == [FRAMES, FRAMES]
    assert apart_m(fits) == pytest.approx(APART_M, abs=0.02)
    for person, fit in enumerate(fits):
        away = np.linalg.norm(fit.motion.joints(load_body())[:, :22] - joints[:, person, :22], axis=-1)
        assert away.mean() < 0.03
        assert not any("take=N" in notice for notice in fit.report["notices"])


def test_a_person_that_was_chosen_is_no_guess(joints: np.ndarray, tmp_path: Path) -> None:
    np.savez(tmp_path / "duet.npz", keypoints_m=joints, fps=20.0)
    for text, confidence in (("", 0.8), ("take=0", 1.0), ("take=1", 1.0)):
        findings = open_recording(tmp_path / "duet.npz", Hints().with_text(text)).findings
        (found,) = [finding for finding in findings if finding.topic == "person"]
        assert (found.confidence, found.doubtful) == (confidence, confidence < 1.0)


def test_person1_and_person2_are_a_pair_and_other_names_are_not(pair: list[BodyMotion], tmp_path: Path) -> None:
    """InterHuman's tables; two clips under their own names are motions, of which one is read."""

    def table(motion: BodyMotion) -> dict[str, np.ndarray]:
        rotvec = rotmat_to_rotvec(motion.pose_rotmat).reshape(FRAMES, 72)
        return {"root_orient": rotvec[:, :3], "pose_body": rotvec[:, 3:66], "trans": motion.translation_m}

    people = {"person1": table(pair[0]), "person2": table(pair[1]), "mocap_framerate": 20.0}
    (tmp_path / "pair.pkl").write_bytes(pickle.dumps(people))
    fits = fit_people(tmp_path / "pair.pkl")
    assert len(fits) == 2
    assert apart_m(fits) == pytest.approx(APART_M, abs=0.02)
    clips = {"clip_walk": table(pair[0]), "clip_turn": table(pair[1]), "mocap_framerate": 20.0}
    (tmp_path / "clips.pkl").write_bytes(pickle.dumps(clips))
    assert count_persons(tmp_path / "clips.pkl") == 1


def test_poses_of_several_persons_in_one_array(pair: list[BodyMotion], tmp_path: Path) -> None:
    """AIOZ-GDance: smpl_poses (P, T, 72) and root_trans (P, T, 3)."""
    poses = np.stack([rotmat_to_rotvec(motion.pose_rotmat).reshape(FRAMES, 72) for motion in pair])
    trans = np.stack([motion.translation_m for motion in pair])
    np.savez(tmp_path / "group.npz", smpl_poses=poses, root_trans=trans, fps=20.0)
    fits = fit_people(tmp_path / "group.npz")
    assert len(fits) == 2
    assert apart_m(fits) == pytest.approx(APART_M, abs=0.02)


def test_who_is_lifted_stays_above_the_floor() -> None:
    body = load_body()
    fits = [use_rotations(standing(0.4), body), use_rotations(standing(-0.4), body)]
    fits[0].report["floor_m"], fits[1].report["floor_m"] = 0.1, 0.75  # the second was 0.65 m higher in the recording
    low, high = on_one_floor(fits)
    assert low is fits[0]
    raised = high.motion.translation_m - fits[1].motion.translation_m
    assert np.allclose(raised, [0.0, 0.65, 0.0], atol=1e-6)
    assert high.report["floor_m"] == pytest.approx(0.1)


def test_persons_of_different_lengths_have_no_common_time(pair: list[BodyMotion], tmp_path: Path) -> None:
    def table(motion: BodyMotion, frames: int) -> dict[str, np.ndarray]:
        rotvec = rotmat_to_rotvec(motion.pose_rotmat).reshape(FRAMES, 72)[:frames]
        trans = motion.translation_m[:frames]
        return {"root_orient": rotvec[:, :3], "pose_body": rotvec[:, 3:66], "trans": trans}

    people = {"person1": table(pair[0], 40), "person2": table(pair[1], 30), "mocap_framerate": 20.0}
    (tmp_path / "pair.pkl").write_bytes(pickle.dumps(people))
    with pytest.raises(InputError, match="30 to 40 frames"):
        fit_people(tmp_path / "pair.pkl")


def test_motions_of_a_pair_come_back_from_one_file(pair: list[BodyMotion], tmp_path: Path) -> None:
    save_people(pair, load_body(), tmp_path / "pair.npz")
    again = load_people(tmp_path / "pair.npz")
    assert len(again) == 2
    for motion, other in zip(pair, again, strict=True):
        assert np.abs(other.pose_rotmat - motion.pose_rotmat).max() < 2e-6
        assert np.abs(other.translation_m - motion.translation_m).max() < 1e-6
    first = BodyMotion.load(tmp_path / "pair.npz")  # who knows of one person finds the first
    assert np.array_equal(first.pose_rotmat, again[0].pose_rotmat)
    pair[0].save(tmp_path / "solo.npz", load_body())
    assert len(load_people(tmp_path / "solo.npz")) == 1


def test_one_person_is_a_list_of_one(pair: list[BodyMotion], tmp_path: Path) -> None:
    joints = replace(pair[0]).joints(load_body())
    np.savez(tmp_path / "solo.npz", keypoints_m=joints, fps=20.0)
    assert len(fit_people(tmp_path / "solo.npz")) == 1
