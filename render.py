"""Runs DancePose without a window: ``blender -b -P render.py -- ARGS``, or ``python render.py ARGS`` (bpy wheel)."""

import importlib
from pathlib import Path
import sys

here = Path(__file__).resolve().parent
names = [name for name in sys.modules if name.startswith("bl_ext.") and name.endswith(".dancepose")]
if (here / "dancepose_addon").is_dir():
    sys.path.insert(0, str(here))
    names = ["dancepose_addon"]
if not names:
    sys.exit("dancepose: The extension is not enabled here. Enable it, or run render.py from a checkout.")
headless = importlib.import_module(f"{names[0]}.headless")
arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
others = {"study-worker": "headless_study", "doctor": "headless_doctor"}
if arguments and arguments[0] in others:
    other = importlib.import_module(f"{names[0]}.{others[arguments[0]]}")
    headless.leave(other.main(arguments[1:]))
headless.leave(headless.main(arguments))
