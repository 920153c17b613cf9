# SPDX-License-Identifier: GPL-3.0-or-later
"""DancePose: skeleton motion to a rigged SMPL avatar and study-ready video, as a Blender extension.

Nothing is imported until Blender registers the extension, so that ``core`` can be used without Blender.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from .registration import register_all

    register_all()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from .registration import unregister_all

    unregister_all()
