# SPDX-License-Identifier: GPL-3.0-or-later
"""Another look or figure for a dancer that is already in the scene."""

import bpy
import numpy as np

from ...core.body.model import BodyModel
from ...core.stage_design import PLAIN_RGBA
from ..data_blocks import remove_unused
from ..materials import set_colour
from ..narrowing import mesh_of
from .dancer import FIGURE, SKIN, body_with_bones, read_record, skin_of
from .mesh import create_body_mesh


def redress(armature: bpy.types.Object, body: BodyModel) -> bool:
    """Give a dancer the look of a body.

    Colours alone are changed in place. Another surface is built as a new mesh object, which takes the old one's place;
    changes that were made to the old mesh are lost.

    Args:
        armature: Armature of the dancer.
        body: The dancer's body, dressed by ``core.body.looks.dressed``.

    Returns:
        Whether a new mesh was built.

    Raises:
        InputError: If the mesh was deleted.
    """
    skin = skin_of(armature)
    figure = body.shown.figure
    surface = body.shown.surface
    shades = [PLAIN_RGBA] if surface is None else surface.rgba.tolist()
    materials = mesh_of(skin).materials
    if armature.get(FIGURE, "") == figure and len(materials) >= len(shades):
        for number, material in enumerate(materials):
            if material is not None:
                red, green, blue, _ = shades[min(number, len(shades) - 1)]
                set_colour(material, (red, green, blue))
        return False
    armature[FIGURE] = figure
    shown = body_with_bones(body, armature)
    record = read_record(armature)
    made = create_body_mesh(
        skin.name,
        shown,
        betas=np.array(record.betas, np.float32),
        scale=record.scale,
        armature=armature,
        collection=skin.users_collection[0],
        correctives=mesh_of(skin).shape_keys is not None,
    )
    armature[SKIN] = made
    name, data = skin.name, mesh_of(skin)
    old = [material for material in data.materials if material is not None]
    bpy.data.objects.remove(skin)
    remove_unused([data, *old])
    made.name = name
    return True
