"""Estimation of marker tables from recordings."""
