# SPDX-License-Identifier: Apache-2.0
"""Samples of about 50 tools, and variants of some: rotated, scaled, mirrored, renamed, at another rate."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from tests.support.field_samples import field_makers
from tests.support.samples import FPS, NAMINGS, bvh_text, cut, makers, npy_bytes, points_of, waltz
from tests.support.tool_samples import tool_makers

from .expectations import Expected, Verdict, judge_case

FRAMES: Final = 60
TURNS: Final = {"y": np.eye(3), "z": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), "-y": np.diag([-1.0, -1.0, 1.0])}
"""Rotations after which that axis is up."""
SAMPLES: Final[dict[str, Expected]] = {
    **dict.fromkeys(
        (
            "smplx names",
            "smplx names nested",
            "human_body_prior",
            "GVHMR",
            "WHAM",
            "joblib",
            "SMPL pose and trans",
            "AIOZ-GDance",
            "InterHuman",
            "mint",
            "npy flat rotations",
        ),
        Expected(layout="rotations", rate=None, fps=25.0),
    ),
    **dict.fromkeys((".smpl", "AMASS SMPL", "AMASS SMPL+H", "AMASS SMPL-X"), Expected(layout="rotations", rate=25.0)),
    **dict.fromkeys(
        (
            "Motion-X",
            "EDGE features",
            "LODGE features",
            "LODGE without contacts",
            "FineDance features",
            "EDGE",
            "FineDance",
        ),
        Expected(layout="rotations", rate=30.0),
    ),
    **dict.fromkeys(("FACT", "FACT padded", "AIST++ in 6D", "AIST++ motion"), Expected(layout="rotations", rate=60.0)),
    "MDM parameters": Expected(layout="rotations", rate=20.0),
    "HumanML3D features": Expected(layout="smpl22", rate=20.0),
    "HumanML3D": Expected(layout="smpl22", rate=None, fps=20.0),
    "MDM results": Expected(layout="smpl22", rate=20.0),
    "AIST++ keypoints": Expected(layout="coco17", metres=0.01, rate=60.0),
    **dict.fromkeys(("persons", "JSON lists", "npy points", "npy flat positions"), Expected(rate=None, fps=25.0)),
    "JSON named": Expected(layout="smpl22", rate=None, fps=25.0),
    "JSON OpenPose": Expected(layout="body25", rate=None, fps=25.0),
    "npz points": Expected(layout="body25", rate=25.0),
    "Motive": Expected(layout="smpl22", rate=25.0),
    "Nexus": Expected(layout="plugingait39", metres=0.001, up="z", rate=25.0),
    "NTU": Expected(layout="kinect25", rate=30.0),
    "md": Expected(layout="md23", metres=0.01, rate=25.0),
    "CSV": Expected(layout="kinect25", rate=25.0),
    "TRC": Expected(layout="body25", metres=0.001, rate=25.0),
    "C3D": Expected(layout="md23", metres=0.001, up="z", rate=25.0),
    **{f"BVH {name}": Expected(metres=0.01, rate=25.0) for name in ("mixamo", "cmu")},
    **{f"BVH {name}": Expected(layout="smpl22", metres=0.01, rate=25.0) for name in ("lafan", "rokoko", "unreal")},
    **{f"{count} points": Expected(layout="body25", rate=None, fps=25.0) for count in (26, 33, 70, 75, 133)},
    **{f"{count} points": Expected(layout="coco17", rate=None, fps=25.0) for count in (18, 19)},
    **{f"{count} points": Expected(layout="smpl24", rate=None, fps=25.0) for count in (20, 77, 127)},
    **{f"{count} points": Expected(layout="smpl22", rate=None, fps=25.0) for count in (21, 30)},
    **dict.fromkeys(
        (
            "PHALP",
            "ROMP",
            "SLAHMR",
            "3DPW",
            "HMR rows",
            "SMPL-X pose and trans",
            "matrices alone",
            "time last",
            "TRAM",
            "torch of a list",
        ),
        Expected(layout="rotations", rate=None, fps=25.0),
    ),
    "MDM parameters of a batch": Expected(layout="rotations", rate=20.0),
    **dict.fromkeys(
        (
            "names beside points",
            "joint by joint",
            "JSON Lines",
            "transforms",
            "places and quaternions",
            "Bailando",
            "SMPL with vertices",
            "DeepLabCut",
            "decimal commas",
            "no header",
        ),
        Expected(rate=None, fps=25.0),
    ),
    **dict.fromkeys(("called poses", "Rokoko CSV", "Unity"), Expected(rate=25.0)),
    "Azure Kinect": Expected(layout="azure32", metres=0.001, up="-y", rate=None, fps=25.0),
    "MediaPipe landmarks": Expected(layout="body25", up="-y", rate=None, fps=25.0),
    "MMPose": Expected(layout="h36m17", rate=None, fps=25.0),
    "list of tables": Expected(layout="coco17", rate=None, fps=25.0),
    "graph network": Expected(layout="kinect25", rate=None, fps=25.0),
    **dict.fromkeys(("InterHuman rows", "InterGen"), Expected(layout="smpl22", rate=None, fps=25.0)),
    "LaFAN1 order": Expected(layout="smpl22", rate=None, fps=25.0),
    **dict.fromkeys(
        ("HMR 2.0 joints", "MediaPipe columns", "MediaPipe rows", "common prefix"),
        Expected(layout="body25", rate=None, fps=25.0),
    ),
    "Qualisys": Expected(layout="plugingait39", metres=0.001, up="z", rate=25.0),
}


def sample_variants(folder: Path, only: str) -> list[tuple[str, Verdict]]:
    """Write and judge every sample and variant.

    Args:
        folder: An empty one, for the files.
        only: Text that names have to hold.

    Returns:
        Names and verdicts.
    """
    rows = []
    every = {**makers(FRAMES), **tool_makers(FRAMES), **field_makers(FRAMES)}
    for number, (name, (file, make)) in enumerate(every.items()):
        if only in name:
            path = folder / str(number) / file
            path.parent.mkdir()
            path.write_bytes(make())
            expected = SAMPLES.get(name)
            found = Verdict("wrong", "no expectation") if expected is None else judge_case(path, expected)
            rows.append((f"sample: {name}", found))
    for name, file, data, expected in _variants():
        if only in name:
            path = folder / f"variant{len(rows)}" / file
            path.parent.mkdir()
            path.write_bytes(data)
            rows.append((f"variant: {name}", judge_case(path, expected)))
    return rows


def _variants() -> Iterator[tuple[str, str, bytes, Expected]]:
    motion = cut(waltz(), FRAMES)
    for layout in ("smpl24", "smpl22", "coco17", "h36m17", "body25"):
        points = points_of(motion, layout)
        for up, turn in TURNS.items():
            for unit, metres in (("m", 1.0), ("cm", 0.01), ("mm", 0.001)):
                for mirrored in (False, True):
                    axes = np.diag([-1.0, 1.0, 1.0]) if mirrored else np.eye(3)
                    array = (points @ (turn @ axes).T / metres).astype(np.float32)
                    expected = Expected(layout, metres, up, None, 25.0, mirrored=mirrored)
                    label = f"{layout}, {up} up, {unit}{', mirrored' if mirrored else ''}"
                    yield label, "points.npy", npy_bytes(array), expected
    for naming, names in NAMINGS.items():
        layout = "smpl24" if naming in ("mixamo", "cmu") else "smpl22"
        prefixes = ("", "Skel_", "Bip01 ") if naming != "cmu" else ("",)
        for prefix in prefixes:
            text = bvh_text(
                motion, {joint: f"{prefix}{name}" if name else name for joint, name in names.items()}, unit=100.0
            )
            yield (
                f"BVH {naming} called {prefix or 'as it is'}",
                "clip.bvh",
                text.encode(),
                Expected(layout, 0.01, "y", FPS),
            )
        slow = bvh_text(motion, names, unit=100.0).replace(f"Frame Time: {1 / FPS:.8f}", "Frame Time: 25")
        expected = Expected(layout, 0.01, "y", FPS, doubt="rate")
        yield f"BVH {naming} with its rate as Frame Time", "clip.bvh", slow.encode(), expected
        fast = bvh_text(motion, names, unit=100.0).replace(f"Frame Time: {1 / FPS:.8f}", "Frame Time: 0.0004")
        yield f"BVH {naming} a hundred times too fast", "clip.bvh", fast.encode(), Expected(layout, 0.01, "y", FPS)
