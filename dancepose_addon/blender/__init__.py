# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender without its user interface: rig, animation, stage and rendering.

Every function receives the scene, collection or object it works on. SMPL's world is y up and Blender's is z up. The
armature object carries the quarter turn between them (``armature.TO_BLENDER``), and everything below it keeps SMPL's
axes, so that a pose bone's quaternion is SMPL's local rotation and its location is SMPL's translation.
"""
