# SPDX-License-Identifier: GPL-3.0-or-later
"""In another process: enable what is installed, open the saved file, look, work on, and uninstall.

python reopen.py WORK-FOLDER FACTS.json
"""

import os
from pathlib import Path
import sys
from typing import Any

import bpy
from session import (
    MODULE,
    REPOSITORY,
    armatures,
    extension,
    files_under,
    fit,
    joints_at,
    keys_of,
    run,
    settings,
    traces,
)
from use_frames import FRAMES


def main(facts: dict[str, Any]) -> None:
    folder = Path(sys.argv[1])
    bpy.ops.preferences.addon_enable(module=MODULE)
    bpy.ops.wm.open_mainfile(filepath=str(folder / "dance.blend"))
    facts["settings"] = settings()
    (armature,) = armatures()
    facts["keys"], facts["joints"] = keys_of(armature), joints_at(armature, FRAMES)
    facts["refused"] = fit(str(extension("core.io.example").example_folder()))
    facts["dancers"] = len(armatures())
    repositories = [repository.module for repository in bpy.context.preferences.extensions.repos]
    bpy.ops.extensions.package_uninstall(repo_index=repositories.index(REPOSITORY), pkg_id="dancepose")
    facts["traces"] = traces()
    facts["user_files"] = files_under(os.environ["BLENDER_USER_RESOURCES"])


run(main)
