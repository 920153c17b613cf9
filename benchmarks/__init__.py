# SPDX-License-Identifier: Apache-2.0
"""Measurements behind the published figures: ``python -m benchmarks.<name>``."""
