# SPDX-License-Identifier: Apache-2.0
"""The zips that users install: what they hold, and what is said when they cannot be built."""

from importlib.util import find_spec
import json
from pathlib import Path
import tomllib
import zipfile

import pytest

from tools.build_extension import blender_tool, building, staging, wheels
from tools.build_extension.blender_tool import BlenderTool, find_tool
from tools.build_extension.building import build_packages
from tools.build_extension.packaging_errors import PackagingError


@pytest.fixture(scope="module")
def tool() -> BlenderTool:
    if find_spec("bpy") is None:
        pytest.skip("the bpy wheel is not installed")
    return find_tool(None)


@pytest.fixture(scope="module")
def slim(tool, tmp_path_factory) -> Path:
    (built,) = build_packages(tmp_path_factory.mktemp("dist"), tool=tool, variants=["slim"])
    return built.path


@pytest.fixture
def offline(monkeypatch):
    """pip without any place to get something from."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", "")


def write_manifest_of(folder: Path, **changes: str) -> None:
    """A staged manifest with lines replaced; changes: key -> the whole right side."""
    path = folder / "blender_manifest.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    for key, value in changes.items():
        lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in lines]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_slim_zip_holds_code_and_assets_and_nothing_else(slim, root):
    version = tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]
    assert slim.name == f"dancepose-{version}-slim.zip"
    with zipfile.ZipFile(slim) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
        # Blender wants the manifest and the package at the top.
        assert {"blender_manifest.toml", "__init__.py", "LICENSE", "LICENSE-APACHE", "NOTICE"} <= names
        for asset in ("body.npz", "hands.npz", "figures.npz", "mannequin.npz", "regressors/shared.onnx"):
            assert archive.read(f"assets/{asset}") == (root / "dancepose_addon" / "assets" / asset).read_bytes()
        for name in ("skeletons.json", "config.json", "audio.mp3"):
            assert archive.read(f"assets/examples/waltz/{name}") == (root / "examples" / "waltz" / name).read_bytes()
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    sources = {
        path.relative_to(root / "dancepose_addon").as_posix() for path in (root / "dancepose_addon").rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == sources
    assert not [name for name in names if name.endswith((".pyc", ".whl", ".blend"))]
    assert not [name for name in names if "/." in f"/{name}"]
    assert manifest == tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))


def test_the_same_sources_give_the_same_bytes(slim, tool, tmp_path):
    (again,) = build_packages(tmp_path, tool=tool, variants=["slim"])
    assert again.path.read_bytes() == slim.read_bytes()
    assert list(tmp_path.iterdir()) == [again.path]


def test_platform_zips_name_their_wheels_and_are_listed(tool, tmp_path, monkeypatch):
    """With made-up wheels: Blender's tool reads their names and no more."""

    def fetch(platform: str, *, version: str, cache: Path) -> list[Path]:
        found = [tmp_path / wheels.wheel_name(version, platform, python) for python in wheels.PYTHONS]
        for wheel in found:
            wheel.write_bytes(b"PK")
        return found

    monkeypatch.setattr(building, "fetch_wheels", fetch)
    built = build_packages(tmp_path / "dist", tool=tool)
    assert [package.variant for package in built] == ["linux-x64", "windows-x64", "macos-arm64", "slim"]
    for package in built[:3]:
        with zipfile.ZipFile(package.path) as archive:
            manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
            inside = sorted(name for name in archive.namelist() if name.startswith("wheels/"))
        assert manifest["platforms"] == [package.variant]
        assert sorted(manifest["wheels"]) == [f"./{name}" for name in inside]
        assert [name.split("-")[2] for name in inside] == ["cp311", "cp313"]
    index = json.loads((tmp_path / "dist" / "index.json").read_text(encoding="utf-8"))
    # The slim zip runs everywhere, so it would compete with the others.
    assert {entry["platforms"][0] for entry in index["data"]} == {"linux-x64", "windows-x64", "macos-arm64"}
    assert {version for entry in index["data"] for version in entry["python_versions"]} == {"3.11", "3.13"}
    for entry in index["data"]:
        assert (tmp_path / "dist" / entry["archive_url"]).stat().st_size == entry["archive_size"]
    assert "dancepose-" in (tmp_path / "dist" / "index.html").read_text(encoding="utf-8")


def test_every_wheel_of_the_pinned_version_has_its_hash(root):
    version = wheels.pinned_version(root / "constraints.txt")
    wanted = {
        wheels.wheel_name(version, platform, python) for platform in wheels.WHEEL_PLATFORMS for python in wheels.PYTHONS
    }
    assert wanted == set(wheels.SHA256)


def test_a_wheel_that_cannot_be_had_is_one_sentence_and_leaves_nothing(tool, tmp_path, offline):
    with pytest.raises(PackagingError, match=r"could not be downloaded .*--only slim"):
        build_packages(tmp_path / "dist", tool=tool, variants=["linux-x64"], cache=tmp_path / "cache")
    assert not list((tmp_path / "dist").glob("*"))


def test_a_changed_wheel_in_the_cache_is_not_used(tmp_path, root, offline):
    version = wheels.pinned_version(root / "constraints.txt")
    changed = tmp_path / wheels.wheel_name(version, "linux-x64", "3.11")
    changed.write_bytes(b"something else")
    assert wheels.cached_wheels("linux-x64", version=version, cache=tmp_path) is None
    with pytest.raises(PackagingError, match="could not be downloaded"):
        wheels.fetch_wheels("linux-x64", version=version, cache=tmp_path)


def test_a_version_without_hashes_is_refused(tmp_path):
    with pytest.raises(PackagingError, match=r"has no hash for onnxruntime-1\.0\.0-cp311"):
        wheels.fetch_wheels("linux-x64", version="1.0.0", cache=tmp_path)


def test_without_blender_it_is_said_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(blender_tool, "find_spec", lambda _name: None)
    with pytest.raises(PackagingError, match=r"pip install '\.\[render\]'"):
        find_tool(None)
    with pytest.raises(PackagingError, match="does not run"):
        find_tool(tmp_path / "blender").validate(tmp_path / "x.zip")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [({"tags": '["Dancing"]'}, "Dancing"), ({"tagline": '"Ends with a full stop."'}, "tagline")],
)
def test_blenders_validator_has_the_last_word(tool, tmp_path, changes, complaint):
    staging.stage(tmp_path / "folder")
    write_manifest_of(tmp_path / "folder", **changes)
    with pytest.raises(PackagingError, match=complaint):
        tool.build(tmp_path / "folder", tmp_path / "x.zip")


def test_a_manifest_with_its_own_wheels_is_refused():
    text = 'id = "x"\nwheels = ["./wheels/a.whl"]\n[permissions]\nfiles = "y"\n'
    with pytest.raises(PackagingError, match="must not contain wheels"):
        staging.fill_manifest(text, platforms=("linux-x64",), wheels=[])
