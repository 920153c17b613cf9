# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the sidebar, saved in the .blend file: in the scene for the next import, in each dancer's armature."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, cast

import bpy

from ..blender.narrowing import scene_of, view_layer_of
from ..blender.rig.dancer import dancer_of
from ..core.skeleton.layouts import LAYOUTS
from . import update_callbacks
from .body_choices import BODY_FIGURES, BODY_LOOKS
from .preferences import DEVICES

LAYOUT_ITEMS = (
    ("AUTO", "Automatic", "Detect the layout from the file's format, names or number of points"),
    # The sidebar has no room for their titles.
    *((layout.name, layout.name, layout.title) for layout in LAYOUTS.values()),
    ("FILE", "From File", "Your own layout, described in a .toml file"),
)
UNIT_ITEMS = (
    ("AUTO", "Automatic", "Detect the unit from the height of the body"),
    ("m", "Metres", ""),
    ("cm", "Centimetres", ""),
    ("mm", "Millimetres", ""),
    ("inch", "Inches", ""),
    ("ft", "Feet", ""),
)
UP_ITEMS = (
    ("AUTO", "Automatic", "Detect the axis from the body: the head is above the feet"),
    *((axis, axis.upper(), f"The {axis} axis of the file points up") for axis in ("x", "y", "z", "-x", "-y", "-z")),
)
MIRROR_ITEMS = (
    ("AUTO", "Automatic", "Detect it from the body: toes point forward"),
    ("none", "Not Mirrored", ""),
    ("axes", "Left-Handed Axes", "The file has left-handed axes"),
    ("names", "Sides Swapped", "Left and right are swapped in the file"),
)
VALUE_ITEMS = (
    ("AUTO", "Automatic", "Detect it from the numbers"),
    ("positions", "Positions", "The numbers are positions of points"),
    ("rotations", "Rotations", "The numbers are rotation vectors of SMPL's joints"),
)
STYLE_ITEMS = (
    ("AUTO", "Automatic", "Convention of the regressor's training data, or AIST++ if it names none"),
    ("AIST", "AIST++", "Bodies fitted to keypoints, and the output of music-to-dance models"),
    ("MOSH", "AMASS", "Bodies fitted to markers by MoSh"),
    ("REGRESSOR", "Regressor", "Output of the regressor, unchanged"),
)
IMPORT_ITEMS = (
    ("ADD", "Add", "Add another dancer"),
    ("REPLACE", "Replace", "Give the new motion to the selected dancer; placement and materials are kept"),
)


NO_DANCER = "No dancer is selected. Select the body or the bones of one."


class _HasSettings(Protocol):
    """A scene or an object with the registered property."""

    dancepose: "DANCEPOSE_PG_settings"


class _HasStage(Protocol):
    """A scene with the registered property."""

    dancepose_stage: "DANCEPOSE_PG_stage"


def _betas_property(**options: Any) -> Any:
    return bpy.props.FloatVectorProperty(
        name="Betas",
        description="Shape coefficients of the body: they change its mesh and its joints together",
        size=update_callbacks.BETA_COUNT,
        soft_min=-3.0,
        soft_max=3.0,
        min=-10.0,
        max=10.0,
        **options,
    )


class DANCEPOSE_PG_settings(bpy.types.PropertyGroup):
    """Source, body and fit of one dancer, and texts on the last result for the panels."""

    source: bpy.props.StringProperty(
        name="Motion",
        description="Skeleton file, or an M&D folder",
        subtype="FILE_PATH",
        update=update_callbacks.on_source,
    )
    layout: bpy.props.EnumProperty(
        name="Layout",
        description="Meaning of the keypoints",
        items=LAYOUT_ITEMS,
        update=update_callbacks.on_reading,
    )
    layout_file: bpy.props.StringProperty(
        name="Layout File",
        description="A .toml file as written by `dancepose layout template`",
        subtype="FILE_PATH",
        update=update_callbacks.on_reading,
    )
    fps: bpy.props.FloatProperty(
        name="Rate",
        description="Frames per second of the motion. 0: as the file says",
        min=0.0,
        soft_max=240.0,
        precision=2,
        update=update_callbacks.on_reading,
    )
    unit: bpy.props.EnumProperty(
        name="Unit", description="Unit of length in the file", items=UNIT_ITEMS, update=update_callbacks.on_reading
    )
    up: bpy.props.EnumProperty(
        name="Up", description="Axis of the file that points up", items=UP_ITEMS, update=update_callbacks.on_reading
    )
    mirror: bpy.props.EnumProperty(
        name="Sides",
        description="Whether left and right are correct in the file",
        items=MIRROR_ITEMS,
        update=update_callbacks.on_reading,
    )
    values: bpy.props.EnumProperty(
        name="Values",
        description="Meaning of the numbers in the file",
        items=VALUE_ITEMS,
        update=update_callbacks.on_reading,
    )
    take: bpy.props.IntProperty(
        name="Take",
        description="Motion to use from a file that holds several, counted from 0",
        min=0,
        update=update_callbacks.on_reading,
    )
    everyone: bpy.props.BoolProperty(
        name="All Persons",
        description="Import every person that the file shows, at their places, instead of the one of Take",
        default=True,
    )
    accept_doubt: bpy.props.BoolProperty(
        name="Accept Guesses",
        description="Continue although the file can only be read by guessing",
        update=update_callbacks.on_reading,
    )
    first: bpy.props.IntProperty(name="First Frame", description="First frame of the file to use", min=0)
    last: bpy.props.IntProperty(name="Last Frame", description="Last frame of the file to use. 0: to the end", min=0)
    audio: bpy.props.StringProperty(
        name="Music", description="Music file to use instead of the one that the source names", subtype="FILE_PATH"
    )
    audio_start: bpy.props.FloatProperty(
        name="Start Time",
        description="Position in the music at which the motion starts",
        min=0.0,
        subtype="TIME_ABSOLUTE",
    )
    on_import: bpy.props.EnumProperty(
        name="On Import", description="What happens to the selected dancer on import", items=IMPORT_ITEMS
    )
    found: bpy.props.StringProperty(name="Found", description="What was detected", options={"HIDDEN"})

    body: bpy.props.StringProperty(
        name="Body",
        description="SMPL-format body (.npz or .pkl). Empty: the body of the preferences, or the one shipped",
        subtype="FILE_PATH",
        update=update_callbacks.on_body,
    )
    body_found: bpy.props.StringProperty(options={"HIDDEN"})
    hands_found: bpy.props.StringProperty(options={"HIDDEN"})
    give_betas: bpy.props.BoolProperty(
        name="Given Shape",
        description="Fit with the shape below instead of estimating it from the lengths of the bones",
    )
    betas: _betas_property(update=update_callbacks.on_betas)
    shown_betas: _betas_property(
        get=update_callbacks.rounded_betas, set=update_callbacks.set_shown_betas, options=set()
    )
    height: bpy.props.FloatProperty(options={"HIDDEN"}, unit="LENGTH")
    correctives: bpy.props.BoolProperty(
        name="Pose Correctives",
        description="SMPL's exact bulging and folding of the skin. Without them, joints look slightly softer and "
        "playback is faster. Applies from the next import on",
        default=True,
    )

    regressor: bpy.props.StringProperty(
        name="Regressor",
        description="ONNX regressor. Empty: one from the folder in the preferences, or the one shipped for the layout",
        subtype="FILE_PATH",
        update=update_callbacks.on_regressor,
    )
    regressor_found: bpy.props.StringProperty(options={"HIDDEN"})
    regressor_problem: bpy.props.StringProperty(options={"HIDDEN"})
    device: bpy.props.EnumProperty(
        name="Device",
        description="Device that runs the regressor",
        items=DEVICES,
        update=update_callbacks.on_regressor,
    )
    refine: bpy.props.BoolProperty(
        name="Refine",
        description="Refine the regressor's poses to match the keypoints",
        default=True,
    )
    adapt: bpy.props.BoolProperty(
        name="Adapt Points",
        description="Let the layout's points shift on this dancer's body by up to 4 cm, constant over the clip",
    )
    smooth: bpy.props.FloatProperty(
        name="Smooth",
        description="Strength of smoothing. 0: none. 1: remove the noise of the keypoints, without delay and without "
        "softening sharp movements",
        min=0.0,
        soft_max=3.0,
    )
    level: bpy.props.BoolProperty(
        name="Level Floor",
        description="Remove a drift of the recording's floor, if there is one",
        default=True,
    )
    foot_lock: bpy.props.BoolProperty(name="Lock Feet", description="Keep standing feet still and on the floor")
    keep_contacts: bpy.props.BoolProperty(name="Keep Contacts", description="Keep hands that touch together")
    style: bpy.props.EnumProperty(
        name="Style",
        description="Convention for the twist of bones, which keypoints do not determine",
        items=STYLE_ITEMS,
    )
    result: bpy.props.StringProperty(name="Result", options={"HIDDEN"})
    problem: bpy.props.StringProperty(name="Problem", options={"HIDDEN"})


STAGE_CAMERAS = (
    ("FRONT", "Whole Clip, Front", "Fixed camera that shows the whole dance from the front"),
    ("SIDE", "Whole Clip, Side", "Fixed camera that shows the whole dance from the dancers' left"),
    ("TOP", "Whole Clip, Top", "Fixed camera that shows the whole dance from above"),
    ("FOLLOW", "Follow", "Closer camera that follows the dancers smoothly"),
    ("ORBIT", "Orbit", "Camera that circles the dance once"),
)
STAGE_FLOORS = (
    ("none", "None", "Neither floor nor wall", 0),
    ("plain", "Plain", "Floor that curves up into a wall", 1),
    ("tiles", "Tiles", "The same with tiles of half a metre, which show travel and sliding", 2),
)
"""Saved scenes store the number: the floor was off or on up to release 0.1."""
RENDER_ENGINES = (
    ("cycles", "Cycles", "Soft light and shadows, for user studies", 0),
    ("workbench", "Workbench", "Plain shading, many times faster", 1),
    ("eevee", "EEVEE", "Soft light in a fraction of a second, where there is a GPU", 2),
)
"""Saved scenes store the number: 0 was ``study`` and 1 was ``preview`` up to release 0.1."""
RENDER_RANGES = (
    ("CLIP", "Whole Clip", "From the first key of any dancer to the last"),
    ("SCENE", "Scene Range", "The scene's start frame to its end frame"),
)
RENDER_FORMS = (
    ("VIDEO", "Video (MP4)", "H.264 with AAC, which browsers can play"),
    ("FRAMES", "PNG Frames", "Folder of numbered pictures"),
)
EXPORT_FORMATS = (
    (".npz", "AMASS (.npz)", "SMPL parameters, for research code"),
    (".bvh", "BVH", "Skeleton and motion"),
    (".fbx", "FBX", "Rig, skin and motion"),
    (".glb", "glTF (.glb)", "Rig, skin and motion"),
    (".usdc", "USD", "Rig, skin and motion"),
    (".abc", "Alembic", "Moving vertices with exact correctives"),
    (".pc2", "Vertex Cache (.pc2)", "Moving vertices for this mesh, for programs that read PC2"),
)


class DANCEPOSE_PG_stage(bpy.types.PropertyGroup):
    """Stage, camera, render, export and overlays of a scene."""

    camera: bpy.props.EnumProperty(name="Camera", description="Camera position and movement", items=STAGE_CAMERAS)
    floor: bpy.props.EnumProperty(name="Floor", description="Floor of the stage", items=STAGE_FLOORS, default=1)
    look: bpy.props.EnumProperty(
        name="Look",
        description="Clothes and colours of all dancers; single colours can be changed below",
        items=BODY_LOOKS,
        update=update_callbacks.on_look,
    )
    figure: bpy.props.EnumProperty(
        name="Figure",
        description="Figure that all dancers in casual clothes have; joints and motion stay the same",
        items=BODY_FIGURES,
        update=update_callbacks.on_look,
    )
    light: bpy.props.FloatProperty(
        name="Light", description="Factor on the strength of all lights", default=1.0, min=0.0, soft_max=3.0
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
        name="Transparent", description="Transparent background. Cycles keeps the shadow on the floor"
    )

    engine: bpy.props.EnumProperty(name="Engine", description="Render engine", items=RENDER_ENGINES)
    width: bpy.props.IntProperty(
        name="Width",
        description="Width of the picture in pixels; an even number",
        default=1280,
        min=16,
        soft_max=3840,
        step=200,
    )
    height: bpy.props.IntProperty(
        name="Height",
        description="Height of the picture in pixels; an even number",
        default=720,
        min=16,
        soft_max=2160,
        step=200,
    )
    range: bpy.props.EnumProperty(name="Range", description="Frames to render", items=RENDER_RANGES)
    form: bpy.props.EnumProperty(name="Output", description="Kind of output", items=RENDER_FORMS)
    with_audio: bpy.props.BoolProperty(
        name="Music",
        description="Add the music of the selected dancer, or of the first dancer that has any",
        default=True,
    )
    output: bpy.props.StringProperty(
        name="File", description="Video file, or folder for PNG frames", subtype="FILE_PATH", default="//dance.mp4"
    )
    start_over: bpy.props.BoolProperty(
        name="Start Over",
        description="Render every frame again. Otherwise an interrupted run continues with the missing frames, unless "
        "dancers, stage, colours or picture were changed",
    )
    rendered: bpy.props.StringProperty(options={"HIDDEN"})

    export_format: bpy.props.EnumProperty(name="Format", description="File format of the export", items=EXPORT_FORMATS)

    show_points: bpy.props.BoolProperty(
        name="Keypoints",
        description="Draw the keypoints over the body: green where the body matches them, red where it does not",
        update=update_callbacks.on_overlay,
    )
    show_graph: bpy.props.BoolProperty(
        name="Error Graph",
        description="Draw the error over the clip at the bottom of the viewport, with the worst frames",
        default=True,
        update=update_callbacks.on_overlay,
    )
    point_range: bpy.props.FloatProperty(
        name="Red From (mm)",
        description="Distance between keypoint and body, in millimetres, from which a point is drawn fully red",
        default=30.0,
        min=1.0,
        soft_max=200.0,
        precision=1,
        update=update_callbacks.on_overlay,
    )
    problem: bpy.props.StringProperty(options={"HIDDEN"})


Group = TypeVar("Group", DANCEPOSE_PG_settings, DANCEPOSE_PG_stage)


def settings_of(owner: bpy.types.Scene | bpy.types.Object) -> DANCEPOSE_PG_settings:
    """Return the settings of a scene, for the next import, or of a dancer."""
    return cast("_HasSettings", owner).dancepose


def stage_of(scene: bpy.types.Scene) -> DANCEPOSE_PG_stage:
    """Return the stage, render and export settings of a scene."""
    return cast("_HasStage", scene).dancepose_stage


def settings_in(context: bpy.types.Context) -> DANCEPOSE_PG_settings:
    """Return the settings that the sidebar shows: of the selected dancer or, if there is none, of the next import."""
    dancer = active_dancer(context)
    return settings_of(dancer if dancer is not None else scene_of(context))


def active_dancer(context: bpy.types.Context) -> bpy.types.Object | None:
    """Return the dancer whose armature or body is active, or None."""
    return dancer_of(view_layer_of(context).objects.active)


def betas_of(settings: DANCEPOSE_PG_settings) -> tuple[float, ...]:
    """Return the shape coefficients of the settings."""
    return tuple(cast("Sequence[float]", settings.betas))


def copy_settings(source: Group, target: Group) -> None:
    """Copy every setting of a group to another of its kind, without running their update callbacks."""
    with update_callbacks.suppressed():
        for name in source.bl_rna.properties.keys():  # noqa: SIM118 (iterating gives the properties themselves)
            if name not in ("rna_type", "name"):
                setattr(target, name, getattr(source, name))
