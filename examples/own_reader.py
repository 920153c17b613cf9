# SPDX-License-Identifier: Apache-2.0
"""Read a file format that DancePose does not know, and fit a body to it.

    python examples/own_reader.py [OUTPUT-FOLDER]

A reader is a function that returns a KeypointSequence: points in metres with y up, frames per second, and a layout.
The format of this example is a text file: a line with the frame rate, then one line per frame with x, y, z of each
point in centimetres, z up.
"""

from pathlib import Path
import sys

import numpy as np

import dancepose
from dancepose_addon.core.io.example import example_folder

LAYOUT = "md23"


def read_studio_text(path: Path) -> dancepose.KeypointSequence:
    """Read the text format.

    Args:
        path: The file.

    Returns:
        The keypoints, metres, y up.
    """
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    values = np.array([[float(word) for word in line.split()] for line in lines])
    z_up_cm = values.reshape(len(values), -1, 3)
    points_m = np.stack([z_up_cm[..., 0], z_up_cm[..., 2], -z_up_cm[..., 1]], axis=-1) / 100.0
    return dancepose.KeypointSequence(
        points_m.astype(np.float32), float(header), dancepose.get_layout(LAYOUT), source=path.name
    )


def write_studio_text(path: Path, sequence: dancepose.KeypointSequence) -> None:
    """Write the text format, to have a file for this example."""
    x, y, z = np.moveaxis(sequence.keypoints_m * 100.0, -1, 0)
    rows = np.stack([x, -z, y], axis=-1).reshape(len(sequence), -1)
    lines = [f"{sequence.fps}", *(" ".join(f"{value:.3f}" for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(out: Path) -> None:
    """Write the bundled waltz in the format, read it, and fit a body to it."""
    out.mkdir(parents=True, exist_ok=True)
    waltz = dancepose.read(str(example_folder()), frames=(0, 60))
    assert isinstance(waltz, dancepose.KeypointSequence)
    write_studio_text(out / "waltz.txt", waltz)

    result = dancepose.fit(read_studio_text(out / "waltz.txt"))
    print(f"mean distance to the keypoints: {result.report['final_error_mm']:.1f} mm")
    result.save(out / "waltz.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "example-output"))
