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

from dancepose.film_frames import people_of
from dancepose.film_request import Dancer
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
        dancers: The motions, from the left; all of one body. Partners are in the same picture.
        title: Title of the page.
        audio: Music, or None.
        picture: Look and colours of the bodies.

    Returns:
        Sentences for the user.

    Raises:
        InputError: The bodies have different triangles.
        OutputError: The file cannot be written.
    """
    body = picture.dress(dancers[0].body)
    everyone = [one for dancer in dancers for one in dancer.people]
    if any(not np.array_equal(one.body.faces, body.faces) for one in everyone):
        raise InputError("The dancers have different bodies. Show motions of one body in a viewer.")
    duration_s = min((len(one.motion) - 1) / one.motion.fps for one in everyone)
    sound, notices = _sound(audio, duration_s)
    table = {**_body_table(body), "cells": [_cell_table(one, picture) for one in dancers], "duration": duration_s}
    middles = np.concatenate([_middles(one.body, one.motion) for one in everyone])
    front = unit_or_forward(np.sum([facing_vector(one.motion.pose_rotmat) for one in everyone], axis=0))
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
        # A tag or a comment inside a script would end it, or keep it from ending.
        data=json.dumps(table).replace("<", "\\u003c"),
        script=(TEMPLATES / "viewer.js").read_text(encoding="utf-8"),
    )
    with replacing(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return notices


def _packed(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _body_table(body: BodyModel) -> dict[str, Any]:
    surface, weights = body_surface.surface_of(body.shown), body.shown.weights
    chosen = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
    return {
        "faces": _packed(surface.faces.astype("<u4")),
        "count": int(surface.faces.size),
        "joints": _packed(chosen.astype(np.uint8)),
        "weights": _packed(np.round(np.take_along_axis(weights, chosen, axis=1) * 255.0).astype(np.uint8)),
    }


def _cell_table(dancer: Dancer, picture: PictureOptions) -> dict[str, Any]:
    """The persons of one recording, and the way of their middle, which the camera follows."""
    people = people_of(dancer, picture)
    tables = []
    for body, motion, parts in zip(people.bodies, people.motions, people.parts, strict=True):
        shown = [{"first": part.first, "count": part.count, "rgb": part.rgb} for part in parts]
        tables.append({**_dancer_table(body, motion), "parts": shown})
    step = _step_of(people.motions[0])
    ways = [_middles(one.body, one.motion) for one in dancer.people]
    return {"label": dancer.label, "people": tables, "middle": _packed(np.mean(ways, axis=0)[::step].astype("<f4"))}


def _middles(body: BodyModel, motion: BodyMotion) -> NDArray[np.float32]:
    """Return the pelvis over a motion, (T, 3) metres."""
    return motion.joints(body)[:, 0]


def _step_of(motion: BodyMotion) -> int:
    return -(-len(motion) // MAX_FRAMES)


def _dancer_table(body: BodyModel, motion: BodyMotion) -> dict[str, Any]:
    step, shown = _step_of(motion), body.shown
    joints = np.float32(motion.scale) * shown.rest_joints(motion.betas)
    pose = np.ascontiguousarray(motion.pose_in(shown.tree)[::step])
    turns, places = forward_kinematics(joints, pose, motion.translation_m[::step], tree=shown.tree)
    offset = places - (turns @ joints[None, :, :, None])[..., 0]
    affine = np.concatenate([turns, offset[..., None]], axis=-1).astype("<f4")
    return {
        "rest": _packed((np.float32(motion.scale) * shown.rest_vertices(motion.betas)).astype("<f4")),
        "motion": _packed(affine),
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
        length = ["-t", f"{min(audio.duration_s, duration_s):.6f}"]  # of what is read, and of what is written
        part = ["-ss", f"{audio.start_s:.6f}", *length]
        try:
            source = [*ONLY_AUDIO_FILES, *part, "-i", str(Path(audio.path).absolute()), "-map", "0:a:0"]
            Ffmpeg(find_ffmpeg()).run([*source, *length, "-b:a", f"{AUDIO_KBIT}k", "-map_metadata", "-1", str(target)])
        except DancePoseError as error:
            return "", (f"The viewer has no music: {audio.path} cannot be read ({error}).",)
        coded = base64.b64encode(target.read_bytes()).decode("ascii")
    return f'<audio id="audio" preload="auto" src="data:audio/mpeg;base64,{coded}"></audio>', ()
