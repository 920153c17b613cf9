"""What Blender shows: properties, operators, panels, preferences. Each reads, calls one function, and reports."""
