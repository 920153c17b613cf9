# SPDX-License-Identifier: GPL-3.0-or-later
"""Install zips, the extension's last, and fit the example if that enabled it.

python install_fit.py ARCHIVE... FACTS.json
"""

import sys
from typing import Any

import bpy
from session import armatures, data_names, extension, fit, install, is_enabled, onnxruntime_in_use, run, traces


def main(facts: dict[str, Any]) -> None:
    *others, archive = sys.argv[1:-1]
    facts["before"] = traces()
    for other in others:
        bpy.ops.extensions.package_install_files(filepath=other, repo="user_default", enable_on_install=True)
    facts["installed"] = install(archive)
    facts["extensions"] = sorted(bpy.context.preferences.addons.keys())
    if not is_enabled():
        facts["after"] = traces()
        return
    data = data_names()
    facts["refused"] = fit(str(extension("core.io.example").example_folder()))
    facts["dancers"], facts["onnxruntime"] = len(armatures()), onnxruntime_in_use()
    if facts["refused"]:
        facts["left"] = {kind: names for kind, names in data_names().items() if names != data[kind]}


run(main)
