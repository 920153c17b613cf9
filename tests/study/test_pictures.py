# SPDX-License-Identifier: Apache-2.0
"""Labels of comparisons: short ones stay as they are, long ones keep what fits."""

import pytest

pytest.importorskip("PIL")

from PIL import ImageFont

from dancepose.study.media.pictures import _fitted

FONT = ImageFont.load_default(20)


def test_a_label_that_fits_stays() -> None:
    assert _fitted("waltz", FONT, round(FONT.getlength("waltz")) + 1) == "waltz"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_long_label_keeps_as_much_as_fits(share: float) -> None:
    text = "a system with a rather long name"
    width = round(share * FONT.getlength(text))
    shown = _fitted(text, FONT, width)
    assert shown.endswith("...")
    kept = shown.removesuffix("...")
    assert text.startswith(kept)
    assert FONT.getlength(shown) <= width
    assert FONT.getlength(text[: len(kept) + 1] + "...") > width


def test_no_room_leaves_the_ellipsis() -> None:
    assert _fitted("waltz", FONT, 1) == "..."
