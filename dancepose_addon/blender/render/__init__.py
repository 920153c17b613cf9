# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering frames and encoding videos inside Blender."""
