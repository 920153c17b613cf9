# SPDX-License-Identifier: Apache-2.0
"""Preprocessing, gap filling and smoothing over time."""
