# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters of the user: import, and an action that makes them dance."""
