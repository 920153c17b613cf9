# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point without a window: ``blender -b -P launch.py -- ARGS``, or ``python launch.py ARGS`` with the bpy wheel.

The file may be run by path from a checkout, from an installed wheel or from an installed extension.
"""

import importlib
import os
from pathlib import Path
import sys
import threading
import time
from typing import Final

PARENT: Final = "DANCEPOSE_PARENT"
"""As in ``core/interruption.py``, which cannot be imported before the package's name is known."""
WATCH_EVERY_S: Final = 0.25


def watch_parent() -> None:
    """End this process where its parent ends while Blender is still being imported.

    Afterwards ``core.interruption.ending_with_parent`` does so; it removes the environment variable.
    """
    named = os.environ.get(PARENT, "")
    if not named.isdecimal() or sys.platform == "win32":
        return
    is_child = os.getppid() == int(named)

    def watch() -> None:
        while os.environ.get(PARENT) == named:
            # Another process may be between the two, such as a script that starts Blender.
            if os.getppid() != int(named) if is_child else not _is_running(int(named)):
                os._exit(1)
            time.sleep(WATCH_EVERY_S)

    threading.Thread(target=watch, daemon=True).start()


def _is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # It is another user's.
        return True
    return True


def run() -> None:
    """Run the headless program that the first argument names, and leave with its exit code."""
    watch_parent()
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
