"""What a user sets in the sidebar, kept in the file: for the next import in the scene, for a dancer in its armature."""

from typing import Any

import bpy

from ..blender.rig.dancer import dancer_of
from ..core.skeleton.layouts import LAYOUTS
from . import update_callbacks
from .preferences import DEVICES

LAYOUT_ITEMS = (
    ("AUTO", "As Found", "The layout that the file's format or number of points tells"),
    # Their titles have no room in the sidebar.
    *((layout.name, layout.name, layout.title) for layout in LAYOUTS.values()),
    ("FILE", "From a File", "A layout of your own, described in a .toml file"),
)
UNIT_ITEMS = (
    ("AUTO", "As Found", "What the body's height tells"),
    ("m", "Metres", ""),
    ("cm", "Centimetres", ""),
    ("mm", "Millimetres", ""),
    ("inch", "Inches", ""),
    ("ft", "Feet", ""),
)
UP_ITEMS = (
    ("AUTO", "As Found", "What the body tells: the head is above the feet"),
    *((axis, axis.upper(), f"The file's {axis} axis points up") for axis in ("x", "y", "z", "-x", "-y", "-z")),
)
MIRROR_ITEMS = (
    ("AUTO", "As Found", "What the body tells: toes point forward"),
    ("none", "Not Mirrored", ""),
    ("axes", "Axes Left-Handed", "The file's axes are left-handed"),
    ("names", "Sides Exchanged", "Left and right are exchanged in the file"),
)
VALUE_ITEMS = (
    ("AUTO", "As Found", "What the numbers tell"),
    ("positions", "Positions", "The numbers are places of points"),
    ("rotations", "Rotations", "The numbers are rotation vectors of SMPL's joints"),
)
IMPORT_ITEMS = (
    ("ADD", "Add", "Another dancer beside those there are"),
    ("REPLACE", "Replace", "The selected dancer takes the new motion; place and materials stay"),
)


def _betas_property(**more: Any) -> Any:
    return bpy.props.FloatVectorProperty(
        name="Betas",
        description="Betas of the body: they move its mesh and its joints together",
        size=10,
        soft_min=-3.0,
        soft_max=3.0,
        min=-10.0,
        max=10.0,
        **more,
    )


class DANCEPOSE_PG_settings(bpy.types.PropertyGroup):
    """Source, body and fit of one dancer; and lines on its last result for the panel to show."""

    source: bpy.props.StringProperty(
        name="Motion",
        description="Skeleton file, or an M&D folder",
        subtype="FILE_PATH",
        update=update_callbacks.on_source,
    )
    layout: bpy.props.EnumProperty(
        name="Layout", description="Meaning of the key-points", items=LAYOUT_ITEMS, update=update_callbacks.on_reading
    )
    layout_file: bpy.props.StringProperty(
        name="Layout File",
        description="A .toml file, as `dancepose layout` writes and checks",
        subtype="FILE_PATH",
        update=update_callbacks.on_reading,
    )
    fps: bpy.props.FloatProperty(
        name="Rate",
        description="Frames per second of the motion; 0: what the file says",
        min=0.0,
        soft_max=240.0,
        precision=2,
        update=update_callbacks.on_reading,
    )
    unit: bpy.props.EnumProperty(
        name="Unit", description="Length of one unit in the file", items=UNIT_ITEMS, update=update_callbacks.on_reading
    )
    up: bpy.props.EnumProperty(
        name="Up", description="Axis of the file that points up", items=UP_ITEMS, update=update_callbacks.on_reading
    )
    mirror: bpy.props.EnumProperty(
        name="Sides",
        description="Whether left and right are right",
        items=MIRROR_ITEMS,
        update=update_callbacks.on_reading,
    )
    values: bpy.props.EnumProperty(
        name="Values", description="What the file's numbers are", items=VALUE_ITEMS, update=update_callbacks.on_reading
    )
    take: bpy.props.IntProperty(
        name="Take", description="Which motion of a file that holds several", min=0, update=update_callbacks.on_reading
    )
    first: bpy.props.IntProperty(name="First Frame", description="First frame of the file that is used", min=0)
    last: bpy.props.IntProperty(
        name="Last Frame", description="Last frame of the file that is used; 0: to its end", min=0
    )
    audio: bpy.props.StringProperty(
        name="Music", description="Instead of the music that the file names", subtype="FILE_PATH"
    )
    audio_start: bpy.props.FloatProperty(
        name="Starts At", description="Second of the music at which the motion begins", min=0.0, subtype="TIME_ABSOLUTE"
    )
    on_import: bpy.props.EnumProperty(name="On Import", description="What a new motion becomes", items=IMPORT_ITEMS)
    found: bpy.props.StringProperty(name="Found", description="What was recognised", options={"HIDDEN"})

    body: bpy.props.StringProperty(
        name="Body",
        description="SMPL-format body (.npz or .pkl); empty: the one of the preferences, or the one shipped",
        subtype="FILE_PATH",
        update=update_callbacks.on_body,
    )
    body_found: bpy.props.StringProperty(options={"HIDDEN"})
    give_betas: bpy.props.BoolProperty(
        name="Given Shape",
        description="Fit with the shape below, instead of the one that the bones' lengths tell",
    )
    betas: _betas_property(update=update_callbacks.on_betas)
    shown_betas: _betas_property(
        get=update_callbacks.rounded_betas, set=update_callbacks.set_shown_betas, options=set()
    )
    height: bpy.props.FloatProperty(options={"HIDDEN"}, unit="LENGTH")
    correctives: bpy.props.BoolProperty(
        name="Pose Correctives",
        description="Bulging and folding as SMPL has them, exactly; without, joints look a little softer and playback "
        "is faster. Counts from the next import",
        default=True,
    )

    regressor: bpy.props.StringProperty(
        name="Regressor",
        description="ONNX regressor; empty: one of the preferences' folder, or the one shipped for the layout",
        subtype="FILE_PATH",
        update=update_callbacks.on_regressor,
    )
    regressor_found: bpy.props.StringProperty(options={"HIDDEN"})
    device: bpy.props.EnumProperty(
        name="Device", description="What the regressor runs on", items=DEVICES, update=update_callbacks.on_regressor
    )
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
    problem: bpy.props.StringProperty(name="Problem", options={"HIDDEN"})


STAGE_CAMERAS = (
    ("FRONT", "Whole Clip, Front", "Stands still and holds the whole dance, from where the dancers face"),
    ("SIDE", "Whole Clip, Side", "Stands still and holds the whole dance, from the dancers' left"),
    ("TOP", "Whole Clip, Top", "Looks down on the whole dance"),
    ("FOLLOW", "Follow", "Near enough for the dancers alone, carried along smoothly"),
    ("ORBIT", "Orbit", "Goes once round the dance"),
)
RENDER_ENGINES = (
    ("study", "Study (Cycles)", "Soft light and shadows: for raters"),
    ("preview", "Preview (Workbench)", "Plain shading, many times faster"),
)
RENDER_RANGES = (
    ("CLIP", "Whole Clip", "From the first key of any dancer to the last"),
    ("SCENE", "Scene Range", "The scene's start and end frame"),
)
RENDER_FORMS = (
    ("VIDEO", "Video (MP4)", "H.264 with AAC, which browsers play"),
    ("FRAMES", "PNG Frames", "A folder of numbered pictures"),
)
EXPORT_FORMATS = (
    (".npz", "AMASS (.npz)", "SMPL parameters, for other research code"),
    (".bvh", "BVH", "Skeleton and motion"),
    (".fbx", "FBX", "Rig, skin and motion"),
    (".glb", "glTF (.glb)", "Rig, skin and motion"),
    (".usdc", "USD", "Rig, skin and motion"),
    (".abc", "Alembic", "Moving vertices with exact correctives"),
    (".pc2", "Vertex Cache (.pc2)", "Moving vertices for this mesh, for programs that play PC2"),
)


class DANCEPOSE_PG_stage(bpy.types.PropertyGroup):
    """Stage, camera, render, export and overlays of a scene."""

    camera: bpy.props.EnumProperty(name="Camera", description="How the dance is looked at", items=STAGE_CAMERAS)
    floor: bpy.props.BoolProperty(name="Floor", description="A floor that bends up into a wall", default=True)
    light: bpy.props.FloatProperty(
        name="Light", description="Strength of all lights, against the usual", default=1.0, min=0.0, soft_max=3.0
    )
    background: bpy.props.FloatVectorProperty(
        name="Background",
        description="Colour of floor and wall",
        subtype="COLOR",
        size=3,
        min=0.0,
        max=1.0,
        default=(0.36, 0.365, 0.375),
    )
    transparent: bpy.props.BoolProperty(
        name="Transparent", description="No background but the shadow, where the engine can tell them apart"
    )

    engine: bpy.props.EnumProperty(name="Preset", description="How pictures are made", items=RENDER_ENGINES)
    width: bpy.props.IntProperty(
        name="Width", description="Of the picture, pixels, even", default=1280, min=16, soft_max=3840, step=200
    )
    height: bpy.props.IntProperty(
        name="Height", description="Of the picture, pixels, even", default=720, min=16, soft_max=2160, step=200
    )
    range: bpy.props.EnumProperty(name="Range", description="Which frames are rendered", items=RENDER_RANGES)
    form: bpy.props.EnumProperty(name="Output", description="What is written", items=RENDER_FORMS)
    with_audio: bpy.props.BoolProperty(
        name="Music", description="Of the dancer that is selected, or of the first one that has any", default=True
    )
    output: bpy.props.StringProperty(
        name="File", description="Video, or folder for PNG frames", subtype="FILE_PATH", default="//dance.mp4"
    )
    start_over: bpy.props.BoolProperty(
        name="Start Over",
        description="Render every frame again. Otherwise a run that was stopped goes on from its finished frames, "
        "unless dancers, stage, colours or picture were changed",
    )
    rendered: bpy.props.StringProperty(options={"HIDDEN"})

    export_format: bpy.props.EnumProperty(name="Format", description="What is written", items=EXPORT_FORMATS)

    show_points: bpy.props.BoolProperty(
        name="Key-Points",
        description="Draw the key-points over the body, green where it meets them and red where it does not",
        update=update_callbacks.on_overlay,
    )
    show_graph: bpy.props.BoolProperty(
        name="Error Graph",
        description="Draw the error over the clip at the foot of the view, with the worst frames",
        default=True,
        update=update_callbacks.on_overlay,
    )
    point_range: bpy.props.FloatProperty(
        name="Red At (mm)",
        description="Distance of a key-point from the body that is drawn fully red, millimetres",
        default=30.0,
        min=1.0,
        soft_max=200.0,
        precision=1,
        update=update_callbacks.on_overlay,
    )
    problem: bpy.props.StringProperty(options={"HIDDEN"})


def settings_in(context: bpy.types.Context) -> Any:
    """The settings that the sidebar shows: of the selected dancer or, where none is, of the next import."""
    dancer = active_dancer(context)
    return dancer.dancepose if dancer is not None else context.scene.dancepose


def active_dancer(context: bpy.types.Context) -> bpy.types.Object | None:
    """The dancer that is active, itself or by its body."""
    return dancer_of(context.view_layer.objects.active)


def copy_settings(source: Any, target: Any) -> None:
    """Copy every setting of one group to another of its kind, without any of them reacting."""
    with update_callbacks.quiet():
        for name in source.bl_rna.properties.keys():  # noqa: SIM118 (iterating gives the properties themselves)
            if name not in ("rna_type", "name"):
                setattr(target, name, getattr(source, name))
