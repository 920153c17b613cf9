# SPDX-License-Identifier: Apache-2.0
"""Ratings whose files are damaged, lie or are none, and TOML files that take long."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
import zipfile

from dancepose.rating.design.plan_clips import FoundFilm
from dancepose.rating.design.rating_file import load_rating
from dancepose.rating.design.rating_plan import plan_rating
from dancepose.rating.record_files import RatingPaths, write_rating_plan

from .clumsy_calls import Sandbox, call
from .odd_studies import make_special
from .running import FAILED, Call

READ: Final = (0, *FAILED)
RATING: Final = """[[system]]
name = "a"
files = "a"
[[system]]
name = "b"
files = "b"
[[question]]
id = "real"
text.en = "Which dance looks better?"
[raters]
count = 4
votes = 2
"""
SPECIAL: Final = ("sparse", "pipe", "zero", "loop", "empty")
LONG: Final = 100_000
SLOW_TOML: Final = {
    "a header of 100,000 parts": "[" + "a." * LONG + "a]",
    "a key of 100,000 parts": "a." * LONG + "a = 1",
    "100,000 brackets": "x = " + "[" * LONG,
    "a number of 10,000 digits": "x = " + "1" * 10_000,
    "many long keys": "\n".join("a." * 200 + f"a{number} = 1" for number in range(5000)),
    "bytes": "\x00\x01\x02",
}
VERBS: Final = {"rating.toml": ("plan", "power"), "rating.db": ("status", "import")}
VOTES: Final = {
    "100,000 brackets": b"[" * LONG + b"\n\n",
    "UTF-16": '{"a": 1}\n'.encode("utf-16"),
    "not a number": b'{"response_ms": NaN}\n',
    "a number of 5,000 digits": b'{"trial": ' + b"9" * 5000 + b"}\n",
    "an empty object": b"{}\n",
    "a line of a megabyte": b'{"' + b"x" * 1_000_000 + b'": 1}\n',
}


def rating_attacks(box: Sandbox, folder: Path) -> Iterator[Call]:
    """Damaged ratings. folder: For them; nothing in it is watched."""
    for number, (name, text) in enumerate(SLOW_TOML.items()):
        path = folder / f"slow-{number}.toml"
        path.write_text(text, encoding="utf-8")
        for argv in (("rate", "plan", path), ("study", "check", path), ("layout", "check", path),
                     ("rate", "power", path)):  # fmt: skip
            yield call(f"{argv[0]} {argv[1]}: {name}", *argv)
    yield from _of_files(folder)
    yield from _of_outputs(box, folder)
    calls: tuple[tuple[object, ...], ...] = (
        ("power", "--sd-rater", "inf"), ("power", "--effect", "nan"), ("power", "--simulations", 10**12),
        ("power", "--simulations", 10_000, "--raters", 5000), ("power", "--raters", "1,2"),
        ("serve", folder, "--port", 0), ("serve", folder, "--lease", "nan"), ("forget", folder),
        ("pack", folder, "--post", "javascript:x"),
    )  # fmt: skip
    for words in calls:
        yield call(f"rate {' '.join(map(str, words[::2]))}", "rate", *words)


def _rating(folder: Path) -> RatingPaths:
    """A planned rating of films that do not exist."""
    folder.mkdir()
    paths = RatingPaths(folder)
    paths.file.write_text(RATING, encoding="utf-8")
    films = {
        (system, f"song{n}"): FoundFilm(f"{system}/song{n}.mp4", f"{ord(system)}{n}".zfill(64), 10.0, 25.0)
        for system in "ab"
        for n in range(4)
    }
    write_rating_plan(paths.plan, plan_rating(load_rating(paths.file), films).plan)
    return paths


def _of_files(folder: Path) -> Iterator[Call]:
    """Files of a rating that are damaged, or no files."""
    for kind in SPECIAL:
        for name in ("rating.toml", "plan.json", "votes.jsonl", "rating.db"):
            paths = _rating(folder / f"{kind}-{name}")
            (paths.root / name).unlink(missing_ok=True)
            make_special(paths.root / name, kind)
            verbs = {"rating.toml": ("plan", "power"), "rating.db": ("status", "import")}.get(
                name, ("status", "analyse")
            )
            for verb in verbs:
                yield call(f"rate {verb}: {name}, {kind}", "rate", verb, paths.root, codes=READ)
        answers = folder / f"answers-{kind}"
        make_special(answers, kind)
        yield call(f"rate import: answers, {kind}", "rate", "import", _rating(folder / f"into-{kind}").root, answers)
    for number, (name, data) in enumerate(VOTES.items()):
        paths = _rating(folder / f"votes-{number}")
        paths.votes.write_bytes(data)
        paths.sessions.write_bytes(data)
        yield call(f"rate analyse: votes, {name}", "rate", "analyse", paths.root)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("answers.txt", bytes(60 << 20))
    into = _rating(folder / "into-bomb").root
    yield call("rate import: an archive with bzip2", "rate", "import", into, folder / "bomb.zip")
    yield call("rate forget: an id that is not UTF-8", "rate", "forget", into, "--participant", "\udcff")


def _of_outputs(box: Sandbox, folder: Path) -> Iterator[Call]:
    """Outputs of a rating that are inputs, or cannot be."""
    paths = _rating(folder / "outputs")
    (paths.results / "report.html").mkdir(parents=True)
    for name, argv in {
        "results whose report is a folder": ("analyse", paths.root),
        "results that are a file": ("analyse", paths.root, "--out", paths.file),
        "results in the pack": ("analyse", paths.root, "--out", paths.root / "pack"),
        "results in a device": ("analyse", paths.root, "--out", "/dev/full"),
        "a demonstration in another rating": ("demo", "--no-serve", "--out", paths.root),
        "a demonstration in a file": ("demo", "--no-serve", "--out", box.root / "afile"),
        "a rating file below a file": ("init", box.root / "adir", "--out", box.root / "afile" / "r.toml"),
    }.items():
        yield call(f"rate: {name}", "rate", *argv)
    planned = _rating(folder / "planned")
    planned.plan.unlink()
    planned.plan.mkdir()
    yield call("rate plan: the plan is a folder", "rate", "plan", planned.root)
