# SPDX-License-Identifier: Apache-2.0
"""Statements of the project in several places agree."""

from pathlib import Path
import re
import tomllib

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_newest_changelog_entry_is_the_manifests_version() -> None:
    version = tomllib.loads(read("blender_manifest.toml"))["version"]
    headings = re.findall(r"^## (\S+)", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert headings[0] == version


def test_version_stands_in_the_manifest_alone() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    assert "version" not in project["project"]
    pattern, path = (project["tool"]["hatch"]["version"][key] for key in ("pattern", "path"))
    found = re.search(pattern, read(path))
    assert found is not None
    assert found["version"] == tomllib.loads(read("blender_manifest.toml"))["version"]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_documented_make_targets_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), flags=re.MULTILINE))
    named = set(
        re.findall(r"\bmake ([a-z]+)\b", "\n".join(re.findall(r"^ {4}make .*|`make [^`]*`", read(document), re.M)))
    )
    assert named
    assert named <= targets


def test_documented_verbs_and_options_exist() -> None:
    from dancepose.cli.commands import app

    for verb, options in documented_commands().items():
        shown = CliRunner().invoke(app, [*verb.split(), "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, f"dancepose {verb}: {shown.output}"
        text = re.sub(r"\x1b\[[0-9;]*m", "", shown.output)
        missing = {option for option in options if not re.search(rf"{option}\b", text)}
        assert missing == set(), f"dancepose {verb} has no {missing}"


def documented_commands() -> dict[str, set[str]]:
    """Verbs of `dancepose` in the README's examples, and the options shown with each."""
    commands: dict[str, set[str]] = {}
    for line in re.findall(r"^ {4}(?:\S*/)?dancepose (.*)$", read("README.md"), flags=re.MULTILINE):
        verb, *rest = line.partition("  #")[0].split(maxsplit=1)
        if verb in ("study", "layout", "rate"):  # groups: the options belong to their commands
            group, *rest = rest[0].split(maxsplit=1)
            verb = f"{verb} {group}"
        commands.setdefault(verb, set()).update(re.findall(r"--[a-z-]+", " ".join(rest)))
    assert {"render", "fit", "train", "export"} <= set(commands)
    return commands


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", read(document)):
            assert (ROOT / target).exists(), f"{document} links to {target}, which does not exist"


def test_every_requirement_is_pinned_exactly() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    pins = {
        re.split(r"==", line)[0].lower().replace("_", "-")
        for line in read("constraints.txt").splitlines()
        if line and not line.startswith("#")
    }
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {re.split(r"[<>=;\[ ]", entry)[0].lower() for group in groups for entry in group} - {"dancepose"}
    assert wanted - pins == set()
    assert all("==" in line for line in read("constraints.txt").splitlines() if line and not line.startswith("#"))


def test_demo_needs_no_torch() -> None:
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    assert not [entry for name in ("render", "onnx-runtime") for entry in extras[name] if entry.startswith("torch")]
