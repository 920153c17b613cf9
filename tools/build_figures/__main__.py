# SPDX-License-Identifier: Apache-2.0
"""`python -m tools.build_figures --out dancepose_addon/assets/figures.npz`: build clothes, face and hair."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

import numpy as np

from dancepose_addon.core.body import compact
from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.body.model_io import DEFAULT_BODY
from tools.build_body.writing import write_npz

from . import assembly, presets
from .writing_figures import figure_arrays


def main(argv: Sequence[str] | None = None) -> int:
    """Build the figures and write them.

    Args:
        argv: Command line without the program's name; None for ``sys.argv``.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.build_figures", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write")
    options = parser.parse_args(argv)
    with np.load(DEFAULT_BODY, allow_pickle=False) as stored:
        body = compact.decode(dict(stored))
    rest = (body["J_regressor"] @ body["v_template"]).astype(np.float64)
    layer = assembly.build(body, dict(zip(JOINT_NAMES, rest, strict=True)))
    offsets = presets.offsets_m(body, layer)
    arrays = figure_arrays(layer, np.asarray(body["v_template"], np.float64), offsets, assembly.MATERIALS)
    write_npz(options.out, arrays)
    size = options.out.stat().st_size
    print(f"{options.out}: {size} bytes, {len(layer.at_m)} vertices, {len(layer.faces)} triangles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
