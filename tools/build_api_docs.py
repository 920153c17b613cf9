# SPDX-License-Identifier: Apache-2.0
"""Writes docs/api.md from the docstrings of the public API. ``python -m tools.build_api_docs``."""

from dataclasses import fields, is_dataclass
import inspect
from pathlib import Path
import re
from types import FunctionType
from typing import Any, Final

import dancepose

OUT: Final = Path(__file__).parents[1] / "docs" / "api.md"
ORDER: Final = (
    "read", "fit", "fit_file", "render", "load_body", "open_regressor", "get_layout",
    "KeypointSequence", "BodyMotion", "FitResult", "FitSettings", "Layout", "DancePoseError",
)  # fmt: skip
"""Names in the order of the document: functions, then classes."""
SECTIONS: Final = ("Args", "Returns", "Raises", "Attributes")
INTRODUCTION: Final = """# Python API

This file is written from the docstrings by `python -m tools.build_api_docs`; do not edit it.

`import dancepose` gives the names below. Each is loaded when it is first used, so the import takes no time; everything
but `render` needs only NumPy. Runnable scripts are in [examples/](../examples/README.md).

    import dancepose

    result = dancepose.fit_file("dance.npz")
    result.save("motion.npz")
    joints_m = result.motion.joints(dancepose.load_body())

Lengths are metres, angles radians, times seconds. Axes are SMPL's: y up, the T-pose faces +z, its left is +x.
"""


def build() -> str:
    """Return the text of docs/api.md."""
    parts = [INTRODUCTION]
    for name in ORDER:
        value = getattr(dancepose, name)
        parts.append(_class_text(name, value) if inspect.isclass(value) else _function_text(name, value, level=2))
    return "\n".join(parts)


def _function_text(name: str, function: FunctionType | property, *, level: int) -> str:
    heading = f"{'#' * level} `{name}`\n"
    if isinstance(function, property):
        return f"{heading}\n{_document(function.fget)}"
    return f"{heading}\n```python\n{_signature(name, function)}\n```\n\n{_document(function)}"


def _class_text(name: str, cls: type) -> str:
    parts = [f"## class `{name}`\n", _document(cls)]
    if is_dataclass(cls):
        rows = [f"    {item.name}: {_type_text(item.type)}" for item in fields(cls)]
        parts.append("```python\n" + f"class {name}:\n" + "\n".join(rows) + "\n```\n")
    for key, value in vars(cls).items():
        function = value.__func__ if isinstance(value, classmethod) else value
        if not key.startswith("_") and isinstance(function, FunctionType | property):
            parts.append(_function_text(f"{name}.{key}", function, level=3))
    return "\n".join(parts)


def _signature(name: str, function: FunctionType) -> str:
    signature = inspect.signature(function)
    lines = []
    was_keyword = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not was_keyword:
            lines.append("    *,")
            was_keyword = True
        default = "" if parameter.default is parameter.empty else f" = {_default_text(parameter.default)}"
        annotation = "" if parameter.annotation is parameter.empty else f": {_type_text(parameter.annotation)}"
        lines.append(f"    {parameter.name}{annotation}{default},")
    returns = "" if signature.return_annotation is signature.empty else f" -> {_type_text(signature.return_annotation)}"
    return "\n".join([f"{name}(", *lines, f"){returns}"])


def _default_text(value: Any) -> str:
    if isinstance(value, FunctionType):
        return value.__name__
    return f"{type(value).__name__}()" if is_dataclass(value) else repr(value)


def _type_text(annotation: Any) -> str:
    """Return an annotation without module names, and NumPy's arrays as ``ndarray``."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = re.sub(r"numpy\.ndarray\[.*?numpy\.dtype\[[^\]]*\]\]", "ndarray", text)
    text = re.sub(r"\b(?:F32|F64|Flags|Indices|NDArray\[[^\]]*\])", "ndarray", text)
    text = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text)
    return text.replace("Callable[[float, str], None]", "Progress")


def _document(documented: Any) -> str:
    """Return a docstring as Markdown, its sections as lists."""
    text = inspect.cleandoc(documented.__doc__ or "")
    lines: list[str] = []
    inside = False
    for line in text.replace("``", "`").splitlines():
        if line.rstrip(":") in SECTIONS and line.endswith(":"):
            inside = True
            lines += [f"*{line.rstrip(':')}*", ""]
        elif inside and line.startswith("    ") and not line.startswith("     "):
            entry = line.strip()
            found = re.match(r"(\w+): (.*)", entry)
            lines.append(f"- `{found[1]}`: {found[2]}" if found else f"- {entry}")
        else:
            lines.append(line.strip() if not inside else f"  {line.strip()}".rstrip())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    OUT.write_text(build(), encoding="utf-8")
