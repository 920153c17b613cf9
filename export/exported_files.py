# SPDX-License-Identifier: Apache-2.0
"""Names of the files that an export writes beside its model. Needs no torch, so that they can be checked first."""

from collections.abc import Sequence
from pathlib import Path


def report_beside(model: Path) -> Path:
    """Return the report of a model."""
    return model.with_suffix(".json")


def cards_beside(model: Path, layouts: Sequence[str]) -> list[Path]:
    """Return the model cards of a model.

    Args:
        model: The .onnx file.
        layouts: Names of its layouts; of one layout the card has the model's own name.
    """
    if len(layouts) <= 1:
        return [model.with_suffix(".md")]
    return [model.with_name(f"{name}.md") for name in layouts]
