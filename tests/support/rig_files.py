# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated rigs as armatures in Blender, and as files of characters with a skin.

python -m tests.support.rig_files FAMILY OUT.blend|OUT.glb|OUT.fbx
"""

import os
from pathlib import Path
import sys
from typing import Any

from tests.support.finger_rigs import WITH_FINGERS
from tests.support.rigs import FAMILIES, build_rig


def armature_of_rig(
    bpy: Any, name: str, body: Any, *, scale: tuple[float, float, float] | None = None, fingers: bool = False
) -> Any:
    """A generated rig as an armature in the scene, made in edit mode as a user makes it."""
    from mathutils import Matrix

    family, joints = (WITH_FINGERS[name], body.full.rest_joints()) if fingers else (FAMILIES[name], body.rest_joints())
    rig = build_rig(family, joints)
    data = bpy.data.armatures.new(name)
    thing = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(thing)
    thing.rotation_euler = Matrix(rig.world_rotmat.tolist()).to_euler()
    thing.scale = scale or (rig.world_scale,) * 3
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    length = 0.08 / rig.world_scale
    for bone, bone_name in enumerate(rig.names):
        new = data.edit_bones.new(bone_name)
        frame = rig.rotmat[bone]
        new.head, new.tail = rig.heads[bone].tolist(), (rig.heads[bone] + length * frame[:, 1]).tolist()
        new.align_roll(frame[:, 2].tolist())
        if rig.parents[bone] >= 0:
            new.parent = data.edit_bones[rig.names[rig.parents[bone]]]
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.update()
    return thing


def add_skin(bpy: Any, thing: Any) -> Any:
    """A cube of 8 cm at the head of every bone, skinned to it."""
    corners = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    half = 0.04 / thing.scale[0]
    vertices, faces, names = [], [], []
    for bone in thing.data.bones:
        start = len(vertices)
        vertices += [tuple(bone.head_local[axis] + half * corner[axis] for axis in range(3)) for corner in corners]
        faces += [tuple(start + index for index in side) for side in sides]
        names.append(bone.name)
    mesh = bpy.data.meshes.new("skin")
    mesh.from_pydata(vertices, [], faces)
    skin = bpy.data.objects.new("skin", mesh)
    bpy.context.collection.objects.link(skin)
    skin.parent = thing
    for number, name in enumerate(names):
        skin.vertex_groups.new(name=name).add(range(8 * number, 8 * number + 8), 1.0, "REPLACE")
    skin.modifiers.new("Armature", "ARMATURE").object = thing
    return skin


def add_picture(bpy: Any, skin: Any, path: Path) -> None:
    """A material with a picture, which is written to a file beside the character."""
    image = bpy.data.images.new("skin", 8, 8)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    material = bpy.data.materials.new("skin")
    material.use_nodes = True
    tree = material.node_tree
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.load(str(path))
    tree.links.new(node.outputs["Color"], tree.nodes["Principled BSDF"].inputs["Base Color"])
    skin.data.uv_layers.new()
    skin.data.materials.append(material)


def main(name: str, out: Path, picture: Path | None = None) -> None:
    """Write a character of a family to a file; its picture is that file, or beside a .gltf one of its name."""
    import bpy

    from dancepose_addon.core.body.model_io import load_body

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    thing = armature_of_rig(bpy, name, load_body())
    skin = add_skin(bpy, thing)
    if picture is not None:
        add_picture(bpy, skin, picture)
    if out.suffix == ".blend":
        bpy.data.libraries.write(str(out), set(bpy.context.scene.objects))
    elif out.suffix == ".fbx":
        bpy.ops.export_scene.fbx(filepath=str(out), add_leaf_bones=False)
    else:
        form = "GLTF_SEPARATE" if out.suffix == ".gltf" else "GLB"
        bpy.ops.export_scene.gltf(filepath=str(out), export_format=form)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)
