"""User interface of the extension: properties, operators, panels, preferences and overlays."""
