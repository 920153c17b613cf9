"""Blender without its user interface: rig, animation, stage and rendering.

Every function is handed the scene, collection or object it works on. SMPL's world is y up, Blender's is z up: the
armature object carries the quarter turn between them (``armature.TO_BLENDER``), and everything under it stays in
SMPL's axes, so that a pose bone's quaternion is SMPL's local rotation and its location SMPL's translation.
"""
