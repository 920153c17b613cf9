# SPDX-License-Identifier: Apache-2.0
"""The archives of a pack: a zip to unpack and open, and a study archive for JATOS."""

from collections.abc import Mapping
import json
from pathlib import Path
import shutil
from typing import Any, Final
import uuid
import zipfile

from dancepose_addon.core.atomic import replacing

FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""Time of all entries: the times at which films were rendered tell systems apart."""
STORED: Final = (".mp4", ".wav")
"""Compressed already, or to be copied byte by byte."""
JATOS_VERSION: Final = "3"
WORKER_TYPES: Final = (
    "PersonalSingle",
    "PersonalMultiple",
    "GeneralSingle",
    "GeneralMultiple",
    "Jatos",
    "MT",
    "MTSandbox",
)


def write_zip(path: Path, texts: Mapping[str, str], files: Mapping[str, Path], *, folder: str = "") -> None:
    """Write a zip whose bytes depend on its content only.

    Args:
        path: File to write.
        texts: Text files, by name.
        files: Other files, by name.
        folder: Folder inside the archive that holds everything, with its slash.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", strict_timestamps=True) as archive:
        for name in sorted([*texts, *files]):
            entry = zipfile.ZipInfo(folder + name, FIXED_TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED
            if name in texts:
                archive.writestr(entry, texts[name].encode("utf-8"))
                continue
            entry.file_size = files[name].stat().st_size
            with files[name].open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def write_jatos(path: Path, title: str, pack: str, texts: Mapping[str, str], files: Mapping[str, Path]) -> None:
    """Write a study archive for JATOS 3: the study's assets in one folder, and its properties as ``.jas``.

    Args:
        path: File to write.
        title: Title of the study.
        pack: Id of the pack; the ids of study and component are made from it.
        texts: Text files of the study, by name.
        files: Other files, by name.
    """
    folder = f"rating_{pack}"
    properties = json.dumps(jatos_properties(title, pack, folder), ensure_ascii=False, indent=1)
    write_zip(
        path,
        {f"{folder}.jas": properties, **{f"{folder}/{name}": text for name, text in texts.items()}},
        {f"{folder}/{name}": file for name, file in files.items()},
    )


def jatos_properties(title: str, pack: str, folder: str) -> dict[str, Any]:
    """Return the content of a ``.jas`` file."""

    def identity(part: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"dancepose:{pack}:{part}"))

    return {
        "version": JATOS_VERSION,
        "data": {
            "uuid": identity("study"),
            "title": title,
            "description": "",
            "groupStudy": False,
            "linearStudy": False,
            "allowPreview": False,
            "dirName": folder,
            "comments": "",
            "jsonData": None,
            "endRedirectUrl": "",
            "studyEntryMsg": "",
            "componentList": [
                {
                    "uuid": identity("component"),
                    "title": "Rating",
                    "htmlFilePath": "index.html",
                    "reloadable": True,
                    "active": True,
                    "comments": "",
                    "jsonData": None,
                }
            ],
            "batchList": [
                {
                    "uuid": identity("batch"),
                    "title": "Default",
                    "active": True,
                    "maxActiveMembers": None,
                    "maxTotalMembers": None,
                    "maxTotalWorkers": None,
                    "allowedWorkerTypes": list(WORKER_TYPES),
                    "comments": None,
                    "jsonData": None,
                }
            ],
        },
    }
