# SPDX-License-Identifier: Apache-2.0
"""A small rating for tests: films that ffmpeg draws in a second, and a plan with every kind of trial."""

from functools import cache
from pathlib import Path
import subprocess
import tempfile
from typing import Any

from dancepose.rating.pack.film_copies import file_sha256
from dancepose.rating.record_files import RatingPaths, write_rating_plan
from dancepose.rating.records import (
    AttentionCheck,
    ExclusionRules,
    RaterSlot,
    RatingClip,
    RatingPlan,
    RatingQuestion,
    RatingTexts,
    RatingTrial,
)
from dancepose.study.plan.ffmpeg_program import find_ffmpeg

SYSTEMS = ("amber", "birch", "cedar")
SONGS = ("foxtrot", "rumba")
WORDS = (*SYSTEMS, *SONGS)
"""Names that must not reach a rater."""


@cache
def ffmpeg_path() -> str:
    """The ffmpeg program; found once, because that hashes it."""
    return find_ffmpeg().program


@cache
def film_bytes(title: str, hue: int, length_s: float, size: int, fps: int, *, sound: bool) -> bytes:
    """A test picture of one hue with a tone, and with metadata that would give it away."""
    tone = ["-f", "lavfi", "-i", f"sine=frequency={300 + hue}:duration={length_s}"] if sound else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        subprocess.run(
            [
                ffmpeg_path(), "-hide_banner", "-loglevel", "error", "-y", "-threads", "1",
                "-f", "lavfi", "-i", f"testsrc=size={size}x{size}:rate={fps}:duration={length_s},hue=h={hue}", *tone,
                "-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-c:a", "aac",
                "-metadata", f"title={title}", str(path),
            ],
            check=True,
            timeout=120,
        )  # fmt: skip
        return path.read_bytes()


TWO_SYSTEMS = """
[[system]]
name = "a"
files = "a"
[[system]]
name = "b"
files = "b"
[[question]]
id = "real"
text.en = "Which dance looks better?"
"""
"""The shortest rating file."""


def write_film(path: Path, *, hue: int, length_s: float, size: int = 160, fps: int = 25, sound: bool = True) -> None:
    """Write such a film; equal ones are encoded once in a run of tests."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(film_bytes(f"{path.parent.name} {path.stem}", hue, length_s, size, fps, sound=sound))


def small_plan(
    root: Path, *, design: str = "pair", slots: int = 3, length_s: float = 1.0, **changes: object
) -> RatingPlan:
    """Write films and plan.json of three systems and two songs; return the plan.

    Args:
        root: The rating folder.
        design: Of the plan.
        slots: Raters.
        length_s: Of the films.
        **changes: Other values of the plan.
    """
    clips: list[RatingClip] = []
    for song in SONGS:
        for number, system in enumerate(SYSTEMS):
            path = root / "films" / system / f"{song}.mp4"
            if not path.exists():
                write_film(path, hue=100 * number, length_s=length_s)
            clips.append(
                RatingClip(
                    id=f"c{len(clips) + 1:03d}", system=system, song=song, file=path.relative_to(root).as_posix(),
                    sha256=file_sha256(path), duration_s=length_s, sound_song=song,
                )
            )  # fmt: skip
    values: dict[str, Any] = {
        "title": "Dance rating",
        "seed": 1,
        "design": design,
        "points": 5,
        "languages": ("en", "zh", "ja", "de", "fr", "es"),
        "questions": (
            RatingQuestion(id="real", text={"en": "Which dance looks better?", "de": "Welcher Tanz?"}, sound=False),
            RatingQuestion(id="match", text={"en": "Which fits the music?", "de": "Was passt zur Musik?"}, sound=True),
        ),
        "clips": tuple(clips),
        "slots": tuple(_slot(design, number, [clip.id for clip in clips]) for number in range(1, slots + 1)),
        "exclusion": ExclusionRules(),
        "texts": {"en": RatingTexts(consent="I agree.\nFreely.", instructions="Watch, then answer.")},
        "completion_codes": {"complete": "DONE-1", "no-consent": "NO-2", "failed": "FAIL-3", "checks": "CHECK-4"},
    }
    return write_rating_plan(RatingPaths(root).plan, RatingPlan(**{**values, **changes}))


def _slot(design: str, number: int, clips: list[str]) -> RaterSlot:
    groups = [clips[:3], clips[3:]]
    shown: list[tuple[str, ...]]
    if design in ("pair", "mismatch"):
        shown = [(one, other) for group in groups for one in group for other in group if one < other]
        shown = [pair if (number + index) % 2 else pair[::-1] for index, pair in enumerate(shown)]
    elif design == "acr":
        shown = [(clip,) for clip in clips]
    else:
        shown = [tuple(group) for group in groups]
    trials: list[tuple[str, tuple[str, ...], str, AttentionCheck | None]] = [
        ("training", shown[0], "real", None),
        ("training", shown[-1], "match", None),
    ]
    trials += [("main", clips, ("real", "match")[(index + number) % 2], None) for index, clips in enumerate(shown)]
    if design == "pair":
        prompt = {"en": "Please enter the number 7.", "de": "Bitte geben Sie die Zahl 7 ein."}
        word = AttentionCheck(expected="blue", prompt={"en": "Type the word blue."})
        trials.insert(4, ("check", shown[1], "real", AttentionCheck(expected=7, prompt=prompt)))
        trials.insert(6, ("check", shown[2], "real", word))
        trials.append(("repeat", shown[0][::-1], "real", None))
    return RaterSlot(
        id=f"s{number:03d}",
        trials=tuple(
            RatingTrial(index=index, kind=kind, question=question, clips=tuple(group), check=check)
            for index, (kind, group, question, check) in enumerate(trials)
        ),
    )
