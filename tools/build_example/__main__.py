# SPDX-License-Identifier: Apache-2.0
"""``python -m tools.build_example``: write the examples and print their contents."""

import argparse
import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.axes import from_smpl
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for

from . import music, waltz
from .couple import dance_together
from .curves import smoothed
from .waltz_dancer import dance

OUT: Final = Path(__file__).parents[2] / "examples"
SEED: Final = 2018
JITTER_M: Final = 0.0012
"""Frame-to-frame noise of each coordinate, metres, as of optical systems."""
DRIFT_M: Final = 0.004
"""Slow movement of a marker on skin and cloth, metres."""
DRIFT_FRAMES: Final = 12.0
DECIMALS: Final = 2
"""Decimals of a centimetre."""
DUET_DECIMALS: Final = 4
"""Decimals of a radian and of a metre."""


def sensor_noise(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return jitter plus slow drift, metres. shape: (T, K, 3)."""
    drift = smoothed(rng.standard_normal(shape), DRIFT_FRAMES)
    return JITTER_M * rng.standard_normal(shape) + DRIFT_M * drift / drift.std()


def write_skeletons(folder: Path) -> None:
    """Write skeletons.json and config.json in the form of the music & dance data: centimetres about a centre."""
    body = load_body()
    danced = dance(body)
    points = keypoints_from_pose(markers_for(MD23), body.rest_joints(), danced.pose_rotmat, danced.translation_m)
    points_cm = from_smpl(
        points + sensor_noise(points.shape, np.random.default_rng(SEED)), axes="y_up", unit="cm"
    ).astype(np.float64)
    centre = np.round(points_cm.mean(axis=1), DECIMALS)
    table = {
        "length": len(points_cm),
        "center": centre.tolist(),
        "skeletons": np.round(points_cm - centre[:, None], DECIMALS).tolist(),
    }
    start, end = music.window_frames()
    _write_json(folder / "skeletons.json", table)
    _write_json(folder / "config.json", {"start_position": start, "end_position": end})


def write_duet(folder: Path) -> None:
    """Write duet.npz: the rotations of two persons as arrays (2, T, 72) and (2, T, 3)."""
    couple = dance_together(load_body())
    rotvec = rotmat_to_rotvec(couple.pose_rotmat).reshape(*couple.pose_rotmat.shape[:2], -1)
    poses, places = (np.round(part, DUET_DECIMALS).astype(np.float32) for part in (rotvec, couple.translation_m))
    with replacing(folder / "duet.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, smpl_poses=poses, root_trans=places, fps=np.float64(waltz.FPS))


def _write_json(path: Path, table: dict[str, object]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="utf-8")


def main() -> None:
    """Write the examples."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_example", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write (default: examples)")
    out: Path = parser.parse_args().out
    for name in ("waltz", "duet"):
        (out / name).mkdir(parents=True, exist_ok=True)
    write_skeletons(out / "waltz")
    write_duet(out / "duet")
    with replacing(out / "waltz" / "audio.mp3") as temporary:
        music.write_mp3(music.play(), temporary)
    for path in sorted(path for name in ("waltz", "duet") for path in (out / name).iterdir()):
        print(f"{path}  {path.stat().st_size / 1e3:.0f} kB")
    print(f"{waltz.FRAMES} frames, {waltz.FRAMES / waltz.FPS:.2f} s")


if __name__ == "__main__":
    main()
