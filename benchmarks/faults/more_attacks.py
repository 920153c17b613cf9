# SPDX-License-Identifier: Apache-2.0
"""Special files at every input, odd surroundings of a process, extreme clips, and edited study folders."""

from collections.abc import Callable, Iterable, Iterator
import os
from pathlib import Path
import resource
import shutil
import sys
import threading
import time
from typing import Any, Final

import numpy as np

from dancepose_addon.core.skeleton.layout_file import table_of, write_layout
from dancepose_addon.core.skeleton.layouts import SMPL22
from dancepose_addon.core.skeleton.markers import layout_with, markers_for

from .clumsy_calls import FEW, STUDY, Sandbox, call
from .odd_studies import READ, make_special, odd_studies
from .running import FAILED, Call

OTHER_USER: Final = 65534


def special_inputs(box: Sandbox, folder: Path) -> Iterator[Call]:
    """Sparse files of a terabyte, pipes and devices at every option that reads a file."""
    r = box.root
    for number, kind in enumerate(("sparse", "pipe", "zero", "empty", "loop")):
        for n, (name, suffix, argv) in enumerate(_readers(box)):
            if kind in ("empty", "loop") and n % 2 == number % 2:
                continue
            path = folder / f"{kind}-{n}{suffix}"
            make_special(path, kind)
            yield call(f"{name} is {kind}", *(path if word == "IT" else word for word in argv))
    for kind in ("sparse", "pipe", "zero", "empty"):
        clip = folder / f"clip-{kind}"
        shutil.copytree(box.clip, clip)
        (clip / "audio.mp3").unlink()
        make_special(clip / "audio.mp3", kind)
        yield call(f"inspect a clip whose music is {kind}", "inspect", clip, codes=READ)
        study = r / "study" / f"music-{kind}.toml"
        study.write_text(STUDY.replace("music/one.mp3", str(clip / "audio.mp3")), encoding="utf-8")
        yield call(f"study check: the music is {kind}", "study", "check", study, scratch=r / "study" / "renders")
    for name, target in (("/dev/null", "/dev/null"), ("/dev/full", "/dev/full")):
        link = folder / f"out-{Path(name).name}.npz"
        link.symlink_to(target)
        yield call(f"fit: out links to {name}", "fit", box.points, "--out", link)
    pipe = folder / "out-pipe.npz"
    os.mkfifo(pipe)
    yield call("fit: out is a pipe", "fit", box.points, "--out", pipe)
    yield call("convert: out is a pipe", "convert", box.points, pipe)


def _readers(box: Sandbox) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    """Name, suffix and call of each place that reads a file; IT is replaced by the file."""
    out: tuple[object, ...] = ("--out", box.root / "o.npz", "--device=numpy", FEW)
    yield "fit: the source", ".csv", ("fit", "IT", *out)
    yield "fit: the body", ".pkl", ("fit", box.points, *out, "--body", "IT")
    yield "fit: the regressor", ".onnx", ("fit", box.points, *out, "--regressor", "IT")
    yield "fit: --body-from", ".npz", ("fit", box.points, *out, "--body-from", "IT")
    yield "fit: --style", ".json", ("fit", box.points, *out, "--style", "IT")
    yield "fit: --layout", ".toml", ("fit", box.points, *out, "--layout", "IT")
    yield "layout check", ".toml", ("layout", "check", "IT")
    yield "layout template", ".bvh", ("layout", "template", "IT", "--out", box.root / "l.toml")
    yield "compare", ".npz", ("compare", box.motion, "IT")
    yield "convert", ".bvh", ("convert", "IT", box.root / "o.csv")
    yield "study check", ".toml", ("study", "check", "IT")
    yield "export", ".onnx", ("export", "IT", "--out", box.root / "e.onnx")
    yield "evaluate", ".onnx", ("evaluate", "IT", "--known", box.root / "adir")
    yield "calibrate: --start", ".json", ("calibrate", box.clip, "--start", "IT", "--out", box.root / "m.json")
    yield "train: --preset", ".toml", ("train", "--out", box.root / "run", "--preset", "IT")
    yield "poses", ".npz", ("poses", "IT", "--out", box.root / "p.npz")
    yield "twist", ".npz", ("twist", "IT", "--out", box.root / "t.json")


def surroundings(box: Sandbox, folder: Path) -> Iterator[Call]:
    """Limits, users, folders and streams of a process."""
    r = box.root
    out = ("--out", r / "o.npz", "--device=numpy", FEW)
    gone = folder / "gone"
    gone.mkdir()

    def leave() -> None:
        os.chdir(gone)
        gone.rmdir()

    hooks: tuple[tuple[str, Callable[[], object]], ...] = (
        ("files of at most 1 kB", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))),
        ("a umask of 777", lambda: os.umask(0o777)),
        ("no standard input", lambda: os.close(0)),
        ("no HOME", lambda: os.environ.pop("HOME", None)),
        ("a HOME that is not there", lambda: os.environ.update(HOME="/nowhere")),
        ("no PATH", lambda: os.environ.update(PATH="")),
        ("a TMPDIR that is not there", lambda: os.environ.update(TMPDIR="/nowhere")),
        ("few open files", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))),
    )
    for name, hook in hooks:
        codes = (1,) if "1 kB" in name else (0, 1) if "few" in name else (0,)
        made = () if codes != (0,) else (r / "o.npz",)
        scratch = None if made else r
        yield call(f"fit with {name}", "fit", box.points, *out, codes=codes, before=hook, made=made, scratch=scratch)
        yield call(f"inspect with {name}", "inspect", box.points, codes=(0, 1), before=hook)
    yield call("inspect from a folder that is gone", "inspect", "points.npz", before=leave)
    for name, argv in (
        ("fit", ("fit", box.points, *out)),
        ("study check", ("study", "check", box.study)),
        ("study init", ("study", "init", r / "study" / "systems" / "a", "--out", "s.toml")),
        ("layout template", ("layout", "template", "md23", "--out", "l.toml")),
    ):
        again = folder / f"gone-{name}"
        again.mkdir()
        yield call(f"{name} from a folder that is gone", *argv, codes=READ, before=_left(again), made=(), scratch=r)
    if os.getuid() == 0:
        yield from another_user(box, folder, out)


def another_user(box: Sandbox, folder: Path, out: tuple[object, ...]) -> Iterator[Call]:
    """Files and folders that the user may not read or write; only root can become another user.

    Args:
        box: Good inputs.
        folder: For what the calls need.
        out: Options of a fit.
    """

    def be_another() -> None:
        os.setgroups([])
        os.setgid(OTHER_USER)
        os.setuid(OTHER_USER)

    r = box.root
    closed = folder / "closed"
    shutil.copytree(box.clip, closed)
    secret = folder / "secret.npz"
    shutil.copy(box.points, secret)
    for path in (closed, secret):
        path.chmod(0)
    locked = folder / "read-only"
    locked.mkdir()
    for name, argv in (
        ("a source that it may not read", ("inspect", secret)),
        ("a folder that it may not read", ("inspect", closed)),
        ("a source in such a folder", ("inspect", closed / "skeletons.json")),
        ("such a body", ("fit", box.points, *out, "--body", secret)),
        ("an output in a folder that it may not write", ("fit", box.points, "--out", locked / "o.npz")),
        ("a video there", ("render", box.points, "--out", locked / "v.mp4")),
        ("a study there", ("study", "plan", box.study)),
        ("a study file there", ("study", "init", r / "study" / "systems" / "a", "--out", locked / "s.toml")),
        ("a layout there", ("layout", "template", "md23", "--out", locked / "l.toml")),
        ("a conversion there", ("convert", box.motion, locked / "o.bvh")),
    ):
        yield call(f"another user: {name}", *argv, before=be_another)


def _left(folder: Path) -> Callable[[], None]:
    def leave() -> None:
        os.chdir(folder)
        folder.rmdir()

    return leave


def changing_files(box: Sandbox, folder: Path) -> Iterator[Call]:
    """Files that grow, shrink or change while they are read."""
    for name, change in (("grows", _grow), ("shrinks", _shrink), ("is replaced", _swap)):
        for source in (box.points, box.bvh, box.body):
            path = folder / f"{name.replace(' ', '-')}-{source.name}"
            shutil.copy(source, path)
            argv = ("fit", box.points, "--out", box.root / "o.npz", "--device=numpy", FEW, "--body", path)
            yield call(
                f"{source.name} {name} while it is read",
                *(argv if source is box.body else ("inspect", path)),
                codes=READ,
                before=_meanwhile(change, path),
                scratch=box.root,
            )


def _meanwhile(change: Callable[[Path], None], path: Path) -> Callable[[], None]:
    def work() -> None:
        deadline = time.monotonic() + 20.0
        while time.monotonic() < deadline:
            change(path)

    return lambda: threading.Thread(target=work, daemon=True).start()


def _grow(path: Path) -> None:
    if path.stat().st_size < 1 << 24:
        with path.open("ab") as file:
            file.write(b"1 2 3\n" * 1000)


def _shrink(path: Path) -> None:
    size = path.stat().st_size
    os.truncate(path, size // 2)
    os.truncate(path, max(size, 1000))


def _swap(path: Path) -> None:
    other = path.with_suffix(".other")
    other.write_bytes(b"another content\n")
    other.replace(path)


def extreme_clips(box: Sandbox, folder: Path) -> Iterator[Call]:
    """Clips and options whose result has no sensible size."""
    r = box.root
    with np.load(box.points) as file:
        points = np.array(file["keypoints_m"], np.float32)
    clips: dict[str, tuple[Any, Any]] = {
        "one frame": (points[:1], 25.0), "two frames": (points[:2], 25.0), "no frames": (points[:0], 25.0),
        "a rate of 1e-9": (points, 1e-9), "a rate of 1e9": (points, 1e9), "a rate of nan": (points, np.nan),
        "a rate of -25": (points, -25.0), "points at 1e30": (points * np.float32(1e30), 25.0),
        "points at 1e-30": (points * np.float32(1e-30), 25.0), "equal points": (points * 0, 25.0),
        "equal frames": (np.repeat(points[:1], 8, axis=0), 25.0), "no points": (points[:, :0], 25.0),
        "nothing but NaN": (points * np.nan, 25.0), "a rate that is a table": (points, np.full((3, 3), 25.0)),
    }  # fmt: skip
    for n, (name, (array, fps)) in enumerate(clips.items()):
        path = folder / f"clip-{n}.npz"
        np.savez(path, keypoints_m=array, fps=fps, layout="smpl24")
        yield call(f"inspect {name}", "inspect", path, codes=READ)
        yield call(f"fit {name}", "fit", path, "--out", r / "o.npz", "--device=numpy", "--refine=1", codes=READ,
                   scratch=r, seconds=30.0)  # fmt: skip
    for name, argv in (
        ("a thousand frames a second of hours", ("convert", box.points, r / "o.csv", "--fps=0.001", "--fps-out=1000")),
        ("the same as BVH", ("convert", box.motion, r / "o.bvh", "--fps=0.001", "--fps-out=1000")),
        ("frames 0:0", ("fit", box.points, "--out", r / "o.npz", "--frames=0:0")),
        ("frames -5:-2", ("fit", box.points, "--out", r / "o.npz", "--frames=-5:-2")),
        ("frames :", ("fit", box.points, "--out", r / "o.npz", "--frames=:9999999999999999999999")),
        ("a million betas", ("fit", box.points, "--out", r / "o.npz", f"--betas={'0,' * 50_000}0")),
        ("two convention files", ("fit", box.points, "--out", r / "o.npz", "--style=a", "--body-from=b", "--adapt")),
        ("a layout of a path", ("fit", box.points, "--out", r / "o.npz", "--layout=/etc/passwd")),
    ):
        yield call(f"extreme: {name}", *argv, codes=READ, scratch=r, seconds=20.0)


def odd_layouts(folder: Path) -> Iterator[Call]:
    """Layout files of an impossible size or form."""
    good = folder / "good.toml"
    write_layout(good, table_of(layout_with(markers_for(SMPL22))))
    text = good.read_text(encoding="utf-8")
    head, _, points = text.partition("[[points]]")
    point = '[[points]]\nname = "p{}"\nattached_to = {{ pelvis = 1.0 }}\noffset_m = [0.0, 0.0, 0.0]\n'
    bare = 'format = "dancepose-layout-1"\ntitle = "x"\n'
    texts = {
        "no points": head,
        "an empty table of points": bare + "edges = []\npoints = []\n",
        "one point": bare + "edges = []\n" + point.format(0),
        "ten thousand points": bare + "edges = []\n" + "".join(point.format(i) for i in range(10_000)),
        "points of one name": text.replace("left_hip", "pelvis"),
        "names with control characters": text.replace("left_hip", "\\u001b[2J"),
        "a name of 100 kB": text.replace("left_hip", "n" * 20_000),
        "nested tables": text + "a." * 2000 + "b = 1\n",
        "brackets": head + "a = " + "[" * 50_000,
        "weights of nan": text.replace("= 1.0", "= nan"),
        "weights of 1e308": text.replace("= 1.0", "= 1e308"),
        "offsets of inf": text.replace("0.0,", "inf,"),
        "an edge that leads nowhere": text.replace('"left_hip"]', '"nowhere"]'),
        "no edges": bare + "edges = []\n[[points]]" + points,
        "mirrors in a circle": text.replace('mirror = "left_wrist"', 'mirror = "head"'),
        "a title of a megabyte": text.replace("SMPL joints", "t" * 900_000),
        "a number of 5000 digits": text.replace("= 1.0", f"= {'9' * 5000}"),
    }
    for n, (name, text) in enumerate(texts.items()):
        path = folder / f"layout-{n}.toml"
        path.write_text(text, encoding="utf-8")
        yield call(f"layout check of {name}", "layout", "check", path, codes=READ)
        yield call(f"layout template of {name}", "layout", "template", path, "--out", folder / "t.toml", codes=READ)
        (folder / "t.toml").unlink(missing_ok=True)


def odd_folders(box: Sandbox, folder: Path) -> Iterator[Call]:
    """Folders with loops, pipes and files of equal names."""
    r = box.root
    loops = folder / "loops"
    loops.mkdir()
    (loops / "again").symlink_to(".")
    os.mkfifo(loops / "pipe.npz")
    (loops / "zero.pkl").symlink_to("/dev/zero")
    shutil.copy(box.motion, loops / "one.npz")
    for verb, suffix in (("poses", ".npz"), ("twist", ".json"), ("stats", ".json")):
        yield call(f"{verb} of a folder with a pipe", verb, loops, "--out", r / f"x{suffix}", codes=READ, scratch=r,
                   seconds=30.0)  # fmt: skip
    yield call("inspect a folder with a pipe", "inspect", loops, codes=READ)
    yield call("inspect a pattern without end", "inspect", f"{loops}/**/**/**/*.npz", codes=READ, seconds=30.0)
    yield call("inspect a pattern that is none", "inspect", f"{loops}/[", codes=FAILED)
    for part in ("a", "b"):
        (folder / part / "c").mkdir(parents=True)
        shutil.copy(box.motion, folder / part / "c" / "x.npz")
    same = [folder / part / "c" / "x.npz" for part in ("a", "b")]
    many = folder / "many"
    yield call("convert two files of one name", "convert", *same, many, "--to", "bvh", codes=(0,), scratch=folder)
    yield call("inspect two files of one name", "inspect", *same, "--picture", many, codes=READ, scratch=folder)
    for name in ("-v", "--help.npz", "a b", "$(id)", "a'b\"c", "x.npz\n", "\u202egnp.x", "n" * 240):
        path = folder / f"{name}.npz"
        shutil.copy(box.points, path)
        yield call(f"inspect {ascii(name)[:20]}", "inspect", "--", path.name, cwd=folder, codes=(0,))


def attack_groups(box: Sandbox, folder: Path) -> dict[str, tuple[Path, list[Call]]]:
    """All of these calls by group.

    Args:
        box: Good inputs.
        folder: To make, for what they need.

    Returns:
        For each group the folder that is watched and its calls.
    """
    groups: dict[str, Callable[[Path], Iterable[Call]]] = {
        "special files as inputs": lambda at: special_inputs(box, at),
        "limits and users": lambda at: surroundings(box, at),
        "files that change": lambda at: changing_files(box, at),
        "extreme clips": lambda at: extreme_clips(box, at),
        "odd layouts": odd_layouts,
        "odd folders": lambda at: odd_folders(box, at),
        "odd studies": lambda at: odd_studies(box, at),
    }
    if sys.platform != "linux":
        return {}
    found: dict[str, tuple[Path, list[Call]]] = {}
    for name, calls in groups.items():
        at = folder / name.replace(" ", "-")
        at.mkdir(parents=True)
        found[name] = (box.root, list(calls(at)))
    return found
