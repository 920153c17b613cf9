# SPDX-License-Identifier: Apache-2.0
"""Checks before a study and reports after it."""
