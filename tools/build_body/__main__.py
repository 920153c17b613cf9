# SPDX-License-Identifier: Apache-2.0
"""`python -m tools.build_body --out dancepose_addon/assets/body.npz`: build the free default body."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import logging
from pathlib import Path
import sys
from typing import Final

import numpy as np

from dancepose_addon.core.body import compact

from . import anny_source, assembly, writing

SAMPLES: Final = 400
SEED: Final = 20240117

logger = logging.getLogger("tools.build_body")


def main(argv: Sequence[str] | None = None) -> int:
    """Build the body and write it.

    Args:
        argv: Command line without the program's name; None for ``sys.argv``.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.build_body", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write")
    parser.add_argument("--hands", type=Path, help="the .npz of its fingers to write; beside the body by default")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    people = anny_source.load_samples(SAMPLES, SEED)
    logger.info("sampled %d people", SAMPLES)
    body, hands = assembly.assemble(people)
    arrays = compact.encode(body)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    writing.write_npz(options.out, arrays)
    writing.write_npz(options.hands or options.out.with_name("hands.npz"), hands)
    with np.load(options.out, allow_pickle=False) as stored:
        written = compact.decode(dict(stored))
    print(f"{options.out}: {options.out.stat().st_size} bytes, {len(written['v_template'])} vertices")
    print(f"fingerprint {writing.fingerprint(written)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
