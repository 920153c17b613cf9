"""Checks before a study and reports after it."""
