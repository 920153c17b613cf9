# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point without a window: ``blender -b -P launch.py -- ARGS``, or ``python launch.py ARGS`` with the bpy wheel.

The file may be run by path from a checkout, from an installed wheel or from an installed extension.
"""

import importlib
from pathlib import Path
import sys


def run() -> None:
    """Run the headless program that the first argument names, and leave with its exit code."""
    names = [name for name in sys.modules if name.startswith("bl_ext.") and name.endswith(".dancepose")]
    launcher_folder = Path(__file__).resolve().parent
    if launcher_folder.name == "dancepose_addon":
        sys.path.insert(0, str(launcher_folder.parent))
        names = ["dancepose_addon"]
    if not names:
        sys.exit(
            "dancepose: The extension is not enabled. Enable it in the preferences, or run render.py of a checkout."
        )
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    headless = importlib.import_module(f"{names[0]}.headless")
    others = {"study-worker": "headless_study", "doctor": "headless_doctor"}
    if arguments and arguments[0] in others:
        other = importlib.import_module(f"{names[0]}.{others[arguments[0]]}")
        headless.leave(other.main(arguments[1:]))
    headless.leave(headless.main(arguments))


if __name__ == "__main__":
    run()
