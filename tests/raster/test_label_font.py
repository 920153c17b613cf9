# SPDX-License-Identifier: Apache-2.0
"""Names in pictures are drawn with a font that has their letters, and letters that no font has are named."""

import pytest

pytest.importorskip("PIL")

from PIL import ImageFont

from dancepose import label_font
from dancepose.label_font import font_for, missing_letters


def name_of(text: str) -> str | None:
    font = font_for(text, 20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font.getname()[0]


def test_plain_letters_have_pillow_s_font() -> None:
    assert name_of("ours (2)") == ImageFont.load_default(20).getname()[0]  # type: ignore[union-attr]
    assert missing_letters(["ours", "edge 2", ""]) == ()


def test_other_letters_have_a_font_with_them() -> None:
    try:
        ImageFont.truetype("DejaVuSans.ttf", 20)
    except OSError:
        pytest.skip("DejaVu is not installed")
    assert name_of("Größe Ελλάς") == "DejaVu Sans"
    assert missing_letters(["Größe Ελλάς"]) == ()


def test_letters_that_no_font_has_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_font, "CANDIDATES", ())
    label_font._name_for.cache_clear()
    try:
        [sentence] = missing_letters(["modèle 模型", "ours", "型"])
        assert "has the letters è模型, so they are boxes" in sentence
    finally:
        label_font._name_for.cache_clear()
