"""Rendering frames and encoding videos inside Blender."""
