# SPDX-License-Identifier: GPL-3.0-or-later
"""Floor, lights, camera and world of a scene."""
