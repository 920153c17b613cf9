# SPDX-License-Identifier: Apache-2.0
"""Estimation of betas and scale."""
