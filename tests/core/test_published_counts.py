# SPDX-License-Identifier: Apache-2.0
"""Skeletons without names have the numbers of points that were published; materials of faces; twist of forearms."""

import re
from types import SimpleNamespace
from typing import Final

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model_io import _surface
from dancepose_addon.core.errors import BodyFileError
from dancepose_addon.core.retarget.character_map import CharacterMap, TwistBone
from dancepose_addon.core.retarget.transfer import _spread_far
from dancepose_addon.core.skeleton import unnamed_skeletons
from dancepose_addon.core.skeleton.hand_points import hand_columns
from dancepose_addon.core.skeleton.unnamed_models import MODELS
from dancepose_addon.core.skeleton.unnamed_skeletons import UnnamedSkeleton

KNOWN = [value for value in vars(unnamed_skeletons).values() if isinstance(value, UnnamedSkeleton)]


@pytest.mark.parametrize("skeleton", KNOWN, ids=lambda skeleton: skeleton.title)
def test_points_are_as_many_as_the_title_says_and_differ(skeleton: UnnamedSkeleton) -> None:
    number = re.search(r"\((\d+)", skeleton.title)
    assert number is not None
    names = next(value for value in vars(skeleton).values() if isinstance(value, tuple))
    assert len(names) == len(set(names)) == int(number.group(1))


HANDS: Final = {"SOMA (77), Kimodo": 40, "Momentum Human Rig (127)": 30}
"""Points of hands where they are not all 42: SOMA has no wrists, MHR neither wrists nor tips."""
WITHOUT: Final = (14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 26, 28, 30, 33, 34, 38, 44, 45, 49, 54, 71)


@pytest.mark.parametrize("skeleton", [*KNOWN, *MODELS], ids=lambda skeleton: skeleton.title)
def test_points_of_hands_are_whole(skeleton: UnnamedSkeleton) -> None:
    columns = hand_columns(skeleton.names)
    if len(skeleton.names) in WITHOUT:
        assert columns is None
        return
    assert columns is not None
    assert (columns >= 0).sum() == HANDS.get(skeleton.title, 42)
    seen = columns[columns >= 0]
    assert len(set(seen.tolist())) == len(seen)


def arrays(material: list[int], names: tuple[str, ...] = ("top", "hair", "skin")) -> dict[str, np.ndarray]:
    rgba = np.full((len(names), 4), 0.5, np.float32)
    return {"face_material": np.array(material), "material_names": np.array(names), "material_rgba": rgba}


def test_materials_of_faces() -> None:
    found = _surface(arrays([0, 2, 1, 0]), 4, "it")
    assert found is not None
    assert found.face_material.tolist() == [0, 2, 1, 0]
    assert found.names == ("top", "hair", "skin")
    assert _surface({}, 4, "it") is None


@pytest.mark.parametrize("material", [[0, 3, 1, 0], [0, -1, 1, 0], [3, 3, 3, 3], [-1, 0, 0, 5]])
def test_numbers_of_no_material_are_refused(material: list[int]) -> None:
    with pytest.raises(BodyFileError, match="does not number its 3 material_names"):
        _surface(arrays(material), 4, "it")


def test_other_numbers_of_faces_are_refused() -> None:
    with pytest.raises(BodyFileError):
        _surface(arrays([0, 1, 2]), 4, "it")


@pytest.mark.parametrize("degrees", [0.0, 60.0, -45.0])
def test_the_twist_of_a_hand_is_spread_over_the_forearm(degrees: float) -> None:
    """Three bones of the forearm: a third and two thirds in the second and the third; twist bones by their places."""
    axis = np.array([1.0, 0.0, 0.0])
    forearm = Rotation.from_rotvec([0.2, 0.5, -0.3])
    twist = Rotation.from_rotvec(np.radians(degrees) * axis)
    turns = {part: np.tile(one.as_matrix(), (4, 1, 1)) for part, one in (("fore", forearm), ("hand", forearm * twist))}
    twists = (TwistBone(10, "fore", 0.75), TwistBone(11, "fore", 0.0), TwistBone(12, "other", 0.5))
    character = CharacterMap({"fore": (1, 2, 3)}, twists=twists)
    found: dict[int, np.ndarray] = {}
    _spread_far("fore", "hand", character, SimpleNamespace(limb={"fore": axis}), turns, found)
    assert sorted(found) == [2, 3, 10, 11]
    for bone, share in ((2, 1 / 3), (3, 2 / 3), (10, 0.75), (11, 0.5)):
        expected = (forearm * Rotation.from_rotvec(share * np.radians(degrees) * axis)).as_matrix()
        np.testing.assert_allclose(found[bone], np.tile(expected, (4, 1, 1)), atol=1e-6)


def test_a_forearm_of_one_bone_has_nothing_to_spread() -> None:
    found: dict[int, np.ndarray] = {}
    _spread_far("fore", "hand", CharacterMap({"fore": (1,)}), SimpleNamespace(limb={}), {}, found)
    assert found == {}
