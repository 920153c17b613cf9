"""Evaluation of trained regressors."""
