# SPDX-License-Identifier: Apache-2.0
"""Study folders that were edited, shared or moved, and settings that cannot be."""

from collections.abc import Callable, Iterator
import json
import os
from pathlib import Path
import shutil
from typing import Final

from .clumsy_calls import STUDY, Sandbox, call
from .running import FAILED, Call

READ: Final = (0, *FAILED)
TERABYTE: Final = 1 << 40


def make_special(path: Path, kind: str) -> None:
    """Make a file of a special kind: sparse, pipe, zero, loop or empty."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind in ("zero", "loop"):
        path.symlink_to("/dev/zero" if kind == "zero" else path.name)
    else:
        path.touch()
        os.truncate(path, TERABYTE if kind == "sparse" else 0)


def odd_studies(box: Sandbox, folder: Path) -> Iterator[Call]:
    """Study folders that were edited, shared or moved."""
    victim = box.root / "victim"
    victim.mkdir()
    for suffix in (".npz", ".json", ".mp4", ".png", ".wav"):
        (victim / f"v{suffix}").write_bytes(b"precious")
    for name, edit in _edits(victim).items():
        root = folder / f"study-{name.replace(' ', '-')}"
        shutil.copytree(box.study.parent, root, ignore=shutil.ignore_patterns("renders", "*.toml"))
        (root / "study.toml").write_text(STUDY, encoding="utf-8")
        out = root / "renders"
        for command in ("plan", "status", "report", "clean", "resume"):
            if command == "resume" and not name.startswith("a plan"):
                continue  # It would render.
            argv = ("study", command, root / "study.toml", *(("--all", "--yes") if command == "clean" else ()))
            yield call(f"study {command}: {name}", *argv, codes=READ, scratch=root, seconds=60.0,
                       before=_edited(edit, out, first=command == "plan"))  # fmt: skip
    for name, argv in (
        ("a folder twice", ("init", box.root / "study" / "systems" / "a", box.study.parent / "systems" / ".." /
                            "systems" / "a", "--out", folder / "s.toml")),
        ("out is nothing", ("init", box.study.parent / "systems" / "a", "--out=")),
        ("out is a folder", ("init", box.study.parent / "systems" / "a", "--out", folder)),
        ("out is no .toml", ("init", box.study.parent / "systems" / "a", "--out", folder / "s.npz")),
        ("out has control characters", ("init", box.study.parent / "systems" / "a", "--out", folder / "a\x1b[2J.toml")),
        ("out is below a file", ("init", box.study.parent / "systems" / "a", "--out", box.root / "afile" / "s.toml")),
        ("a file as a folder", ("init", box.points, "--out", folder / "s.toml")),
        ("a folder of pipes", ("init", folder / "pipes", "--out", folder / "s.toml")),
        ("-1 workers", ("run", box.study, "--workers=-1")),
        ("a billion workers", ("run", box.study, "--workers=1000000000")),
        ("a parameter without a value", ("run", box.study, "--slurm", "x")),
        ("a Blender that is none", ("run", box.study, "--blender", box.root / "afile")),
    ):  # fmt: skip
        yield call(f"study: {name}", "study", *argv, scratch=box.study.parent / "renders")
    texts = {
        "segments reversed": STUDY.replace("length_s = 0.3", "segments = [[3, 1]]"),
        "too many segments": STUDY.replace("length_s = 0.3", f"segments = {[[i, i + 1] for i in range(100_000)]}"),
        "length of 1e308": STUDY.replace("0.3", "1e308"),
        "a rate that is true": STUDY.replace("fps = 25", "fps = true"),
        "songs that differ by case": STUDY + '[[song]]\nname = "ONE"\n',
        "a system twice": STUDY + '[[system]]\nname = "a"\nfiles = "systems/a"\n',
        "files that leave": STUDY.replace("systems/a", "../../.."),
        "music as a list": STUDY.replace('"music/one.mp3"', "[1]"),
        "a name of a megabyte": STUDY.replace("clumsy", "c" * 1_000_000),
        "an unknown reading": STUDY.replace('files = "systems/a"', 'files = "systems/a"\nread = "unit=parsec"'),
    }  # fmt: skip
    for name, text in texts.items():
        file = box.study.with_name(f"odd-{name.replace(' ', '-')}.toml")
        file.write_text(text, encoding="utf-8")
        codes = READ if "files" in name else FAILED
        yield call(f"study check: {name}", "study", "check", file, scratch=box.study.parent / "renders", codes=codes,
                   seconds=40.0)  # fmt: skip


def _changed(key: str, value: object) -> Callable[[Path], None]:
    """Return what gives a key of a plan's head another value."""

    def edit(out: Path) -> None:
        plan = out / "plan.jsonl"
        if plan.exists():
            head, *jobs = plan.read_text(encoding="ascii").splitlines(keepends=True)
            plan.write_text(json.dumps({**json.loads(head), key: value}) + "\n" + "".join(jobs), encoding="ascii")

    return edit


def _folder(name: str) -> Callable[[Path], None]:
    """Return what puts a folder in place of a file."""

    def edit(out: Path) -> None:
        if not (out / name).is_dir():
            (out / name).unlink(missing_ok=True)
            (out / name).mkdir(parents=True)

    return edit


def _other_values(victim: Path) -> dict[str, Callable[[Path], None]]:
    """Values of other types and ranges in a plan."""
    return {
        "a plan of other segments": _changed("segments", {"one": [["../..", 0.0, 10**12]]}),
        "a plan without segments": _changed("segments", {}),
        "a plan of another ffmpeg": _changed("ffmpeg", {"program": str(victim / "v.json"), "version": 1}),
        "a plan of another program": _changed("program", 3),
    }


def _edits(victim: Path) -> dict[str, Callable[[Path], None]]:
    """Changes to a study's output folder after it was planned."""

    def write(name: str, content: bytes) -> Callable[[Path], None]:
        def edit(out: Path) -> None:
            out.mkdir(parents=True, exist_ok=True)  # the call that makes it may have been left out
            if (out / name).is_file() or not (out / name).exists():
                (out / name).write_bytes(content)

        return edit

    def special(name: str, kind: str) -> Callable[[Path], None]:
        def edit(out: Path) -> None:
            out.mkdir(parents=True, exist_ok=True)
            (out / name).unlink(missing_ok=True)
            make_special(out / name, kind)

        return edit

    def linked(name: str, target: Path) -> Callable[[Path], None]:
        def edit(out: Path) -> None:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).unlink(missing_ok=True)
            (out / name).symlink_to(target)

        return edit

    def elsewhere(out: Path) -> None:
        plan = out / "plan.jsonl"
        if not plan.exists():
            return
        away = os.path.relpath(victim / "v", out / "fits" / "a")
        plan.write_text(plan.read_text(encoding="utf-8").replace('"one"', json.dumps(away)), encoding="utf-8")

    return {
        "nothing": lambda _out: None,
        **_other_values(victim),
        "a journal of other types": write(
            "journal.jsonl", b'{"job": "fit:a/one", "ok": true, "key": "k", "at": "x"}\n'
        ),
        "a journal of a terabyte": special("journal.jsonl", "sparse"),
        "a song elsewhere": elsewhere,
        "a plan of zeros": write("plan.jsonl", b"\0" * 5000),
        "a plan of text": write("plan.jsonl", b"{}\n[]\n1\n"),
        "a plan cut": write("plan.jsonl", b'{"study": {"name'),
        "a plan that nests": write("plan.jsonl", b"[" * 200_000),
        "a journal of zeros": write("journal.jsonl", b"\0" * 5000),
        "a journal of lists": write("journal.jsonl", b'[1]\n{"id": 3}\n"x"\n{}\n'),
        "a journal that is a pipe": special("journal.jsonl", "pipe"),
        "a plan that is endless": special("plan.jsonl", "zero"),
        "a lock that is a pipe": special("lock", "pipe"),
        "an engine that is a pipe": special("engine.json", "pipe"),
        "a journal that is a folder": _folder("journal.jsonl"),
        "a plan that is a folder": _folder("plan.jsonl"),
        "a journal linked to the study file": linked("journal.jsonl", Path("..", "study.toml")),
        "a report linked to a stranger": linked("report.html", victim / "v.json"),
        "a thumbnail linked to a stranger": linked("thumbnails/a/one.jpg", victim / "v.png"),
    }


def _edited(edit: Callable[[Path], None], out: Path, *, first: bool) -> Callable[[], None]:
    def work() -> None:
        if not first:
            edit(out)

    return work
