# SPDX-License-Identifier: Apache-2.0
"""Estimation of marker tables from recordings."""
