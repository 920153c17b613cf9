# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels say: in words that have a translation, in lines that have room, in numbers of equal precision.

The bpy wheels are built without languages; that Blender shows these words is tested in a real window.
"""

import ast
from pathlib import Path
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import dancepose_addon
from dancepose_addon.core.skeleton.layouts import LAYOUTS
from dancepose_addon.core.skeleton.readers import read

PACKAGE = Path(dancepose_addon.__file__).parent
SAME_EVERYWHERE = {
    "X", "Y", "Z", "-X", "-Y", "-Z", "CUDA", "CPU", "NumPy", "onnxruntime", "BVH", "FBX", "glTF (.glb)", "USD",
    "Alembic", "AMASS (.npz)", "Cycles", "Workbench", "EEVEE", "AIST++", "AMASS", *LAYOUTS,
}  # fmt: skip
"""Names that are the same in every language."""
OWN_GROUPS = ("DANCEPOSE_PG_settings", "DANCEPOSE_PG_stage", "DANCEPOSE_AP_preferences")

Said = set[tuple[str, str]]


@pytest.fixture
def imported(extension, root, tmp_path):
    sequence = read(root / "examples" / "waltz", frames=(0, 20))
    path = tmp_path / "short.npz"
    np.savez(path, keypoints=sequence.keypoints_m, fps=sequence.fps, layout="md23")
    extension.context.scene.dancepose.source = str(path)
    assert extension.ops.dancepose.import_fit() == {"FINISHED"}
    return extension.context.object


class Layout:
    """Stands in for Blender's: writes down the words that it would look up, and in which context."""

    def __init__(self, bpy: Any, said: Said, shown: list[str]) -> None:
        self.__dict__.update(bpy=bpy, said=said, shown=shown)

    def _inner(self, **_how: Any) -> "Layout":
        return Layout(self.bpy, self.said, self.shown)

    column = row = box = split = grid_flow = _inner

    def separator(self) -> None:
        pass

    def popover(self, **_how: Any) -> None:
        pass

    def _say(self, text: str, context: str, *, translate: bool) -> None:
        self.shown.append(text)
        if translate and text:
            self.said.add((context, text))

    def label(self, *, text: str, text_ctxt: str = "*", translate: bool = True, **_how: Any) -> None:
        self._say(text, text_ctxt, translate=translate)

    def prop(self, data: Any, name: str, **how: Any) -> None:
        rna = data.bl_rna.properties[name]
        text = how.get("text", rna.name)
        context = how.get("text_ctxt", "*") if "text" in how else rna.translation_context
        self._say(text, context, translate=how.get("translate", True))
        self.said.update(choices_of(rna))

    def operator(self, name: str, **how: Any) -> Any:
        rna = operator_rna(self.bpy, name)
        context = how.get("text_ctxt", "*") if "text" in how else rna.translation_context
        self._say(how.get("text", rna.name), context, translate=how.get("translate", True))
        return SimpleNamespace()

    def operator_menu_enum(self, name: str, prop: str, *, text: str, text_ctxt: str = "*", **_how: Any) -> None:
        self._say(text, text_ctxt, translate=True)
        self.said.update(choices_of(operator_rna(self.bpy, name).properties[prop]))


def operator_rna(bpy: Any, name: str) -> Any:
    group, _, verb = name.partition(".")
    return getattr(getattr(bpy.ops, group), verb).get_rna_type()


def choices_of(rna: Any) -> Said:
    return {(rna.translation_context, item.name) for item in rna.enum_items} if rna.type == "ENUM" else set()


def names_of(rna: Any, own: set[str]) -> Said:
    """Of the properties among ``own`` that are shown, and of their choices."""
    said: Said = set()
    for name in own & set(rna.properties.keys()):
        prop = rna.properties[name]
        if not prop.is_hidden:
            said |= {(prop.translation_context, prop.name)} | choices_of(prop)
    return said


def own_properties(cls: type) -> set[str]:
    """Those that a class of ours adds to what it inherits of Blender."""
    ours = (base for base in cls.__mro__ if base.__module__.startswith("dancepose_addon"))
    return {name for base in ours for name in vars(base).get("__annotations__", ())}


def drawn(bpy: Any, *, width: int = 260) -> tuple[Said, list[str]]:
    """What all panels of the sidebar show now, and File > Import: words to look up, and all texts."""
    from dancepose_addon.ui.panels import PANELS, draw_import_entry

    said, shown = set(), []
    real = bpy.context
    context = SimpleNamespace(
        scene=real.scene, view_layer=real.view_layer, object=real.object, mode=real.mode,
        preferences=real.preferences, region=SimpleNamespace(width=width),
    )  # fmt: skip
    panel = SimpleNamespace(layout=Layout(bpy, said, shown))
    for cls in PANELS:
        said.add((cls.bl_translation_context, cls.bl_label))
        cls.draw(panel, context)
    draw_import_entry(panel, context)
    return said, shown


def untranslated(said: Said) -> Said:
    from dancepose_addon.ui.translations import TRANSLATIONS

    return {
        (context, text)
        for context, text in said
        if text not in SAME_EVERYWHERE and any((context, text) not in table for table in TRANSLATIONS.values())
    }


def test_every_word_of_the_panels_is_translated_in_our_context(extension):
    scene = extension.context.scene
    scene.dancepose.layout, scene.dancepose.audio = "FILE", "music.wav"
    said, _ = drawn(extension)
    assert len(said) > 80
    assert untranslated(said) == set()


def test_every_word_is_translated_that_a_dancer_brings(extension, imported):
    assert imported.dancepose.found
    extension.ops.dancepose.bake()
    for form in ("VIDEO", "FRAMES"):
        extension.context.scene.dancepose_stage.form = form
        said, shown = drawn(extension)
        assert {"Median", "Worst Frames", "Disable Cache", "Trousers", "Pupil", "Layout"} <= set(shown)
        assert untranslated(said) == set()


def test_every_property_button_and_list_is_translated_in_our_context(extension):
    from dancepose_addon.registration import CLASSES

    said: Said = set()
    for cls in CLASSES:
        if issubclass(cls, extension.types.Operator):
            rna = operator_rna(extension, cls.bl_idname)
            said |= {(rna.translation_context, rna.name)} | names_of(rna, own_properties(cls))
        elif issubclass(cls, extension.types.Panel):
            said.add((cls.bl_translation_context, cls.bl_label))
        elif cls.__name__ in OWN_GROUPS:
            said |= names_of(cls.bl_rna, own_properties(cls))
    assert len(said) > 120
    assert untranslated(said) == set()


def test_what_a_file_may_be_recognised_as_is_translated():
    """Topics, and values that are words, of every finding of the core's."""
    from dancepose_addon.ui.translations import RECOGNISED, TEXTS

    topics, values = set(), set()
    for path in (PACKAGE / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                topic, value = node.args[:2]
                topics |= {part.value for part in ast.walk(topic) if isinstance(part, ast.Constant)}
                if not isinstance(value, ast.JoinedStr):
                    values |= {part.value for part in ast.walk(value) if isinstance(part, ast.Constant)}
    assert {"up axis", "sides", "rate"} <= topics
    assert {"as named", "mirrored", "unknown"} <= values
    known = set(TEXTS) | set(RECOGNISED)
    assert {topic.capitalize() for topic in topics} - known == set()
    words = {value for value in values if isinstance(value, str) and len(value) > 2} - {" fps"}
    assert words - known == set()


def test_every_word_that_is_looked_up_in_code_is_translated():
    from dancepose_addon.ui.translations import TEXTS

    looked_up = set()
    for path in (PACKAGE / "ui").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "translate":
                looked_up |= {part.value for part in node.args if isinstance(part, ast.Constant)}
    assert {"Fitted {}", "Body Height"} <= looked_up
    assert looked_up - set(TEXTS) == set()
    for text in (text for text in TEXTS if "{" in text):
        for words in TEXTS[text]:
            assert re.findall("{.*?}", words) == re.findall("{.*?}", text)


def test_translations_are_other_words_and_each_thing_has_one():
    from dancepose_addon.ui.translations import CONTEXT, TEXTS, TRANSLATIONS

    for language, table in TRANSLATIONS.items():
        assert {context for context, _ in table} == {CONTEXT}
        assert all(told and told != text for (_, text), told in table.items()), language
    for column, fit in enumerate(("拟合", "フィット")):
        fits = ("Fit", "Refit", "Import & Fit", "Fit Presets", "Fit Preset", "Add Fit Preset")
        assert all(fit in TEXTS[text][column] for text in fits)


def measure(text: str) -> float:
    """Seven pixels a letter, twelve a letter of Chinese or Japanese."""
    return sum(12.0 if ord(letter) > 0x2E7F else 7.0 for letter in text)


@pytest.mark.parametrize(
    "text",
    [
        "Layout is set to From File, but no file is chosen. Choose a .toml file or Automatic.",
        "/a/very/long/path/without/any/space/in/it/at/all/dance.npz does not exist",
        "旋转直接来自文件，没有误差。旋转直接来自文件，没有误差",
        "md23 の関節、手なし, on CPU and 音楽",
        "x",
    ],
)
def test_lines_are_never_wider_than_their_room_and_lose_no_letter(blender, text):
    from dancepose_addon.ui.text_layout import wrap

    lines = wrap(text, 100.0, measure)
    assert max(map(measure, lines)) <= 100.0
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert len(lines) <= 3 * measure(text) / 100.0 + 1


def test_lines_end_between_words(blender):
    from dancepose_addon.ui.text_layout import wrap

    assert wrap("one two three four", 7.0 * 9, measure) == ["one two", "three", "four"]
    assert wrap("", 50.0, measure) == []


def test_betas_are_shown_with_equal_precision_and_kept_exactly(extension):
    settings = extension.context.scene.dancepose
    exact = (0.00566, -0.11412, 0.004, -0.0004, 1.23456, 0.0, -2.5, 0.015, 0.3333, 1e-5)
    settings.betas = exact
    shown = [float(f"{beta:.6f}") for beta in settings.shown_betas]
    assert shown == [0.01, -0.11, 0.0, 0.0, 1.23, 0.0, -2.5, pytest.approx(0.015, abs=0.0051), 0.33, 0.0]
    # Blender gives a number more decimals where it is smaller than the last of them, and not 0.
    assert all(beta == 0.0 or abs(beta) > 0.0099 for beta in settings.shown_betas)
    settings.shown_betas[1] = 0.75
    assert settings.give_betas
    wanted = list(exact)
    wanted[1] = 0.75
    assert tuple(settings.betas) == pytest.approx(wanted, abs=1e-7)
