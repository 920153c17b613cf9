"""Marker tables of the layouts of common detectors on the default body."""
