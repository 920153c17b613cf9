# SPDX-License-Identifier: Apache-2.0
"""`python -m tools.build_figures --out dancepose_addon/assets/figures.npz`: build clothes, face and hair."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

import numpy as np

from dancepose_addon.core.body import compact
from dancepose_addon.core.body.figure_file import MANNEQUIN, MANNEQUIN_FILE
from dancepose_addon.core.body.looks import MANNEQUIN_RGBA
from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.body.model_io import DEFAULT_BODY
from tools.build_body.writing import write_npz

from . import assembly, mannequin, presets
from .writing_figures import figure_arrays


def main(argv: Sequence[str] | None = None) -> int:
    """Build the figures and write them.

    Args:
        argv: Command line without the program's name; None for ``sys.argv``.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.build_figures", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write; the mannequin is written beside it")
    options = parser.parse_args(argv)
    with np.load(DEFAULT_BODY, allow_pickle=False) as stored:
        body = compact.decode(dict(stored))
    rest = (body["J_regressor"] @ body["v_template"]).astype(np.float64)
    layer = assembly.build(body, dict(zip(JOINT_NAMES, rest, strict=True)))
    offsets = presets.offsets_m(body, layer)
    points = np.asarray(body["v_template"], np.float64)
    write_npz(options.out, figure_arrays(layer, points, offsets, assembly.MATERIALS))
    plain = mannequin.build_mannequin(body, assembly.bare_points_m(body))
    bald = options.out.with_name(MANNEQUIN_FILE)
    one = {MANNEQUIN: np.zeros_like(plain.at_m)}
    write_npz(bald, figure_arrays(plain, points, one, (("body", (*MANNEQUIN_RGBA[:3], 1.0)),)))
    for path, built in ((options.out, layer), (bald, plain)):
        size = path.stat().st_size
        print(f"{path}: {size} bytes, {len(built.at_m)} vertices, {len(built.faces)} triangles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
