# SPDX-License-Identifier: Apache-2.0
"""Fit every motion file of a folder; files that cannot be used are reported and skipped.

    python examples/batch_folder.py [OUTPUT-FOLDER [INPUT-FOLDER]]

Without an input folder, three parts of the bundled waltz and one damaged file are written first.
"""

import csv
from pathlib import Path
import sys

import numpy as np

import dancepose
from dancepose_addon.core.io.example import example_folder


def write_inputs(folder: Path) -> None:
    """Write three clips and a damaged file."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in (0, 50, 100):
        clip = dancepose.read(str(example_folder()), frames=(start, start + 50))
        assert isinstance(clip, dancepose.KeypointSequence)
        np.save(folder / f"clip{start}.npy", clip.keypoints_m)
    (folder / "damaged.npy").write_bytes(b"no array")


def main(out: Path, inputs: Path | None = None) -> None:
    """Fit the files and write a table of their errors."""
    if inputs is None:
        inputs = out / "inputs"
        write_inputs(inputs)
    rows = []
    for path in sorted(inputs.glob("*.npy")):
        try:
            result = dancepose.fit_file(path, layout="md23", fps=25.0)
        except dancepose.DancePoseError as error:
            print(f"{path.name}: {error}")
            continue
        result.save(out / f"{path.stem}.npz")
        error_mm = result.report["final_error_mm"]
        rows.append({"file": path.name, "frames": len(result.motion), "error_mm": round(error_mm, 2)})
        print(f"{path.name}: {error_mm:.1f} mm")
    with (out / "errors.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["file", "frames", "error_mm"])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(
        Path(sys.argv[1] if len(sys.argv) > 1 else "example-output"),
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
    )
