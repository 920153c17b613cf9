# SPDX-License-Identifier: Apache-2.0
"""Folders with a file for each frame.

    clip_000000000000_keypoints.json    OpenPose: people, pose_keypoints_3d
    000000.json                         EasyMocap: a list with id and keypoints3d
    00000001.npz, 000001.pkl, .npy, .pt see ``frame_persons``
    00001_0.npz, 00001_1.npz            a file for each person of each frame (SMPLer-X, SMPLest-X)

Numbers that are missing among the names are frames without a person.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
import re
from typing import Any, Final

import numpy as np

from ...bounded_files import NPY, ZIP
from ...counting import counted
from ...errors import DancePoseError, FormatError, InputError
from ...printable_text import quoted
from ..recording import Finding, Head, Hints, Recording
from .array_contents import recording_of
from .array_file import contents_of, pickle_contents_of
from .frame_lists import FRAMES, with_gaps
from .frame_persons import persons_of_frame
from .frame_times import LOST_CONFIDENCE, strided
from .json_points import read_json
from .tidy_values import tidied

FEWEST_FRAMES: Final = 2
MOST_FRAMES: Final = 200_000
MOST_FRAME_BYTES: Final = {"json": 4 << 20, "arrays": 64 << 20}
MOST_ROWS: Final = 16
"""Entries of a JSON file beyond which it is a motion."""
ARRAYS: Final = (".npz", ".npy", ".pkl", ".pickle", ".pt", ".pth", ".joblib")
_JSON_NAME: Final = re.compile(r"\d{3,}(?:_keypoints)?$")
_NAME: Final = re.compile(r"(\d{3,})(?:_(\d{1,2}))?$")
_ANY_NUMBER: Final = re.compile(r"(\d+)(?:_keypoints)?$")
_WITH_PERSON: Final = re.compile(r"(\d+)_(\d{1,2})$")


def recognises_folder(head: Head) -> bool:
    """Tell a folder of frames by the names of its files, which end in numbers, and by what the first and the last hold.

    Args:
        head: Of a path.

    Returns:
        Whether it is a folder with at least two frames.
    """
    if not head.path.is_dir():
        return False
    files = frame_files(head.path)
    if len(files) < FEWEST_FRAMES:
        return False
    if files[0].suffix.lower() == ".json":
        return not any(_is_motion(file) for file in (files[0], files[-1]))
    found = [_persons_in(file) for file in (files[0], files[len(files) // 2], files[-1])]
    return None not in found and any(found)


@dataclass(frozen=True)
class _FrameFile:
    """A file of one frame.

    Attributes:
        path: Of the file.
        clip: Its name without the numbers at the end.
        number: Of the frame.
        person: Number of the person, or None.
    """

    path: Path
    clip: str
    number: int
    person: int | None


def frame_files(folder: Path) -> list[Path]:
    """The files of a folder that hold a frame each, in the order of their numbers.

    Args:
        folder: To look in.

    Returns:
        Paths; of several kinds of files, those of the kind that is most frequent.
    """
    return [file.path for file in _files_of(folder)]


def _files_of(folder: Path) -> list[_FrameFile]:
    """Files of frames of the most frequent kind, in order."""
    return _most_frequent(_kinds_of(folder))


def _most_frequent(kinds: Mapping[str, list[_FrameFile]]) -> list[_FrameFile]:
    return max(kinds.values(), key=len, default=[])


def _kinds_of(folder: Path) -> dict[str, list[_FrameFile]]:
    """Files by suffix whose names end in a number of three digits, and those of the same form with fewer: frame9."""
    found: dict[str, list[Path]] = defaultdict(list)
    has_person: dict[tuple[str, str], bool] = {}
    padded: set[tuple[str, str]] = set()
    try:
        entries: Iterable[Path] = folder.iterdir()
        for path in entries:
            suffix = path.suffix.lower()
            if (suffix == ".json" or suffix in ARRAYS) and _ANY_NUMBER.search(path.stem[-40:]):
                found[suffix].append(path)
                strict = (_JSON_NAME if suffix == ".json" else _NAME).search(path.stem[-40:])
                if strict is not None:
                    has_person[suffix, _form(path)] = suffix != ".json" and strict[2] is not None
                    padded |= {(suffix, _form(path))} if strict[0].startswith("0") else set()
                if len(found[suffix]) >= MOST_FRAMES:
                    break
    except OSError:
        return {}
    known = {suffix: [path for path in paths if _is_frame(path, has_person, padded)] for suffix, paths in found.items()}
    return {
        suffix: sorted(
            (_frame_file(path, has_person=has_person[suffix, _form(path)]) for path in paths),
            key=lambda file: (re.sub(r"\d+", "", file.path.stem), file.number, file.person or 0, file.path.name),
        )
        for suffix, paths in known.items()
    }


def _is_frame(path: Path, forms: Collection[tuple[str, str]], padded: Collection[tuple[str, str]]) -> bool:
    """Whether a name is of a form with three digits; with fewer, numbers may have no leading zeros."""
    form = (path.suffix.lower(), _form(path))
    strict = _JSON_NAME if form[0] == ".json" else _NAME
    return form in forms and (form not in padded or strict.search(path.stem[-40:]) is not None)


def _form(path: Path) -> str:
    return re.sub(r"\d+", "#", path.stem[-60:])


def _frame_file(path: Path, *, has_person: bool) -> _FrameFile:
    """Take a name apart."""
    if path.suffix.lower() == ".json":
        number = list(re.finditer(r"\d+", path.stem))[-1]
        return _FrameFile(path, path.stem[: number.start()], int(number[0][-12:]), None)
    found = (_WITH_PERSON if has_person else _ANY_NUMBER).search(path.stem)
    if found is None:
        return _FrameFile(path, path.stem, 0, None)
    return _FrameFile(path, path.stem[: found.start()], int(found[1][-12:]), int(found[2]) if has_person else None)


def _is_motion(file: Path) -> bool:
    """Whether a JSON file of a folder holds many frames."""
    try:
        value = tidied(read_json(file)) if file.stat().st_size <= MOST_FRAME_BYTES["json"] else None
    except (OSError, DancePoseError):
        return False  # opening the folder says why
    items = [value, *value.values()] if isinstance(value, dict) else [value]
    arrays = (item for item in items if isinstance(item, np.ndarray) and item.ndim > 2 and item.shape[-2:] != (3, 3))
    return any(len(item) > MOST_ROWS for item in arrays)


def _persons_in(file: Path) -> list[dict[str, Any]] | None:
    """Persons of a file of arrays, or None where it is no frame."""
    try:
        size = file.stat().st_size
        if size > MOST_FRAME_BYTES["arrays"]:
            return None
        with file.open("rb") as opened:
            is_array = opened.read(len(NPY)).startswith((NPY, ZIP))
        return persons_of_frame(contents_of(file) if is_array else pickle_contents_of(file))
    except (OSError, DancePoseError):
        return None


def open_folder(path: Path, hints: Hints) -> Recording:
    """Read a folder with a file for each frame; see ``readers.open_recording``."""
    frames: dict[tuple[str, int], Any] = {}
    known = _kinds_of(path)
    files = _most_frequent(known)
    _require_one_clip(files, path)
    for one in files:
        file = one.path
        if file.suffix.lower() == ".json":
            if file.stat().st_size > MOST_FRAME_BYTES["json"]:
                raise FormatError(f"{file} has {file.stat().st_size >> 20} MiB, too much for a frame.")
            frames[one.clip, one.number] = read_json(file)
            continue
        persons = _persons_in(file)
        if persons is None:
            raise FormatError(f"{file} is damaged, or holds no single frame as the other files of its folder do.")
        if one.person is not None:
            persons = [{"id": np.array([one.person]), **table} for table in persons]
        frames.setdefault((one.clip, one.number), []).extend(persons)
    entries = with_gaps([number for _, number in frames], list(frames.values()), str(path))
    recording = recording_of({FRAMES: tidied(entries)}, path, hints)
    lost = len(entries) - len(frames)
    why = "numbers are missing among the names of its files; these frames are bridged as gaps"
    findings = list(recording.findings)
    if lost:
        findings = [one for one in findings if one.topic != "lost frames"]
        findings.append(Finding("lost frames", f"{lost} of {len(entries)}", LOST_CONFIDENCE, why))
    used = files[0].path.suffix.lower()
    for suffix, others in known.items():
        if suffix != used and 2 * len(others) >= len(files):
            why = f"the folder has {counted(len(others), 'frame')} as {suffix} as well, which are not read"
            findings.append(Finding("format", used, LOST_CONFIDENCE, why))
    if recording.fps is None:
        findings += strided(np.array([number for _, number in frames], np.float64))
    return replace(recording, form=f"{recording.form}, a file for each frame", findings=tuple(findings))


def _require_one_clip(files: Sequence[_FrameFile], folder: Path) -> None:
    """Raise InputError where names before the number are those of several clips, and not other ones in each file."""
    clips = Counter(clip for clip, _ in {(file.clip, file.number) for file in files})
    if len(clips) == 1 or max(clips.values()) == 1:
        return
    names = ", ".join(f"{quoted(clip, 30)} {counted(count, 'frame')}" for clip, count in clips.most_common(3))
    raise InputError(f"{folder} holds frames of {len(clips)} clips ({names}). Give a folder for each.")
