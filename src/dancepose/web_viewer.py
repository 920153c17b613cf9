# SPDX-License-Identifier: Apache-2.0
"""A viewer in one HTML file: bodies, motions and music, which plays in a browser without a network."""

import base64
from html import escape
import json
import math
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dancepose.fast_render import Dancer
from dancepose.raster import body_surface
from dancepose.study.media.ffmpeg import ONLY_AUDIO_FILES, Ffmpeg
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel, forward_kinematics
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import facing_vector, unit_or_forward
from dancepose_addon.core.errors import DancePoseError, InputError
from dancepose_addon.core.picture_options import PictureOptions
from dancepose_addon.core.skeleton.sequence import AudioWindow

TEMPLATES: Final = Path(body_surface.__file__).parent
INFLUENCES: Final = 4
MAX_FRAMES: Final = 8192
"""Rows of a texture that every WebGL 2 has; a motion with more frames is thinned out."""
AUDIO_KBIT: Final = 128
FAR_M: Final = 5.6


def write_viewer(
    out: Path,
    dancers: list[Dancer],
    *,
    title: str,
    audio: AudioWindow | None = None,
    picture: PictureOptions = PictureOptions(),
) -> tuple[str, ...]:
    """Write a viewer.

    The browser skins the body by linear blend skinning, without pose correctives, which would take megabytes.

    Args:
        out: File to write, .html.
        dancers: The motions, from the left; all of one body.
        title: Title of the page.
        audio: Music, or None.
        picture: Look and colours of the bodies.

    Returns:
        Sentences for the user.

    Raises:
        InputError: The bodies have different triangles.
        OutputError: The file cannot be written.
    """
    worn = {id(one.body): picture.dress(one.body) for one in dancers}
    bodies = {key: one.drawn or one for key, one in worn.items()}
    body = bodies[id(dancers[0].body)]
    if any(not np.array_equal(one.faces, body.faces) for one in bodies.values()):
        raise InputError("The dancers have different bodies. Show motions of one body in a viewer.")
    duration_s = min((len(one.motion) - 1) / one.motion.fps for one in dancers)
    sound, notices = _sound(audio, duration_s)
    table = {
        **_body_table(body),
        "dancers": [_dancer_table(one, bodies[id(one.body)]) for one in dancers],
        "duration": duration_s,
    }
    middles = np.concatenate([_middles(one.body, one.motion) for one in dancers])
    front = unit_or_forward(np.sum([facing_vector(one.motion.pose_rotmat) for one in dancers], axis=0))
    centre = (middles.min(axis=0) + middles.max(axis=0)) / 2.0
    table |= {
        "centre": centre.tolist(),
        "turn": math.atan2(front[0], front[2]),
        "distance": FAR_M * body.height_m / 1.75,
        "reach": 6.0 + float(np.abs(middles[:, [0, 2]]).max()),
    }
    share = 100.0 / len(dancers)
    labels = "".join(
        f'<div class="label" style="left: calc({share * number:.3f}% + 10px)">{escape(one.label)}</div>'
        for number, one in enumerate(dancers)
        if one.label
    )
    page = Template((TEMPLATES / "viewer.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        labels=labels,
        audio=sound,
        # A closing tag inside a script would end it.
        data=json.dumps(table).replace("</", "<\\/"),
        script=(TEMPLATES / "viewer.js").read_text(encoding="utf-8"),
    )
    with replacing(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return notices


def _packed(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _body_table(body: BodyModel) -> dict[str, Any]:
    surface = body_surface.surface_of(body)
    chosen = np.argsort(-body.weights, axis=1, kind="stable")[:, :INFLUENCES]
    weights = np.take_along_axis(body.weights, chosen, axis=1)
    parts = [{"first": part.first, "count": part.count, "rgb": part.rgb} for part in surface.parts]
    return {
        "faces": _packed(surface.faces.astype("<u4")),
        "count": int(surface.faces.size),
        "joints": _packed(chosen.astype(np.uint8)),
        "weights": _packed(np.round(weights * 255.0).astype(np.uint8)),
        "parts": parts,
    }


def _middles(body: BodyModel, motion: BodyMotion) -> NDArray[np.float32]:
    """Return the pelvis over a motion, (T, 3) metres."""
    return motion.joints(body)[:, 0]


def _dancer_table(dancer: Dancer, body: BodyModel) -> dict[str, Any]:
    step = -(-len(dancer.motion) // MAX_FRAMES)
    motion = dancer.motion
    joints = np.float32(motion.scale) * body.rest_joints(motion.betas)
    turns, places = forward_kinematics(joints, motion.pose_rotmat[::step], motion.translation_m[::step])
    offset = places - (turns @ joints[None, :, :, None])[..., 0]
    affine = np.concatenate([turns, offset[..., None]], axis=-1).astype("<f4")
    return {
        "label": dancer.label,
        "rest": _packed((np.float32(motion.scale) * body.rest_vertices(motion.betas)).astype("<f4")),
        "motion": _packed(affine),
        "middle": _packed(_middles(body, motion)[::step].astype("<f4")),
        "frames": len(affine),
        "joints": affine.shape[1],
        "fps": motion.fps / step,
    }


def _sound(audio: AudioWindow | None, duration_s: float) -> tuple[str, tuple[str, ...]]:
    """Return the tag of the music, and a sentence where it cannot be read."""
    if audio is None:
        return "", ()
    with TemporaryDirectory() as folder:
        target = Path(folder) / "music.mp3"
        part = ["-ss", f"{audio.start_s:.6f}", "-t", f"{min(audio.duration_s, duration_s):.6f}"]
        try:
            source = [*ONLY_AUDIO_FILES, *part, "-i", str(Path(audio.path).absolute()), "-map", "0:a:0"]
            Ffmpeg(find_ffmpeg()).run([*source, "-b:a", f"{AUDIO_KBIT}k", "-map_metadata", "-1", str(target)])
        except DancePoseError as error:
            return "", (f"The viewer has no music: {audio.path} cannot be read ({error}).",)
        coded = base64.b64encode(target.read_bytes()).decode("ascii")
    return f'<audio id="audio" preload="auto" src="data:audio/mpeg;base64,{coded}"></audio>', ()
