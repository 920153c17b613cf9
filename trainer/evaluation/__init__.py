"""Evaluation of regressors against recordings and known motion."""
