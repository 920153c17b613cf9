# SPDX-License-Identifier: Apache-2.0
"""Compiled shaders, and how numbers reach them."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from . import shaders

if TYPE_CHECKING:
    import moderngl

SOURCES: Final = {
    "backdrop": (shaders.BACKDROP_VERTEX, shaders.BACKDROP_FRAGMENT),
    "ground": (shaders.GROUND_VERTEX, shaders.GROUND_FRAGMENT),
    "planar": (shaders.PLANAR_VERTEX, shaders.PLANAR_FRAGMENT),
    "sum": (shaders.SCREEN_VERTEX, shaders.SUM_FRAGMENT),
    "depth": (shaders.DEPTH_VERTEX, shaders.DEPTH_FRAGMENT),
    "body": (shaders.BODY_VERTEX, shaders.BODY_FRAGMENT),
    "compose": (shaders.SCREEN_VERTEX, shaders.COMPOSE_FRAGMENT),
}


class Programs:
    """All programs of the engine.

    Args:
        context: OpenGL context.
    """

    def __init__(self, context: "moderngl.Context") -> None:
        self._programs: dict[str, Any] = {
            name: context.program(vertex_shader=vertex, fragment_shader=fragment)
            for name, (vertex, fragment) in SOURCES.items()
        }
        self._programs["visibility"] = context.program(
            vertex_shader=shaders.VISIBILITY_VERTEX, varyings=("lights", "surroundings")
        )

    def __getitem__(self, name: str) -> Any:
        return self._programs[name]

    def set_everywhere(self, **values: Any) -> None:
        """Set uniforms in every program that uses them."""
        for program in self._programs.values():
            for name, value in values.items():
                set_uniform(program, name, value)


def set_uniform(program: Any, name: str, value: Any) -> None:
    """Set a uniform, or do nothing where the driver has removed it.

    Args:
        program: The program.
        name: Name of the uniform.
        value: A number, or an array, whose rows go to the entries of an array of vectors.
    """
    uniform = program.get(name, None)
    if uniform is None:
        return
    if isinstance(value, np.ndarray):
        kind = np.int32 if value.dtype.kind == "i" else np.float32
        data: NDArray[Any] = np.ascontiguousarray(value, kind)
        room = uniform.dimension * uniform.array_length
        padded = np.zeros(max(room, data.size), kind)
        padded[: data.size] = data.ravel()
        uniform.write(padded[:room].tobytes())
    else:
        uniform.value = value
