"""Camera and floor of a song, over all systems: the picture tells nothing about who dances."""

from dataclasses import asdict, replace
import hashlib
import json
import math
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import CameraSettings, frame_motions

from ..plan.paths import Places
from ..plan.planning import Segment
from ..plan.study_file import Study


def make_shot(study: Study, places: Places, song: str, systems: list[str], cuts: list[Segment]) -> dict[str, Any]:
    """Write the shot of a song from the fitted motions of ``systems``; returns {"digest": its name}.

    Every fit puts its own floor at y = 0. With one floor for the song the clips are moved by what their floors differ
    from the median: a system that floats is then seen to float. ``move_m`` says by how much each is moved.
    """
    body = load_body(study.path(study.stage.body))
    fits = {name: json.loads(places.fit_report(name, song).read_text(encoding="utf-8")) for name in systems}
    floors = {name: float(fit["floor_m"]) for name, fit in fits.items()}
    middle = median(floors.values())
    moves = {name: [0.0, floors[name] - middle if study.stage.floor == "song" else 0.0, 0.0] for name in systems}
    danced: list[tuple[BodyModel, BodyMotion]] = []
    for name in systems:
        motion = BodyMotion.load(places.motion(name, song))
        motion = replace(motion, translation_m=motion.translation_m + np.array(moves[name], np.float32))
        danced.append((body, _shown(motion, cuts, study.picture.fps)))
    width, height = study.picture.size
    camera = CameraSettings(
        field_rad=math.radians(study.camera.field_deg),
        pitch_rad=math.radians(study.camera.pitch_deg),
        margin=study.camera.margin,
    )
    shot = frame_motions(danced, aspect=width / height, camera=camera)
    numbers = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in asdict(shot).items()}
    table = {"song": song, "shot": numbers, "move_m": moves, "floors_m": floors}
    text = json.dumps(table, indent=2)
    with replacing(places.shot(song)) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return {"digest": hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}


def _shown(motion: BodyMotion, cuts: list[Segment], fps: float) -> BodyMotion:
    """The poses that the song's segments show, and their neighbours."""
    shown = np.zeros(len(motion), bool)
    for cut in cuts:
        first = math.floor(cut.start_s * motion.fps) - 1
        last = math.ceil((cut.start_s + cut.frames / fps) * motion.fps) + 1
        shown[max(0, first) : last + 1] = True
    return replace(motion, pose_rotmat=motion.pose_rotmat[shown], translation_m=motion.translation_m[shown])


def read_shot_table(path: Path) -> dict[str, Any]:
    """What ``make_shot`` wrote."""
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table
