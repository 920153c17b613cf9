# SPDX-License-Identifier: GPL-3.0-or-later
"""User interface of the extension: properties, operators, panels, preferences and overlays."""
