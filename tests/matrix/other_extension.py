# SPDX-License-Identifier: Apache-2.0
"""Another maker's extension that bundles its own onnxruntime: all extensions of a Blender share one."""

import base64
import hashlib
from pathlib import Path
import zipfile

from tools.build_extension.blender_tool import BlenderTool

MANIFEST = """schema_version = "1.0.0"
id = "other"
version = "1.0.0"
name = "Other"
tagline = "Bundles its own onnxruntime"
maintainer = "A test"
type = "add-on"
license = ["SPDX:GPL-3.0-or-later"]
blender_version_min = "4.2.0"
wheels = [{wheels}]
"""
CODE = "def register():\n    pass\n\n\ndef unregister():\n    pass\n"


def make_wheel(folder: Path, version: str, code: str) -> Path:
    """A pure Python wheel of a made-up onnxruntime."""
    info = f"onnxruntime-{version}.dist-info"
    files = {
        "onnxruntime/__init__.py": f'__version__ = "{version}"\n{code}',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: onnxruntime\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{name},sha256={_hash(text)},{len(text)}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    path = folder / f"onnxruntime-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return path


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def make_extension(folder: Path, wheels: list[Path], tool: BlenderTool) -> Path:
    """The zip of an extension that does nothing but bring wheels."""
    source = folder / "other"
    (source / "wheels").mkdir(parents=True)
    for wheel in wheels:
        (source / "wheels" / wheel.name).write_bytes(wheel.read_bytes())
    (source / "__init__.py").write_text(CODE, encoding="utf-8")
    names = ", ".join(f'"./wheels/{wheel.name}"' for wheel in wheels)
    (source / "blender_manifest.toml").write_text(MANIFEST.format(wheels=names), encoding="utf-8")
    tool.build(source, folder / "other.zip")
    return folder / "other.zip"
