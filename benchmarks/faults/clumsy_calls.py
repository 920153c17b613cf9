# SPDX-License-Identifier: Apache-2.0
"""Calls of every command that cannot work, or that would destroy what they are given."""

from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path
import shutil

import numpy as np

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.inference.regressors import REGRESSOR_FOLDER

from .running import Call

WALTZ = Path(__file__).parents[2] / "examples" / "waltz"
FEW = "--frames=0:6"


@dataclass(frozen=True)
class Sandbox:
    """Good inputs, which no call may change.

    Attributes:
        root: The folder that is watched.
        clip: A folder with skeletons.json and music.
        points: Keypoints, .npz.
        motion: A fitted motion, .npz.
        bvh: The same as BVH.
        body: A body, .npz.
        onnx: A regressor.
        markers: A marker table, .json.
        study: A study.toml.
    """

    root: Path
    clip: Path
    points: Path
    motion: Path
    bvh: Path
    body: Path
    onnx: Path
    markers: Path
    study: Path


STUDY = """name = "clumsy"
[[system]]
name = "a"
files = "systems/a"
[[song]]
name = "one"
audio = "music/one.mp3"
[picture]
size = [64, 64]
fps = 25
engine = "workbench"
[time]
length_s = 0.3
"""


def make_sandbox(root: Path) -> Sandbox:
    """Write the inputs."""
    clip = root / "clip"
    shutil.copytree(WALTZ, clip)
    body = load_body()
    rng = np.random.default_rng(1)
    eye = np.broadcast_to(np.eye(3, dtype=np.float32), (8, 24, 3, 3)).copy()
    motion = BodyMotion(eye, np.zeros((8, 3), np.float32), np.zeros(10, np.float32), 1.0, 25.0, {})
    motion.save(root / "motion.npz", body)
    joints = motion.joints(body) + rng.normal(0.0, 0.002, (8, 24, 3)).astype(np.float32)
    np.savez(root / "points.npz", keypoints_m=joints, fps=25.0, layout="smpl24")
    from dancepose_addon.core.io.writers.bvh import write_bvh

    write_bvh(motion, body, root / "walk.bvh")
    assets = REGRESSOR_FOLDER.parent
    shutil.copy(assets / "body.npz", root / "body.npz")
    shutil.copy(REGRESSOR_FOLDER / "shared.onnx", root / "net.onnx")
    import json

    from dancepose_addon.core.skeleton.layouts import MD23
    from dancepose_addon.core.skeleton.markers import markers_for

    (root / "markers.json").write_text(json.dumps(markers_for(MD23).to_json()), encoding="utf-8")
    (root / "study" / "systems" / "a").mkdir(parents=True)
    (root / "study" / "music").mkdir()
    shutil.copy(root / "points.npz", root / "study" / "systems" / "a" / "one.npz")
    shutil.copy(WALTZ / "audio.mp3", root / "study" / "music" / "one.mp3")
    (root / "study" / "study.toml").write_text(STUDY, encoding="utf-8")
    (root / "adir").mkdir()
    (root / "project").mkdir()
    (root / "project" / "config.json").write_text('{"mine": 1}', encoding="utf-8")
    (root / "afile").write_text("a file", encoding="utf-8")
    (root / "link.npz").symlink_to("points.npz")
    (root / "hard.npz").hardlink_to(root / "points.npz")
    return Sandbox(
        root=root, clip=clip, points=root / "points.npz", motion=root / "motion.npz", bvh=root / "walk.bvh",
        body=root / "body.npz", onnx=root / "net.onnx", markers=root / "markers.json",
        study=root / "study" / "study.toml",
    )  # fmt: skip


def call(name: str, *argv: object, **more: object) -> Call:
    """A call with arguments of any kind."""
    return Call(name, tuple(str(part) for part in argv), **more)  # type: ignore[arg-type]


def destroying_calls(box: Sandbox) -> Iterator[Call]:
    """Outputs that are inputs, or each other."""
    r = box.root
    sound = next(path for path in box.clip.iterdir() if path.suffix == ".mp3")
    for spelling in (
        box.points,
        r / "link.npz",
        r / "hard.npz",
        r / "adir" / ".." / "points.npz",
        r / "none" / ".." / "points.npz",
    ):
        yield call(f"fit: out is the source ({spelling.name})", "fit", box.points, "--out", spelling, FEW)
        yield call(f"convert onto the source ({spelling.name})", "convert", box.points, spelling, "--to", "npz")
        yield call(f"render: motion is the source ({spelling.name})", "render", box.points, "--out", r / "v.mp4",
                   "--motion", spelling)  # fmt: skip
    yield call("convert BVH onto itself", "convert", box.bvh, box.bvh)
    yield call("convert a folder onto itself", "convert", r / "adir" / "..", r, "--to", "npz")
    yield call("render: out is the music", "render", box.clip, "--out", sound)
    yield call("render: report is the clip", "render", box.clip, "--out", r / "v.mp4", "--report",
               box.clip / "skeletons.json")  # fmt: skip
    yield call("fit: report is the clip's file", "fit", box.clip / "skeletons.json", "--out", r / "o.npz", "--report",
               box.clip / "skeletons.json")  # fmt: skip
    yield call("fit: report is another file of the clip", "fit", box.clip / "skeletons.json", "--out", r / "o.npz",
               "--report", next(path for path in box.clip.iterdir() if path.suffix != ".mp3"))  # fmt: skip
    yield call("fit: out is the body", "fit", box.points, "--out", box.body, "--body", box.body)
    yield call("fit: out is the regressor", "fit", box.points, "--out", box.onnx, "--regressor", box.onnx)
    for verb, *rest in (("fit", "--out"), ("render", "--out", r / "v.mp4", "--motion"), ("convert",)):
        yield call(f"{verb}: the output is the motion of --body-from", verb, box.points, *rest, box.motion,
                   "--body-from", r / "adir" / ".." / box.motion.name)  # fmt: skip
    yield call("fit: report is the style", "fit", box.points, "--out", r / "o.npz", "--report", box.markers, "--style",
               box.markers)  # fmt: skip
    yield call("fit: two outputs of one name", "fit", box.points, "--out", r / "o.npz", "--report", r / "o.npz")
    yield call("render: sheet and report of one name", "render", box.points, "--out", r / "v.mp4", "--sheet",
               r / "x.png", "--report", r / "x.png")  # fmt: skip
    yield call("compare: out is an input", "compare", box.motion, box.motion, "--out", box.motion)
    yield call("compare: out is the other", "compare", box.motion, box.points, "--out", box.points)
    yield call("calibrate: out is the start", "calibrate", box.clip, "--start", box.markers, "--out", box.markers)
    yield call("calibrate: out is the clip", "calibrate", box.clip, "--out", box.clip / "skeletons.json")
    yield call("calibrate: report is the clip", "calibrate", box.clip, "--report", box.clip / "skeletons.json")
    yield call("stats: out is a clip", "stats", r, "--out", box.clip / "skeletons.json")
    yield call("poses: out is an input", "poses", r, "--out", box.motion)
    yield call("poses: shards into a file", "poses", r, "--out", r / "afile", "--shards")
    yield call("train: out is the data", "train", "--motion", box.clip, "--out", box.clip)
    yield call("train: out has a config.json of something else", "train", "--preset", "smoke", "--limit-batches", "1",
               "--out", r / "project")  # fmt: skip
    yield call("train: out is a file", "train", "--motion", box.clip, "--out", r / "afile")
    yield call("evaluate: out is a file", "evaluate", "--motion", box.clip, "--out", r / "afile")
    yield call("evaluate: out is the data", "evaluate", "--motion", box.clip, "--out", box.clip)
    yield call("export: out is the regressor", "export", box.onnx, "--out", box.onnx)
    yield call("export: a regressor onto itself", "export", box.onnx)
    yield call("layout template onto its source", "layout", "template", box.bvh, "--out", box.bvh)
    yield call("inspect: the picture is the source", "inspect", box.points, "--picture", box.points)
    yield call("demo into a file", "demo", "--out", r / "afile")


def unwritable_calls(box: Sandbox) -> Iterator[Call]:
    """Outputs that cannot be written: found out before any work."""
    r = box.root
    commands: tuple[tuple[str, tuple[object, ...], str], ...] = (
        ("fit", ("fit", box.points), ".npz"),
        ("render", ("render", box.points), ".mp4"),
        ("compare", ("compare", box.motion, box.motion), ".json"),
        ("calibrate", ("calibrate", box.clip), ".json"),
    )
    for name, argv, suffix in commands:
        places: tuple[tuple[str, str], ...] = (
            ("a folder", str(r / "adir")),
            ("nothing", ""),
            ("the folder itself", "."),
            ("below a file", str(r / "afile" / f"x{suffix}")),
            ("another suffix", str(r / "x.avi")),
            ("no suffix", str(r / "x")),
            ("a name of 300 bytes", str(r / ("n" * 296 + suffix))),
            ("two slashes", f"//x{suffix}"),
            ("control characters", str(r / f"a\x1b[2J\nb{suffix}")),
            ("not UTF-8", os.fsdecode(os.fsencode(r) + b"/bad\xff" + suffix.encode())),
            ("a tilde", f"~no-user/x{suffix}"),
            ("/proc", f"/proc/x{suffix}"),
        )
        for what, place in places:
            yield call(f"{name}: out is {what}", *argv, f"--out={place}", cwd=r / "adir")
    for option in ("--report", "--plot"):
        yield call(f"fit: {option} is a folder", "fit", box.points, "--out", r / "o.npz", option, r / "adir")
        yield call(f"fit: {option} has no suffix", "fit", box.points, "--out", r / "o.npz", option, r / "x")
    for option in ("--sheet", "--report", "--blend", "--motion"):
        yield call(f"render: {option} is a folder", "render", box.points, "--out", r / "v.mp4", option, r / "adir")
        yield call(f"render: {option} is below a file", "render", box.points, "--out", r / "v.mp4", option,
                   r / "afile" / "x")  # fmt: skip
    yield call("render: --work is a file", "render", box.points, "--out", r / "v.mp4", "--work", r / "afile")
    yield call("render: a Blender that does nothing", "render", box.points, "--out", r / "v.mp4", "--blender",
               "/bin/true", codes=(1,))  # fmt: skip
    yield call("render: a Blender that is none", "render", box.points, "--out", r / "v.mp4", "--blender", r / "afile")
    yield call("convert: a suffix that is not --to", "convert", box.points, r / "o.bvh", "--to", "csv")
    yield call("convert: an unknown format", "convert", box.points, r / "o.xyz")
    yield call("convert: only one name", "convert", box.points)
    yield call("convert to a place below a file", "convert", box.points, r / "afile" / "x.bvh")
    yield call("inspect: a picture as JPEG", "inspect", box.points, "--picture", r / "x.jpg")
    yield call("inspect: one picture for two files", "inspect", box.points, box.motion, "--picture", r / "x.png")
    yield call("layout check: picture is a folder", "layout", "check", "md23", "--picture", r / "adir")
    yield call("layout template: out is a folder", "layout", "template", "md23", "--out", r / "adir")
    yield call("study init onto a folder", "study", "init", r / "study" / "systems", "--out", r / "adir")


def wrong_options(box: Sandbox) -> Iterator[Call]:
    """Options and values that cannot work."""
    r = box.root
    out = ("--out", r / "o.npz")
    values = (
        "--betas=1e9", "--betas=nan", "--betas=a", "--betas=", "--refine=-1", "--refine=1e9", "--refine=1000000",
        "--smooth=-1", "--smooth=nan", "--smooth=inf", "--fps=0", "--fps=-3", "--fps=nan", "--fps=1e300",
        "--frames=5", "--frames=a:b", "--frames=5:2", "--frames=999999:", f"--frames=0:{'9' * 5000}", "--device=tpu",
        "--layout=zzz", "--layout=", "--read=take=9", "--read=values=maybe", "--read=unit=parsec", "--read=up=w",
        "--read=zzz", "--read=take=-1", f"--read=take={'9' * 5000}", "--read=unit=1e400", "--read=unit=0", "--nonsense",
    )  # fmt: skip
    for value in values:
        # Which frames and takes there are is known by the file alone.
        codes = (1,) if value in ("--frames=999999:", "--read=take=9") else (2,)
        yield call(f"fit {value[:24]}", "fit", box.points, *out, value, codes=codes)
    for value in ("--size=99998x99998", "--size=0x0", "--size=15x15", "--size=63x64", "--size=a", "--size=-64x64",
                  "--fps-out=0", "--fps-out=1e9", "--fps-out=nan", "--engine=zzz", "--engine-timeout=-1",
                  "--engine-timeout=nan"):  # fmt: skip
        yield call(f"render {value}", "render", box.points, "--out", r / "v.mp4", value, seconds=40.0, codes=(2,))
    yield call("convert: layout out to theta", "convert", box.points, r / "o.npz", "--layout-out", "md23", codes=(2,))
    yield call("convert: unknown layout out", "convert", box.points, r / "o.csv", "--layout-out", "zzz", codes=(2,))
    yield call("convert: rate of nan", "convert", box.motion, r / "o.bvh", "--fps-out", "nan", codes=(2,))
    yield call("convert: rate of 1e12", "convert", box.motion, r / "o.bvh", "--fps-out", "1e12")
    yield call("convert: rate of 1e-9", "convert", box.motion, r / "o.bvh", "--fps-out", "1e-9")
    yield call("calibrate: seed of -1", "calibrate", box.clip, "--seed", "-1", codes=(2,))
    yield call("calibrate: no frames", "calibrate", box.clip, "--frames", "0")
    yield call("poses: rate of 0", "poses", r, "--out", r / "p.npz", "--fps", "0")
    yield call("poses: rate of nan", "poses", r, "--out", r / "p.npz", "--fps", "nan")
    yield call("poses: apart by nan", "poses", r, "--out", r / "p.npz", "--apart", "nan")
    yield call("poses of an empty folder", "poses", r / "adir", "--out", r / "p.npz")
    yield call("train: unknown preset", "train", "--out", r / "run", "--preset", "zzz", codes=(2,))
    yield call("train: unknown setting", "train", "--out", r / "run", "--set", "zzz=1", codes=(2,))
    yield call("evaluate nothing", "evaluate", codes=(2,))
    yield call("evaluate: share of 2", "evaluate", "--known", r, "--hold-out", "2", codes=(2,))
    yield call("export of an empty folder", "export", r / "adir")
    yield call("stats of an empty folder", "stats", r / "adir")
    yield call("layout check of an unknown one", "layout", "check", "zzz", codes=(2,))
    yield call("layout check of a folder", "layout", "check", r / "adir")
    yield call("an unknown command", "zzz", codes=(2,))
    yield call("doctor: a Blender that is none", "doctor", "--blender", r / "afile")
    yield call("a missing argument", "fit", codes=(2,))


def odd_surroundings(box: Sandbox) -> Iterator[Call]:
    """Names, streams and folders of an unusual kind."""
    r = box.root
    full = Path("/dev/full")
    for name, argv in (
        ("inspect", ("inspect", box.points)),
        ("layout list", ("layout", "list")),
        ("compare", ("compare", box.motion, box.motion)),
        ("help", ("--help",)),
        ("study status", ("study", "status", box.study)),
    ):
        yield call(f"{name} > /dev/full", *argv, codes=(1,), stdout=full)
    bad = r / os.fsdecode(b"bad\xff.npz")
    yield call("inspect of a name that is not UTF-8", "inspect", bad, codes=(0,))
    yield call("fit of a name that is not UTF-8", "fit", bad, "--out", r / "o.npz", FEW, "--device=numpy", codes=(0,),
               made=(r / "o.npz",), seconds=60.0)  # fmt: skip
    folder = r / os.fsdecode(b"badfolder\xff")
    yield call("render of a folder that is not UTF-8", "render", folder, "--out", r / "v.mp4", seconds=40.0)
    yield call("inspect of all processes", "inspect", "/proc/self", seconds=40.0)
    yield call("a source with a dash", "fit", "--out", r / "o.npz", "--", "-not-there.npz")
    yield call("a source with a dash, rendered", "render", "--out", r / "v.mp4", "--", "-not-there.npz", seconds=40.0)


def odd_names(box: Sandbox) -> None:
    """Write the inputs of ``odd_surroundings``."""
    shutil.copy(box.points, box.root / os.fsdecode(b"bad\xff.npz"))
    shutil.copytree(box.clip, box.root / os.fsdecode(b"badfolder\xff"))


def study_calls(box: Sandbox) -> Iterator[Call]:
    """Study files that would lose something, or cannot be read."""
    r = box.root
    for name, folder in (
        ("its root", "."), ("a system", "systems/a"), ("the systems", "systems"), ("the music", "music"),
        ("above its root", ".."), ("another's home", "~no-user-here/x"), ("all", "/"), ("nothing", ""),
    ):  # fmt: skip
        file = box.study.with_name(f"folder-{name.replace(' ', '-')}.toml")
        file.write_text(STUDY + f'[output]\nfolder = "{folder}"\n', encoding="utf-8")
        for command in ("check", "plan", "clean"):
            yield call(f"study {command}: output is {name}", "study", command, file)
    texts = {
        "empty": "", "not TOML": "a = = b", "not text": "\ud800",
        "a control character": STUDY.replace("clumsy", "a\\u001b"),
        "size without end": STUDY.replace("[64, 64]", "[99998, 99998]"), "rate of nan": STUDY.replace("25", "nan"),
        "length of inf": STUDY.replace("0.3", "inf"), "unknown key": STUDY + "zzz = 1\n",
        "brackets without end": "a = " + "[" * 100_000, "name that leaves": STUDY.replace('"a"', '"../../x"'),
    }  # fmt: skip
    for name, text in texts.items():
        file = box.study.with_name(f"bad-{name.replace(' ', '-')}.toml")
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        yield call(f"study check: {name}", "study", "check", file, scratch=box.study.parent / "renders")
    yield call("study check of a folder", "study", "check", r / "adir")
    yield call("study check of what is not there", "study", "check", r / "none.toml")
    yield call("study resume without a plan", "study", "resume", box.study)
    yield call("study run with an unknown executor", "study", "run", box.study, "--executor", "zzz")
