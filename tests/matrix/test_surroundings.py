# SPDX-License-Identifier: Apache-2.0
"""What a user's Blender may be like: without onnxruntime, too old, or with another extension's onnxruntime."""

from pathlib import Path
import tomllib

import pytest

from tests.matrix.blenders import run_inside
from tests.matrix.other_extension import make_extension, make_wheel
from tools.build_extension import staging

pytestmark = pytest.mark.matrix

NO_SESSION = "def get_available_providers():\n    return ['CPUExecutionProvider']\n"
REFUSES_THE_FILE = (
    NO_SESSION
    + """

class SessionOptions:
    log_severity_level = 0

    def add_session_config_entry(self, key, value):
        pass


class InferenceSession:
    def __init__(self, *args, **kwargs):
        raise RuntimeError("Unsupported model IR version: 10, max supported IR version: 7")
"""
)
DOES_NOT_LOAD = 'raise ImportError("libonnxruntime.so: cannot open shared object file")\n'


@pytest.fixture(scope="session")
def pinned(root) -> str:
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("onnxruntime==")).partition("==")[2]


def test_without_onnxruntime_numpy_runs_and_it_is_said(blender, slim_zip, home):
    facts, printed = run_inside(blender, home, "install_fit.py", slim_zip)
    assert facts["refused"] is None
    assert facts["dancers"] == 1
    assert facts["onnxruntime"] is None
    assert "runs on NumPy; passed over onnxruntime, which is not installed or does not load" in printed
    assert "357 frames at 25 fps" in printed


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (NO_SESSION, "onnxruntime, which is not installed or does not load"),
        (DOES_NOT_LOAD, "onnxruntime, which is not installed or does not load"),
        (REFUSES_THE_FILE, "CPU: Unsupported model IR version: 10"),
    ],
    ids=["unusable", "does not load", "too old for the file"],
)
def test_another_extensions_onnxruntime_that_fails_is_passed_over(blender, slim_zip, home, tmp_path, tool, code, said):
    other = make_extension(tmp_path, [make_wheel(tmp_path, "1.5.0", code)], tool)
    facts, printed = run_inside(blender, home, "install_fit.py", other, slim_zip)
    assert {"bl_ext.user_default.other", "bl_ext.user_default.dancepose"} <= set(facts["extensions"])
    assert facts["refused"] is None
    assert f"runs on NumPy; passed over {said}" in printed


def test_an_older_onnxruntime_of_another_extension_gives_way(blender, full_zip, home, tmp_path, tool, pinned):
    other = make_extension(tmp_path, [make_wheel(tmp_path, "1.5.0", DOES_NOT_LOAD)], tool)
    facts, _ = run_inside(blender, home, "install_fit.py", other, full_zip)
    assert facts["refused"] is None
    assert facts["onnxruntime"]["version"] == pinned


def test_a_newer_onnxruntime_that_fails_is_passed_over(blender, full_zip, home, tmp_path, tool):
    """Blender lets the newest version win, whoever brings it."""
    other = make_extension(tmp_path, [make_wheel(tmp_path, "99.0.0", REFUSES_THE_FILE)], tool)
    facts, printed = run_inside(blender, home, "install_fit.py", other, full_zip)
    assert facts["refused"] is None
    assert facts["onnxruntime"]["version"] == "99.0.0"
    assert "runs on NumPy; passed over CPU: Unsupported model IR version: 10" in printed


def test_a_real_older_onnxruntime_of_another_extension_serves(blender, slim_zip, home, tmp_path, tool, older_wheel):
    other = make_extension(tmp_path, [older_wheel], tool)
    facts, printed = run_inside(blender, home, "install_fit.py", other, slim_zip)
    assert facts["refused"] is None
    assert facts["onnxruntime"]["version"] == older_wheel.name.split("-")[1]
    assert "passed over" not in printed


def test_a_blender_that_is_too_old_is_refused_and_told_why(blender, home, tmp_path, tool):
    """The zip as it is, but for a minimum that no Blender has yet."""
    staging.stage(tmp_path / "folder")
    manifest = tmp_path / "folder" / "blender_manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    minimum = tomllib.loads(text)["blender_version_min"]
    manifest.write_text(text.replace(f'blender_version_min = "{minimum}"', 'blender_version_min = "99.0.0"'))
    tool.build(tmp_path / "folder", tmp_path / "future.zip")
    facts, printed = run_inside(blender, home, "install_fit.py", tmp_path / "future.zip")
    assert facts["installed"] is False
    assert facts["after"] == facts["before"]
    assert "dancepose" in printed
    assert "99.0.0" in printed
    assert not list((home.user / "extensions").rglob("dancepose"))


def test_it_installs_from_the_index(blender, full_zip, home):
    """As from a web server: the index names the zip by a relative address."""
    index = full_zip.with_name("index.json")
    facts, printed = run_inside(blender, home, "subscribe.py", index.as_uri())
    assert facts["enabled"], printed
    assert facts["operator"]


def test_the_minimum_is_the_oldest_blender_of_the_matrix(root: Path):
    manifest = tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["blender_version_min"] == "4.2.0"
    assert "blender_version_max" not in manifest
