# SPDX-License-Identifier: GPL-3.0-or-later
"""Launcher of a checkout: ``blender -b -P render.py -- ARGS``, or ``python render.py ARGS`` with the bpy wheel."""

from pathlib import Path
import runpy

runpy.run_path(str(Path(__file__).resolve().parent / "dancepose_addon" / "launch.py"), run_name="__main__")
