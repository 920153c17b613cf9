"""Measurements behind the published figures: ``python -m benchmarks.<name>``."""
