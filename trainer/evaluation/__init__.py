# SPDX-License-Identifier: Apache-2.0
"""Evaluation of regressors against recordings and known motion."""
