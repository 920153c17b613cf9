"""The installed extension in a real Blender with a window, worked with the mouse, on a display in memory."""
