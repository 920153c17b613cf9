# SPDX-License-Identifier: Apache-2.0
"""A short stretch of ``python -m tests.support.fuzzing``; the counts of the whole are in docs/formats.md."""

import signal

import pytest

from tests.support.fuzzing import fuzz_reader, seeds_by_reader

READERS = seeds_by_reader()


@pytest.mark.parametrize("reader", READERS)
def test_damaged_files_are_refused_in_a_sentence(reader: str, request: pytest.FixtureRequest) -> None:
    previous = signal.getitimer(signal.ITIMER_REAL)
    outcome = fuzz_reader(READERS[reader], 60, here=True)
    signal.setitimer(signal.ITIMER_REAL, *previous)  # pytest's own timeout
    assert outcome.counts["read"] + outcome.counts["refused"] == 60, outcome.examples
    assert outcome.counts["slow"] == outcome.counts["memory"] == 0, outcome.examples
    assert outcome.counts["refused"] > 5


def test_every_reader_has_a_seed() -> None:
    assert all(READERS.values())
