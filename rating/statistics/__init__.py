# SPDX-License-Identifier: Apache-2.0
"""Estimators, intervals and comparisons of ratings; NumPy and SciPy only."""
