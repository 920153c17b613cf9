# SPDX-License-Identifier: Apache-2.0
"""An OpenGL context without a window."""

from collections.abc import Callable
import functools
import sys
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from dancepose_addon.core.errors import EngineError

if TYPE_CHECKING:
    import moderngl

P = ParamSpec("P")
R = TypeVar("R")
VERSION_CODE: Final = 330
CLIP_DISTANCES: Final = (0x3000, 0x3001, 0x3002, 0x3003)
"""GL_CLIP_DISTANCE0 to 3."""
INSTALL: Final = (
    "Install the extra `fast` of dancepose and the packages libegl1 and libgl1-mesa-dri (Debian's names), or choose "
    "--engine cycles."
)


def open_context() -> "moderngl.Context":
    """Open an OpenGL context, through EGL on Linux.

    Returns:
        The context.

    Raises:
        EngineError: moderngl is not installed, or no OpenGL 3.3 can be opened.
    """
    try:
        import moderngl
    except ImportError as error:
        raise EngineError(f"The fast engine needs moderngl, which is not installed ({error}). {INSTALL}") from error
    try:
        backend: dict[str, Any] = {"backend": "egl"} if sys.platform.startswith("linux") else {}
        return moderngl.create_context(require=VERSION_CODE, standalone=True, **backend)
    except Exception as error:  # glcontext and moderngl raise plain Exceptions
        raise EngineError(f"The fast engine found no OpenGL 3.3 ({error}). {INSTALL}") from error


def engine_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function raise EngineError where the driver fails, mostly because memory is short."""

    @functools.wraps(function)
    def guarded(*args: P.args, **keywords: P.kwargs) -> R:
        import moderngl

        try:
            return function(*args, **keywords)
        except (moderngl.Error, MemoryError) as error:
            raise EngineError(
                f"OpenGL cannot draw the picture ({error or 'out of memory'}). Free memory, choose a smaller picture, "
                "or choose --engine cycles."
            ) from error

    return guarded


def renderer_name(context: "moderngl.Context") -> str:
    """Return what identifies the driver: its renderer and version, on which single bits of a picture depend."""
    return f"{context.info['GL_RENDERER']}, {context.info['GL_VERSION']}"


def is_software(renderer: str) -> bool:
    """Return whether an OpenGL renderer is one that draws on the CPU."""
    return any(name in renderer.lower() for name in ("llvmpipe", "softpipe", "swrast", "swiftshader"))
