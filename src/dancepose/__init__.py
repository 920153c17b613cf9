# SPDX-License-Identifier: Apache-2.0
"""DancePose: from 3D skeleton motion to a rigged, posed SMPL avatar.

A short session::

    import dancepose

    result = dancepose.fit_file("dance.npz")       # any motion file, keypoints or rotations
    result.save("motion.npz")                      # AMASS-style SMPL parameters
    body = dancepose.load_body()
    joints_m = result.motion.joints(body)          # (T, 24, 3), metres, y up
    dancepose.render(result.motion, "dance.mp4")   # in a Blender process

Importing this package imports nothing else; each name loads what it needs when it is first used. Everything but
``render`` needs only NumPy.
"""

from importlib import import_module

# Not imported from typing, which takes longer than all else here: until then Ctrl-C ends in a traceback.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from dancepose_addon.core.body.motion import BodyMotion
    from dancepose_addon.core.errors import DancePoseError
    from dancepose_addon.core.fit.pipeline import FitResult
    from dancepose_addon.core.fit.settings import FitSettings
    from dancepose_addon.core.skeleton.layouts import Layout, get_layout
    from dancepose_addon.core.skeleton.sequence import KeypointSequence
    from dancepose_addon.inference.regressors import open_regressor

    from .api import fit, fit_file, load_body, read, render

__all__ = [
    "BodyMotion",
    "DancePoseError",
    "FitResult",
    "FitSettings",
    "KeypointSequence",
    "Layout",
    "fit",
    "fit_file",
    "get_layout",
    "load_body",
    "open_regressor",
    "read",
    "render",
]

_MODULES = {
    "BodyMotion": "dancepose_addon.core.body.motion",
    "DancePoseError": "dancepose_addon.core.errors",
    "FitResult": "dancepose_addon.core.fit.pipeline",
    "FitSettings": "dancepose_addon.core.fit.settings",
    "KeypointSequence": "dancepose_addon.core.skeleton.sequence",
    "Layout": "dancepose_addon.core.skeleton.layouts",
    "fit": "dancepose.api",
    "fit_file": "dancepose.api",
    "get_layout": "dancepose_addon.core.skeleton.layouts",
    "load_body": "dancepose.api",
    "open_regressor": "dancepose_addon.inference.regressors",
    "read": "dancepose.api",
    "render": "dancepose.api",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
