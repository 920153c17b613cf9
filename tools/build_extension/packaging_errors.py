# SPDX-License-Identifier: Apache-2.0
"""Expected failures of packaging."""

from dancepose_addon.core.errors import DancePoseError


class PackagingError(DancePoseError):
    """The extension cannot be built here: a tool, a wheel or the network is missing, or Blender refuses the result."""
