# SPDX-License-Identifier: Apache-2.0
"""Every sample and every case of the benchmark of inputs has an expectation."""

from pathlib import Path

from benchmarks.inputs.expectations import EXPECTED
from benchmarks.inputs.variants import SAMPLES
from tests.support.field_samples import field_makers
from tests.support.samples import makers
from tests.support.tool_samples import tool_makers


def test_every_sample_has_an_expectation() -> None:
    assert ({*makers(2), *tool_makers(2), *field_makers(2)}) - SAMPLES.keys() == set()


def test_every_case_has_an_expectation(root: Path) -> None:
    names = {path.name for path in (root / "tests" / "cases").iterdir() if path.suffix != ".md"}
    assert names - EXPECTED.keys() - {"joints.json"} == set()
