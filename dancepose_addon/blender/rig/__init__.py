# SPDX-License-Identifier: GPL-3.0-or-later
"""Armature, mesh, F-curves and stored records of one dancer."""
