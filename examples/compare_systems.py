# SPDX-License-Identifier: Apache-2.0
"""Compare the motions of two systems with the field's metrics.

    python examples/compare_systems.py [OUTPUT-FOLDER]

System A is the bundled waltz, system B the same dance with smoothing and locked feet.
"""

from pathlib import Path
import sys

import dancepose
from dancepose_addon.core.fit.evaluation.comparison import compare_motions
from dancepose_addon.core.io.example import example_folder


def main(out: Path) -> None:
    """Fit both, print the metrics, and write the motions."""
    source, frames = str(example_folder()), (0, 100)
    plain = dancepose.fit_file(source, frames=frames)
    steady = dancepose.fit_file(source, frames=frames, settings=dancepose.FitSettings(smooth=1.0, foot_lock=True))
    table = compare_motions(plain.motion, steady.motion, dancepose.load_body())
    for name, value in table["between"].items():
        print(f"{name:<36} {value:10.3f}")
    for name in table["each"]["A"]:
        print(f"{name:<36} {table['each']['A'][name]:10.3f} {table['each']['B'][name]:10.3f}")
    plain.save(out / "a.npz")
    steady.save(out / "b.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "example-output"))
