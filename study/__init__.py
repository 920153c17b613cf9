# SPDX-License-Identifier: Apache-2.0
"""Study renders: one file names systems and songs; all clips are planned, fitted, rendered, encoded and checked.

Nothing here imports bpy: Blender runs in separate processes (``dancepose.study.run.blender_worker``).
"""
