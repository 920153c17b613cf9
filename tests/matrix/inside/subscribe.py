# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscribe to a repository's index and install the extension from there.

python subscribe.py INDEX-URL FACTS.json
"""

import sys
from typing import Any

import bpy
from session import run


def main(facts: dict[str, Any]) -> None:
    # Blender asks for this before it installs from any repository, be it a folder.
    bpy.context.preferences.system.use_online_access = True
    bpy.ops.preferences.extension_repo_add(name="Lab", remote_url=sys.argv[1], type="REMOTE")
    repositories = bpy.context.preferences.extensions.repos
    index = next(number for number, repository in enumerate(repositories) if repository.remote_url == sys.argv[1])
    bpy.ops.extensions.repo_sync(repo_index=index)
    bpy.ops.extensions.package_install(repo_index=index, pkg_id="dancepose", enable_on_install=True)
    module = f"bl_ext.{repositories[index].module}.dancepose"
    facts["enabled"] = module in bpy.context.preferences.addons
    facts["operator"] = "import_fit" in dir(bpy.ops.dancepose)
    if facts["enabled"]:
        bpy.ops.preferences.addon_disable(module=module)


run(main)
