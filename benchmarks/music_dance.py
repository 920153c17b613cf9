# SPDX-License-Identifier: Apache-2.0
"""The fit on music & dance: what a mean residual does not show.

    python -m benchmarks.music_dance [--data FOLDER] [--clip NAME ...] [--adapt] [--out FILE]

FOLDER holds ``md``, the folder of the clips. Twist is the swing-twist angle about the rest bone; a head is backward
where it looks more than 100 degrees away from the chest; turns are a joint's rotation from frame to frame, over all
joints, per 1,000 frames; bodies are listed clip by clip, since one dancer should have one figure.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
from dataclasses import dataclass
from pathlib import Path
import time

import numpy as np

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.fit.evaluation.metrics import global_rotations
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.fit.pose.joint_limits import twist_about
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.inference import open_for

DATA = Path(os.environ.get("DANCEPOSE_DATA", "../shared/data"))
ELBOW_DEG, WRIST_DEG, BEND_DEG, BACKWARD_DEG = 100.0, 60.0, 60.0, 100.0


@dataclass(frozen=True)
class Figures:
    """Figures of one clip.

    Attributes:
        name: of the clip.
        frames: T.
        residual_mm: mean distance of the points from the body.
        elbow, wrist: arms times frames beyond ELBOW_DEG and WRIST_DEG of twist.
        bent: arms times frames whose wrist is bent beyond BEND_DEG.
        backward: frames with a backward head.
        pitch_deg: mean elevation of the head's forward axis.
        turns_40, turns_60: joint turns between frames beyond so many degrees.
        height_m: of the body's mesh in its T-pose.
        betas: (B,).
        seconds: of processor time.
    """

    name: str
    frames: int
    residual_mm: float
    elbow: int
    wrist: int
    bent: int
    backward: int
    pitch_deg: float
    turns_40: int
    turns_60: int
    height_m: float
    betas: F32
    seconds: float


def figures_of(path: Path, body: BodyModel, settings: FitSettings) -> Figures:
    """Fit a clip and measure its motion.

    Args:
        path: the clip's folder.
        body: the body.
        settings: of the fit.

    Returns:
        Its figures.
    """
    sequence, regressor = open_for(read(path), None, device="auto")
    begun = time.process_time()
    result = fit(sequence, regressor=regressor, body=body, settings=settings)
    seconds = time.process_time() - begun
    pose, betas = result.motion.pose_rotmat, result.motion.betas
    elbow, wrist, bent = _arms_deg(pose, body)
    head = (pose[:, JOINT_INDEX["neck"]] @ pose[:, JOINT_INDEX["head"]])[..., 2]
    yaw = np.degrees(np.arctan2(head[:, 0], head[:, 2]))
    forward = global_rotations(pose)[:, JOINT_INDEX["head"], 1, 2]
    turns = _turns_deg(pose)
    return Figures(
        name=path.name,
        frames=len(pose),
        residual_mm=float(result.report["final_error_mm"]),
        elbow=int((np.abs(elbow) > ELBOW_DEG).sum()),
        wrist=int((np.abs(wrist) > WRIST_DEG).sum()),
        bent=int((bent > BEND_DEG).sum()),
        backward=int((np.abs(yaw) > BACKWARD_DEG).sum()),
        pitch_deg=float(np.degrees(np.arcsin(np.clip(forward, -1.0, 1.0))).mean()),
        turns_40=int((turns > 40.0).sum()),
        turns_60=int((turns > 60.0).sum()),
        height_m=result.motion.scale * float(np.ptp(body.rest_vertices(betas)[:, 1])),
        betas=betas,
        seconds=seconds,
    )


def _arms_deg(pose: F32, body: BodyModel) -> tuple[F64, F64, F64]:
    """Twist of elbows and of wrists, and how far wrists are bent, degrees, (T, 2) each."""
    rest, parts = body.rest_joints(), []
    for side in ("left", "right"):
        elbow, wrist, hand = (JOINT_INDEX[f"{side}_{name}"] for name in ("elbow", "wrist", "hand"))
        forearm, palm = (bone / np.linalg.norm(bone) for bone in (rest[wrist] - rest[elbow], rest[hand] - rest[wrist]))
        cosine = np.clip((pose[:, wrist] @ palm) @ palm, -1.0, 1.0)
        parts.append([twist_about(pose[:, elbow], forearm), twist_about(pose[:, wrist], palm), np.arccos(cosine)])
    elbow_deg, wrist_deg, bent_deg = np.degrees(np.array(parts, np.float64)).transpose(1, 2, 0)
    return elbow_deg, wrist_deg, bent_deg


def _turns_deg(pose: F32) -> F64:
    """(T - 1, 24), degrees."""
    trace = np.einsum("tjab,tjab->tj", pose[:-1], pose[1:])
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0))), np.float64)


def page(rows: list[Figures]) -> str:
    """Figures as Markdown: a row for each clip, each dance and all."""
    head = (
        "| clip | frames | mm | elbow > 100 | wrist > 60 | wrist bent > 60, % | head backward, % | head pitch, deg | "
        "turns > 40 per 1,000 | > 60 | height, m | largest beta |"
    )
    lines = [head, "|" + "---|" * 12]
    groups = [[row] for row in rows]
    dances = sorted({row.name[:7] for row in rows})
    groups.extend([row for row in rows if row.name.startswith(dance)] for dance in dances)
    for group in [*groups, rows]:
        frames = sum(row.frames for row in group)
        share = [row.frames / frames for row in group]
        name = group[0].name if len(group) == 1 else f"{len(group)} clips, {group[0].name[:7]}..."
        lines.append(
            f"| {'all' if group is rows else name} | {frames} | "
            f"{sum(s * row.residual_mm for s, row in zip(share, group, strict=True)):.2f} | "
            f"{sum(row.elbow for row in group)} | {sum(row.wrist for row in group)} | "
            f"{50.0 * sum(row.bent for row in group) / frames:.1f} | "
            f"{100.0 * sum(row.backward for row in group) / frames:.2f} | "
            f"{sum(s * row.pitch_deg for s, row in zip(share, group, strict=True)):.0f} | "
            f"{1000.0 * sum(row.turns_40 for row in group) / frames:.1f} | "
            f"{1000.0 * sum(row.turns_60 for row in group) / frames:.1f} | "
            f"{np.mean([row.height_m for row in group]):.2f} | {max(np.abs(row.betas).max() for row in group):.1f} |"
        )
    speed = sum(row.frames for row in rows) / sum(row.seconds for row in rows)
    return "\n".join([*lines, "", f"{speed:.0f} frames/s/core.", ""])


def main() -> None:
    """Fit the clips and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--clip", action="append", help="only this clip; repeatable")
    parser.add_argument("--adapt", action="store_true", help="let the points move on the body")
    parser.add_argument("--out", type=Path, help="also write the page here")
    arguments = parser.parse_args()
    paths = sorted(path for path in (arguments.data / "md").glob("DANCE_*") if path.is_dir())
    paths = [path for path in paths if not arguments.clip or path.name in arguments.clip]
    if not paths:
        print(f"{arguments.data / 'md'} holds no clips: give a folder with --data.")
        return
    body, settings = load_body(), FitSettings(adapt=arguments.adapt)
    text = page([figures_of(path, body, settings) for path in paths])
    print(text)
    if arguments.out:
        title = "# Music & dance\n\nWritten by `python -m benchmarks.music_dance --out FILE`.\n\n"
        arguments.out.write_text(title + text, encoding="utf-8")


if __name__ == "__main__":
    main()
