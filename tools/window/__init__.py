# SPDX-License-Identifier: Apache-2.0
"""The installed extension in a real Blender with a window, worked with the mouse, on a display in memory."""
