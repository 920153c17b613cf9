# SPDX-License-Identifier: Apache-2.0
"""Marker tables of the layouts of common detectors on the default body."""
