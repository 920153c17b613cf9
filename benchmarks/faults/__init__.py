# SPDX-License-Identifier: Apache-2.0
"""Hostile files, clumsy calls, kills and full disks, with what has to become of each."""
