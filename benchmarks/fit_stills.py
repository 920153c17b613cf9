# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks.fit_stills``: key-points drawn over the fitted body, median and worst frame of two dances."""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.real_clips import DATA
from dancepose.plots.fit_plot import draw_still, frame_errors_mm, new_figure, save
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.inference import open_regressor

CLIPS = ("DANCE_C_2", "DANCE_W_1")
OUT = Path(__file__).parents[1] / "docs" / "images" / "fit-stills.png"


def main() -> None:
    """Draw the four stills."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_stills", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA / "md", help="folder of music & dance clips")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    body, regressor = load_body(), open_regressor(None, layout="md23")
    figure = new_figure(12.0, 3.6)
    axes = figure.subplots(1, 2 * len(CLIPS))
    for number, name in enumerate(CLIPS):
        result = fit(read(arguments.data / name), regressor=regressor, body=body)
        error = frame_errors_mm(result)
        order = np.argsort(error)
        for title, frame, axis in zip(
            ("median", "worst"), (order[len(order) // 2], order[-1]), axes[2 * number : 2 * number + 2], strict=True
        ):
            draw_still(axis, result, int(frame))
            axis.set_title(f"{name}, {title}: frame {frame}, {error[frame]:.1f} mm", fontsize=9)
    save(figure, arguments.out)


if __name__ == "__main__":
    main()
