# SPDX-License-Identifier: GPL-3.0-or-later
"""Import of files that are dropped on the 3D viewport."""

import bpy

from ..core.skeleton.readers import MOTION_SUFFIXES
from .importing import DANCEPOSE_OT_import_motions

SUFFIXES = ";".join(sorted(MOTION_SUFFIXES))


class DANCEPOSE_FH_motions(bpy.types.FileHandler):
    """Imports one or several dropped skeleton motions."""

    bl_idname = "DANCEPOSE_FH_motions"
    bl_label = "Skeleton Motion (DancePose)"
    bl_import_operator = DANCEPOSE_OT_import_motions.bl_idname
    bl_file_extensions = SUFFIXES

    @classmethod
    def poll_drop(cls, context: bpy.types.Context | None) -> bool:
        """Return whether files may be dropped here."""
        return context is not None and context.area is not None and context.area.type == "VIEW_3D"
