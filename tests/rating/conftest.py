# SPDX-License-Identifier: Apache-2.0
"""A packed rating, and its server."""

from pathlib import Path

import pytest

from tests.support.rating_cases import small_plan


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    """A packed rating; its database belongs to each test."""
    from dancepose.rating.pack.packing import PackOptions, make_pack

    root = tmp_path_factory.mktemp("rating")
    small_plan(root, length_s=0.4)
    make_pack(root, PackOptions())
    return root


@pytest.fixture
def served(packed):
    pytest.importorskip("starlette")
    from tests.support.rating_server import Served

    served = Served(packed)
    yield served
    served.desk.store.close()
