# SPDX-License-Identifier: Apache-2.0
"""Names of the files that an export writes beside its model. Needs no torch, so that they can be checked first."""

from collections.abc import Sequence
from contextlib import suppress
import os
from pathlib import Path
from typing import Final

from dancepose_addon.core.bounded_files import require_regular
from dancepose_addon.core.errors import DancePoseError, OutputError
from dancepose_addon.core.stored_tables import has_keys

CARD_MARK: Final = ", layout "
"""In the title of a model card."""
MOST_TITLE_BYTES: Final = 4096


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


def require_exported_files(model: Path, layouts: Sequence[str]) -> None:
    """Refuse to replace files beside a model that no export wrote, since no option names them.

    Args:
        model: The .onnx file.
        layouts: Names of its layouts.

    Raises:
        OutputError: A report or card is there that is of something else.
    """
    report = report_beside(model)
    is_own = not os.path.lexists(report) or has_keys(report, "file", "written", "layouts")
    others = [] if is_own else [report]
    others += [card for card in cards_beside(model, layouts) if not _is_own_card(card)]
    if others:
        raise OutputError(
            f"{others[0]} is of no export, and would be replaced by what is written beside {model.name}. Choose "
            "another --out."
        )


def _is_own_card(path: Path) -> bool:
    if not os.path.lexists(path):
        return True
    with suppress(DancePoseError, OSError):
        require_regular(path)
        with path.open("rb") as file:
            title = file.readline(MOST_TITLE_BYTES).decode(errors="replace")
        return title.startswith("# ") and CARD_MARK in title
    return False
