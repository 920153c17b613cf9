"""Study renders: one file names systems and songs; all is planned, fitted, rendered, encoded and checked from it.

Imports no bpy: Blender runs in processes of its own (``dancepose.study.run.blender_worker``).
"""
