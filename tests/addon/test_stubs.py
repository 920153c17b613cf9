# SPDX-License-Identifier: Apache-2.0
"""``make check`` finds misspelt attributes of Blender, because mypy follows its stubs."""

from pathlib import Path
import subprocess
import sys

import pytest

SNIPPET = """
import bpy
from dancepose_addon.blender.narrowing import mesh_of, present, render_of, scene_of


def correct(context: bpy.types.Context, thing: bpy.types.Object) -> int:
    scene_of(context).frame_set(1)
    return len(mesh_of(thing).vertices) + render_of(scene_of(context)).resolution_x


def misspelt(context: bpy.types.Context, thing: bpy.types.Object) -> None:
    scene_of(context).frame_sett(1)
    mesh_of(thing).vertexes
    render_of(scene_of(context)).resolutionx = 5
    present(thing.animation_data).acton
    bpy.data.meshs
    context.scene.frame_set(1)
"""
FOUND = ("frame_sett", "vertexes", "resolutionx", "acton", "meshs", 'Item "None" of "Scene | None"')


@pytest.mark.slow
def test_a_misspelt_attribute_is_an_error(root, tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    if sys.version_info[:2] != (3, 11):
        pytest.skip("types are checked under Python 3.11")
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), str(snippet)]
    done = subprocess.run(
        [*command, "--cache-dir", str(tmp_path / "cache")], cwd=root, capture_output=True, text=True, timeout=600
    )
    if "stub" in done.stdout and "bpy" in done.stdout:
        pytest.skip("the stubs of Blender are not installed")
    errors = [line for line in done.stdout.splitlines() if "error:" in line and "snippet.py" in line]
    assert len(errors) == len(FOUND), done.stdout
    for line, word in zip(errors, FOUND, strict=True):
        assert word in line


def test_the_configuration_follows_the_stubs(root):
    import tomllib

    settings = tomllib.loads(Path(root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    skipping = [part for part in settings["overrides"] if part.get("follow_imports") == "skip"]
    assert skipping == []
