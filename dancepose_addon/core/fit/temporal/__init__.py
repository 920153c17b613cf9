"""Preprocessing, gap filling and smoothing over time."""
