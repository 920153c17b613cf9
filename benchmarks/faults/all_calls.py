# SPDX-License-Identifier: Apache-2.0
"""All calls that need no Blender, by group."""

from pathlib import Path

from .clumsy_calls import (
    FEW,
    Sandbox,
    call,
    destroying_calls,
    odd_surroundings,
    study_calls,
    unwritable_calls,
    wrong_options,
)
from .hostile_files import write_all
from .hostile_graphs import graphs
from .more_attacks import attack_groups
from .rating_attacks import rating_attacks
from .running import FAILED, Call

READ = (0, *FAILED)
"""A file with odd numbers may be read: what counts is that nothing else happens."""


def quick_calls(box: Sandbox, hostile: Path) -> dict[str, tuple[Path, list[Call]]]:
    """Write the hostile files, and return the calls.

    Args:
        box: Good inputs.
        hostile: Folder to make for the hostile files.

    Returns:
        For each group the folder that is watched and its calls.
    """
    hostile.mkdir()
    (hostile / "ratings").mkdir()
    files = write_all(hostile)
    out = ("--out", box.root / "o.npz", "--device=numpy", FEW)
    networks = []
    for number, (name, content) in enumerate(graphs()):
        path = hostile / f"{number:03d}.onnx"
        path.write_bytes(content)
        networks.append((name, path))
    return {
        "motions, inspected": (box.root, [call(f"inspect {n}", "inspect", p, codes=READ) for n, p in files["motion"]]),
        "motions, fitted": (box.root, [call(f"fit {n}", "fit", p, *out, "--fps=25") for n, p in files["motion"][::4]]),
        "motions, converted": (
            box.root,
            [call(f"convert {n}", "convert", p, box.root / "o.csv", "--fps=25") for n, p in files["motion"][2::6]],
        ),
        "bodies": (box.root, [call(f"body {n}", "fit", box.points, *out, "--body", p) for n, p in files["body"]]),
        "regressors": (
            box.root,
            [call(f"regressor {n}", "fit", box.points, *out[:2], f"--device={device}", "--regressor", p, codes=READ
                  if "cut" in n else FAILED)
             for device in ("numpy", "cpu") for n, p in networks],
        ),
        "outputs that are inputs": (box.root, list(destroying_calls(box))),
        "outputs that cannot be": (box.root, list(unwritable_calls(box))),
        "options that cannot work": (box.root, list(wrong_options(box))),
        "odd surroundings": (box.root, list(odd_surroundings(box))),
        "studies": (box.root, list(study_calls(box))),
        "ratings": (box.root, list(rating_attacks(box, hostile / "ratings"))),
        **attack_groups(box, hostile / "more"),
    }  # fmt: skip
