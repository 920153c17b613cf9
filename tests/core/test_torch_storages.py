# SPDX-License-Identifier: Apache-2.0
"""PyTorch's old files of tensors, written byte by byte: storages of every size, and damaged ones."""

import io
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.skeleton.readers.torch_zip import load_torch_legacy

torch = pytest.importorskip("torch")


def legacy(value: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


@pytest.mark.parametrize(
    "kind", [torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.float16, torch.uint8]
)
def test_tensors_of_old_files(kind: Any) -> None:
    value = {"first": (torch.arange(6) % 5).to(kind).reshape(2, 3), "second": torch.ones(4, dtype=torch.float64)}
    found = load_torch_legacy(legacy(value), "it")
    np.testing.assert_array_equal(found["first"], value["first"].float().numpy())
    np.testing.assert_array_equal(found["second"], np.ones(4))


@pytest.mark.parametrize("missing", [1, 8, 30])
def test_files_that_end_early(missing: int) -> None:
    """The last storage, or the count before it, is cut."""
    data = legacy({"first": torch.ones(2, 3)})
    with pytest.raises(FormatError):
        load_torch_legacy(data[:-missing], "it")


@pytest.mark.parametrize("count", [-1, 2**40])
def test_counts_that_do_not_fit(count: int) -> None:
    data = legacy({"first": torch.ones(2, 3)})
    place = len(data) - 24 - 8
    assert int.from_bytes(data[place : place + 8], "little") == 6
    damaged = data[:place] + count.to_bytes(8, "little", signed=True) + data[place + 8 :]
    with pytest.raises(FormatError, match="does not fit into the file"):
        load_torch_legacy(damaged, "it")
