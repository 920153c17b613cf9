"""Estimation of betas and scale."""
