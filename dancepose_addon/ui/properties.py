"""What a user sets in the sidebar, kept in the scene and so in the file."""

import bpy

from ..core.skeleton.layouts import LAYOUTS
from .preferences import DEVICES

LAYOUT_ITEMS = (
    ("AUTO", "As the file says", "Take the layout that the file's format or number of points gives"),
    *((layout.name, layout.title, f"{layout.count} key-points") for layout in LAYOUTS.values()),
)


class DANCEPOSE_PG_settings(bpy.types.PropertyGroup):
    """Settings of Import & Fit, and a line on its last result for the panel to show."""

    source: bpy.props.StringProperty(
        name="Motion",
        description="Skeleton file, or an M&D folder",
        subtype="FILE_PATH",
    )
    layout: bpy.props.EnumProperty(name="Layout", description="Meaning of the key-points", items=LAYOUT_ITEMS)
    regressor: bpy.props.StringProperty(
        name="Model",
        description="ONNX regressor; empty: the one shipped for the layout",
        subtype="FILE_PATH",
    )
    body: bpy.props.StringProperty(
        name="Body",
        description="SMPL-format body (.npz or .pkl); empty: the one of the preferences, or the one shipped",
        subtype="FILE_PATH",
    )
    device: bpy.props.EnumProperty(name="Device", description="What the regressor runs on", items=DEVICES)
    refine: bpy.props.BoolProperty(
        name="Refine",
        description="Draw the pose onto the key-points after the regressor",
        default=True,
    )
    adapt: bpy.props.BoolProperty(
        name="Adapt Points",
        description="Let the layout's points shift on this dancer's body by up to 4 cm, the same over the whole clip",
    )
    smooth: bpy.props.FloatProperty(
        name="Smooth",
        description="0: as measured. 1: take out the points' own noise, without lag and without blunting sharp moves",
        min=0.0,
        soft_max=3.0,
    )
    level: bpy.props.BoolProperty(
        name="Level Floor",
        description="Take out a drift of the recording's floor, where there is one",
        default=True,
    )
    foot_lock: bpy.props.BoolProperty(name="Lock Feet", description="Keep standing feet still and on the floor")
    result: bpy.props.StringProperty(name="Result", options={"HIDDEN"})
