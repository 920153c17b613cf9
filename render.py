"""Runs DancePose without a window: ``blender -b -P render.py -- ARGS``, or ``python render.py ARGS`` (bpy wheel)."""

import importlib
from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).resolve().parent))
installed = [name for name in sys.modules if name.startswith("bl_ext.") and name.endswith(".dancepose")]
checkout = (Path(__file__).resolve().parent / "dancepose_addon").is_dir()
headless = importlib.import_module(f"{'dancepose_addon' if checkout else installed[0]}.headless")
headless.leave(headless.main(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]))
