# SPDX-License-Identifier: Apache-2.0
"""Which files are of one subject."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from dancepose.trainer.mocap.write_shards import AMASS_SUFFIX, _groups


def test_takes_of_a_subject_are_one_group() -> None:
    """CMU's names are subject_take; other files are on their own."""
    paths = [Path(name) for name in ("cmu/01_01.bvh", "cmu/02_01.bvh", "cmu/01_02.bvh", "other/01_03.bvh", "plain.bvh")]
    assert _groups(paths) == [[paths[0], paths[2]], [paths[1]], [paths[3]], [paths[4]]]


def test_every_amass_file_is_on_its_own() -> None:
    paths = [Path(f"kit/1_{take}{AMASS_SUFFIX.upper() if take == 2 else AMASS_SUFFIX}") for take in (1, 2)]
    assert _groups(paths) == [[paths[0]], [paths[1]]]
    assert AMASS_SUFFIX == ".npz"
