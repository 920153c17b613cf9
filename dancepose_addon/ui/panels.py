"""3D View > Sidebar > DancePose."""

import bpy

from .operators import DANCEPOSE_OT_import_fit


class DANCEPOSE_PT_main(bpy.types.Panel):
    """Import & Fit with its settings."""

    bl_idname = "DANCEPOSE_PT_main"
    bl_label = "DancePose"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "DancePose"

    def draw(self, context: bpy.types.Context) -> None:
        """Blender calls this to draw the panel."""
        settings = context.scene.dancepose
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in (
            "source",
            "layout",
            "regressor",
            "body",
            "device",
            "refine",
            "adapt",
            "smooth",
            "level",
            "foot_lock",
        ):
            layout.prop(settings, name)
        layout.operator(DANCEPOSE_OT_import_fit.bl_idname, icon="ARMATURE_DATA")
        if settings.result:
            layout.label(text=settings.result)
