# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks.inputs``: read every case and sample, as it is and in variants, and judge what becomes of it.

    python -m benchmarks.inputs [--cases FOLDER] [--only TEXT] [--no-fit]

Cases are the files of tests/cases; samples are files that are rebuilt after the code of about 50 tools
(tests/support/samples.py, tool_samples.py). Variants of points: rotated, scaled, mirrored, renamed, at another rate.

    right      layout, unit, axes, sides and rate are true
    doubted    something is not true, or not known, and the user is informed
    refused    not read, with the true reason
    wrong      not true and nothing is said, or refused with another reason

Cases that are read are fitted too: a mean error over 50 mm is wrong, 80 mm where the joints of the trunk
coincide.
"""

import argparse
from collections import Counter
from pathlib import Path
import sys
from tempfile import TemporaryDirectory

import numpy as np

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.skeleton.readers import examine, sequence_of
from dancepose_addon.core.skeleton.recording import Hints, PoseRecording
from dancepose_addon.inference import open_for

from .expectations import EXPECTED, Verdict, judge_case
from .variants import sample_variants

CASES = Path(__file__).parents[2] / "tests" / "cases"


def fit_error_m(path: Path, hints: Hints) -> float:
    """Mean distance of a fitted body to a file's points, metres; 0 for rotations, which need no fit."""
    examination = examine(path, hints)
    if isinstance(examination.recording, PoseRecording):
        return 0.0
    sequence, regressor = open_for(sequence_of(examination), device="cpu")
    return float(np.nanmean(fit(sequence, regressor=regressor, body=load_body()).error_m))


def case_rows(folder: Path, only: str, *, with_fit: bool) -> list[tuple[str, Verdict]]:
    """Judge every case of a folder."""
    rows = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".md" or only not in path.name:
            continue
        expected = EXPECTED.get(path.name)
        if expected is None:
            rows.append((path.name, Verdict("wrong", "no expectation is known for it")))
            continue
        verdict = judge_case(path, expected)
        if with_fit and verdict.kind in ("right", "doubted"):
            try:
                error = fit_error_m(path, Hints(fps=expected.fps))
            except DancePoseError as problem:
                verdict = Verdict("wrong", f"not fitted: {problem}")
            else:
                if error > expected.most_error_m:
                    verdict = Verdict("wrong", f"the fit ends {1000.0 * error:.0f} mm away")
                else:
                    verdict = Verdict(verdict.kind, f"{verdict.why} fit {1000.0 * error:.0f} mm".strip())
        rows.append((path.name, verdict))
    return rows


def main() -> None:
    """Print a line for each input, and a table; leave with 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, default=CASES)
    parser.add_argument("--only", default="", help="inputs whose name holds this text")
    parser.add_argument("--no-fit", action="store_true", help="do not fit the cases")
    arguments = parser.parse_args()
    rows = case_rows(arguments.cases, arguments.only, with_fit=not arguments.no_fit)
    with TemporaryDirectory() as folder:
        rows += sample_variants(Path(folder), arguments.only)
    counts: dict[str, Counter[str]] = {"cases": Counter(), "samples and variants": Counter()}
    for number, (name, verdict) in enumerate(rows):
        print(f"{verdict.kind:<8} {name:<52} {verdict.why[:160]}", flush=True)
        is_case = number < len(rows) and name in EXPECTED
        counts["cases" if is_case else "samples and variants"][verdict.kind] += 1
    print("\n| inputs | right | doubt said | refused truly | wrong |\n|---|---|---|---|---|")
    for kind, counted in counts.items():
        print(f"| {kind} | " + " | ".join(str(counted[key]) for key in ("right", "doubted", "refused", "wrong")) + " |")
    sys.exit(any(counted["wrong"] for counted in counts.values()))


if __name__ == "__main__":
    main()
