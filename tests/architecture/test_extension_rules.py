# SPDX-License-Identifier: Apache-2.0
"""What Blender's extensions platform asks of an add-on, read from the syntax trees and the manifest."""

import ast
from functools import cache
from pathlib import Path
import tomllib

from tests.support.sources import nodes_of

ROOT = Path(__file__).parents[2]
ADDON = ROOT / "dancepose_addon"
NETWORK = {
    "aiohttp", "asyncio", "ftplib", "http", "httpx", "imaplib", "requests", "smtplib", "socket", "socketserver", "ssl",
    "telnetlib", "urllib", "urllib3", "webbrowser", "xmlrpc",
}  # fmt: skip
INSTALLERS = {"ensurepip", "pip", "site", "venv"}
IMPORT_MACHINERY = {"sys.path", "sys.modules", "sys.meta_path", "sys.path_hooks"}
EXCEPTIONS = {
    # onnxruntime of an environment that the user names has to be found under its own name; the path is unchanged.
    ("dancepose_addon/inference/onnxruntime_session.py", "sys.modules"),
    # Run by path from a checkout or a wheel, the launcher makes its own package importable.
    ("dancepose_addon/launch.py", "sys.modules"),
    ("dancepose_addon/launch.py", "sys.path"),
}


@cache
def nodes() -> tuple[tuple[str, ast.AST], ...]:
    """Every node of the add-on, with its file and line."""
    return tuple(
        (f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node)
        for path in sorted(ADDON.rglob("*.py"))
        for node in nodes_of(path)
    )


def imported(node: ast.AST) -> set[str]:
    """Top-level packages that an import statement names."""
    if isinstance(node, ast.Import):
        return {name.name.split(".")[0] for name in node.names}
    if isinstance(node, ast.ImportFrom) and not node.level:
        return {(node.module or "").split(".")[0]}
    return set()


def permissions() -> dict[str, str]:
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    declared: dict[str, str] = manifest["permissions"]
    return declared


def test_python_finds_modules_as_blender_set_it_up() -> None:
    found = [
        (place, name)
        for place, node in nodes()
        if isinstance(node, ast.Attribute) and (name := ast.unparse(node)) in IMPORT_MACHINERY
    ]
    assert [(place, name) for place, name in found if (place.split(":")[0], name) not in EXCEPTIONS] == []


def test_nothing_is_installed_at_run_time() -> None:
    found = [place for place, node in nodes() if imported(node) & INSTALLERS]
    found += [place for place, node in nodes() if isinstance(node, ast.Constant) and node.value in INSTALLERS]
    assert found == []


def test_network_is_used_only_if_the_manifest_says_so() -> None:
    users = [place for place, node in nodes() if imported(node) & NETWORK]
    assert bool(users) == ("network" in permissions()), users


def test_clipboard_is_used_only_if_the_manifest_says_so() -> None:
    users = [place for place, node in nodes() if isinstance(node, ast.Attribute) and node.attr == "clipboard"]
    assert bool(users) == ("clipboard" in permissions()), users


def test_files_are_declared() -> None:
    assert "files" in permissions()


def test_permissions_have_reasons_as_the_platform_wants_them() -> None:
    for name, reason in permissions().items():
        assert 0 < len(reason) <= 64, name
        assert reason[-1].isalnum() or reason[-1] in ")]}", name


def test_nothing_is_written_beside_the_code() -> None:
    """Paths made from ``__file__`` lead to what ships; a constant of them is never handed to a call that writes."""
    writers = {"write_text", "write_bytes", "mkdir", "touch", "unlink", "replacing"}
    shipped = {
        target.id
        for _, node in nodes()
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and node.value is not None
        and "__file__" in ast.unparse(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    assert {"REGRESSOR_FOLDER", "DEFAULT_BODY"} <= shipped
    found = []
    for place, node in nodes():
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        words = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if name in writers and words & (shipped | {"__file__"}):
            found.append(place)
    assert found == []
