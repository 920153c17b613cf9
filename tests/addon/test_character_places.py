# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters with places that are no numbers, or with nothing to see, are refused before anything is computed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import InputError
from tests.support.rig_files import armature_of_rig


def skinned(bpy: Any, armature: Any, places: np.ndarray) -> Any:
    """A mesh with one vertex for each place, moved by the armature."""
    mesh = bpy.data.meshes.new("skin")
    mesh.from_pydata([(0.0, 0.0, 0.0)] * len(places), [], [])
    mesh.vertices.foreach_set("co", places.astype(np.float32).ravel())
    thing = bpy.data.objects.new("skin", mesh)
    bpy.context.scene.collection.objects.link(thing)
    thing.parent = armature
    thing.modifiers.new("armature", "ARMATURE").object = armature
    return thing


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e30])
def test_vertices_that_are_no_places_are_refused(blender: Any, body: Any, value: float) -> None:
    from dancepose_addon.blender.characters.rest_reader import rest_vertices

    armature = armature_of_rig(blender, "mixamo", body)
    places = np.random.default_rng(2).normal(size=(5, 3))
    np.testing.assert_allclose(rest_vertices(skinned(blender, armature, places))[:, :3], places, atol=1e-6)
    places[3, 1] = value
    with pytest.raises(InputError, match="vertices at places that are no numbers, or beyond"):
        rest_vertices(skinned(blender, armature, places))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_armature_that_is_nowhere_is_refused(blender: Any, body: Any, value: float) -> None:
    from dancepose_addon.blender.characters.rest_reader import read_rest_skeleton

    armature = armature_of_rig(blender, "mixamo", body)
    assert len(read_rest_skeleton(armature)) > 20
    armature.location.x = value
    blender.context.view_layer.update()
    with pytest.raises(InputError, match="place or a size that is no number"):
        read_rest_skeleton(armature)


def test_a_skin_at_one_place_is_refused(blender: Any, body: Any, tmp_path: Path) -> None:
    from dancepose_addon.blender.characters.character_file import import_character

    armature = armature_of_rig(blender, "mixamo", body)
    skinned(blender, armature, np.zeros((4, 3)))
    path = tmp_path / "flat.blend"
    blender.data.libraries.write(str(path), {blender.context.scene}, fake_user=True)
    before = len(blender.data.objects)
    with pytest.raises(InputError, match="all at one place"):
        import_character(path, scene=blender.context.scene)
    assert len(blender.data.objects) == before


@pytest.mark.parametrize(
    ("settings", "good"),
    [
        ([("SUBSURF", {"levels": 2, "render_levels": 2})], True),
        ([("SUBSURF", {"levels": 1, "render_levels": 11})], False),
        ([("SUBSURF", {"levels": 11, "render_levels": 1})], False),
        ([("ARRAY", {"count": 1000})], True),
        ([("ARRAY", {"count": 1000}), ("ARRAY", {"count": 1000}), ("ARRAY", {"count": 10})], False),
        ([("ARRAY", {"fit_type": "FIT_LENGTH"})] * 4, False),
        ([("SCREW", {"steps": 512, "render_steps": 512, "iterations": 10_000})], False),
        ([("MIRROR", {}), ("SOLIDIFY", {}), ("BEVEL", {"segments": 2})], True),
    ],
)
def test_modifiers_that_make_millions_of_faces_are_refused(
    blender: Any, body: Any, tmp_path: Path, settings: list[tuple[str, dict[str, Any]]], *, good: bool
) -> None:
    from dancepose_addon.blender.characters.character_file import import_character

    armature = armature_of_rig(blender, "mixamo", body)
    skin = skinned(blender, armature, np.random.default_rng(3).normal(size=(4, 3)))
    for number, (kind, values) in enumerate(settings):
        modifier = skin.modifiers.new(f"m{number}", kind)
        for name, value in values.items():
            setattr(modifier, name, value)
    path = tmp_path / "many.blend"
    blender.data.libraries.write(str(path), {blender.context.scene}, fake_user=True)
    before = len(blender.data.objects)
    if good:
        import_character(path, scene=blender.context.scene)
        return
    with pytest.raises(InputError, match="would make more than 4,000,000 faces"):
        import_character(path, scene=blender.context.scene)
    assert len(blender.data.objects) == before
