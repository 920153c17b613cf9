# SPDX-License-Identifier: Apache-2.0
"""Small films for the demonstration: parts of the bundled waltz, danced by three invented systems."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
import subprocess
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose_addon.core.arrays import F32
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import DancePoseError, MissingFileError
from dancepose_addon.core.io.example import example_folder
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import AudioWindow, KeypointSequence

from ..design.check_items import check_prompt
from ..records import (
    AttentionCheck,
    ExclusionRules,
    RaterSlot,
    RatingClip,
    RatingPlan,
    RatingQuestion,
    RatingTexts,
    RatingTrial,
)
from .film_copies import file_sha256

SIZE: Final = 360
FPS: Final = 25
LENGTH_S: Final = 4.0
SONGS: Final = {"first-part": 2.0, "second-part": 9.0}
"""Parts of the waltz, by their start in seconds."""
SYSTEMS: Final = ("captured", "slow", "shaky")
SLOTS: Final = 6
QUESTIONS: Final = (
    RatingQuestion(
        id="realism",
        text={
            "en": "Which dance looks more realistic?",
            "zh": "哪段舞蹈看起来更真实?",
            "ja": "どちらのダンスがより自然に見えますか。",
            "de": "Welcher Tanz sieht echter aus?",
            "fr": "Quelle danse paraît la plus réaliste ?",
            "es": "¿Qué baile parece más realista?",
        },
        sound=False,
    ),
    RatingQuestion(
        id="match",
        text={
            "en": "Which dance fits the music better?",
            "zh": "哪段舞蹈与音乐更匹配?",
            "ja": "どちらのダンスが音楽により合っていますか。",
            "de": "Welcher Tanz passt besser zur Musik?",
            "fr": "Quelle danse correspond le mieux à la musique ?",
            "es": "¿Qué baile encaja mejor con la música?",
        },
        sound=True,
    ),
)
CHECK: Final = AttentionCheck(
    expected=7, prompt={language: check_prompt(language, 7) for language in ("en", "zh", "ja", "de", "fr", "es")}
)
TEXTS: Final = {
    "en": RatingTexts(
        consent="You will see short dances and say which one is better. It takes five minutes.\n"
        "This is a demonstration: answers stay on this computer.",
        instructions="Watch both dances to the end, then answer. There are no right answers.",
    ),
    "de": RatingTexts(
        consent="Sie sehen kurze Tänze und sagen, welcher besser ist. Es dauert fünf Minuten.\n"
        "Dies ist eine Vorführung: Die Antworten bleiben auf diesem Rechner.",
        instructions="Sehen Sie beide Tänze bis zum Ende an und antworten Sie dann. Es gibt keine richtigen Antworten.",
    ),
    "fr": RatingTexts(
        consent="Vous verrez de courtes danses et direz laquelle est la meilleure. Cela dure cinq minutes.\n"
        "Ceci est une démonstration : les réponses restent sur cet ordinateur.",
        instructions="Regardez les deux danses jusqu’à la fin, puis répondez. Il n’y a pas de bonne réponse.",
    ),
    "es": RatingTexts(
        consent="Verá bailes cortos y dirá cuál es mejor. Dura cinco minutos.\n"
        "Esto es una demostración: las respuestas se quedan en este ordenador.",
        instructions="Vea los dos bailes hasta el final y después responda. No hay respuestas correctas.",
    ),
    "zh": RatingTexts(
        consent="您将观看一些短舞蹈,并指出哪一段更好。大约需要五分钟。\n这是演示:回答只保存在本机。",
        instructions="请把两段舞蹈都看完,然后作答。没有标准答案。",
    ),
    "ja": RatingTexts(
        consent="短いダンスを見て、どちらが良いかを答えていただきます。所要時間は約5分です。\n"
        "これはデモです。回答はこのコンピューターにのみ保存されます。",
        instructions="両方のダンスを最後まで見てから答えてください。正解はありません。",
    ),
}


def write_demo_films(
    folder: Path, draw: Callable[[KeypointSequence, Path], None] | None = None, progress: Progress = silent
) -> dict[tuple[str, str], Path]:
    """Draw the films of the demonstration, by system and song.

    Args:
        folder: Where to write.
        draw: Writes the film of a motion with its music; None draws stick figures.
        progress: Called with the fraction done.

    Raises:
        MissingFileError: The bundled dance is missing.
        DancePoseError: ffmpeg failed.
    """
    example = example_folder()
    if example is None:
        raise MissingFileError("The bundled dance is missing from this installation. Install DancePose again.")
    sequence = read(example)
    if sequence.audio is None:
        raise MissingFileError("The bundled dance has no music. Install DancePose again.")
    films = {}
    folder.mkdir(parents=True, exist_ok=True)
    for number, (song, system) in enumerate(product(SONGS, SYSTEMS)):
        progress(number / (len(SONGS) * len(SYSTEMS)), f"Drawing {system}, {song}")
        points_m = _danced(sequence.keypoints_m, sequence.fps, system, SONGS[song])
        music = AudioWindow(sequence.audio.path, sequence.audio.start_s + SONGS[song], LENGTH_S)
        path = folder / system / f"{song}.mp4"
        path.parent.mkdir(exist_ok=True)
        if draw is None:
            edges = np.asarray(list(sequence.layout.edges), dtype=int)
            _encode(path, _pictures(points_m, edges), music.path, music.start_s)
        else:
            draw(replace(sequence, keypoints_m=points_m, confidence=None, fps=float(FPS), audio=music), path)
        films[system, song] = path
    progress(1.0, "drawn")
    return films


def _danced(keypoints_m: F32, fps: float, system: str, start_s: float) -> F32:
    """Return what a system dances: (frames, points, 3), metres."""
    speed = 0.5 if system == "slow" else 1.0
    times_s = start_s + speed * np.arange(round(LENGTH_S * FPS)) / FPS
    before = np.clip((times_s * fps).astype(int), 0, len(keypoints_m) - 2)
    share = np.clip(times_s * fps - before, 0.0, 1.0)[:, None, None]
    points_m = (1.0 - share) * keypoints_m[before] + share * keypoints_m[before + 1]
    if system == "shaky":
        points_m = points_m + np.random.default_rng(7).normal(0.0, 0.03, points_m.shape)
    return points_m.astype(np.float32)


def _pictures(points_m: F32, edges: np.ndarray) -> Iterator[bytes]:
    """Yield frames as RGB bytes, seen from the front."""
    flat = points_m[:, :, :2]
    low, high = np.nanmin(flat, axis=(0, 1)), np.nanmax(flat, axis=(0, 1))
    scale = 0.9 * SIZE / float(np.max(high - low))
    for frame in flat:
        place = SIZE / 2 + scale * (frame - (low + high) / 2) * (1.0, -1.0)
        image = Image.new("RGB", (SIZE, SIZE), (225, 228, 232))
        pen = ImageDraw.Draw(image)
        for one, other in edges:
            ends = [tuple(place[one]), tuple(place[other])]
            if np.isfinite(ends).all():
                pen.line(ends, fill=(32, 64, 110), width=8)
        yield image.tobytes()


def _encode(path: Path, pictures: Iterator[bytes], music: Path, start_s: float) -> None:
    command = [
        find_ffmpeg().program, "-hide_banner", "-loglevel", "error", "-y",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE}x{SIZE}", "-r", str(FPS), "-i", "-",
        "-ss", f"{start_s:.3f}", "-t", f"{LENGTH_S:.3f}", "-i", str(music),
        "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "22", "-c:a", "aac", "-b:a", "96k", "-t", f"{LENGTH_S:.3f}",
        "-f", "mp4",
    ]  # fmt: skip
    with replacing(path) as temporary:
        done = subprocess.run(
            [*command, str(temporary)], input=b"".join(pictures), capture_output=True, check=False, timeout=300
        )
        if done.returncode != 0:
            reason = " ".join(done.stderr.decode(errors="replace").split())[-300:]
            raise DancePoseError(f"ffmpeg could not encode {path} ({reason}). Is the disk full?")


def demo_plan(root: Path, films: dict[tuple[str, str], Path]) -> RatingPlan:
    """Return the plan of the demonstration: all pairs of systems, both questions, one check and one repeat.

    Args:
        root: The rating folder, which holds the films.
        films: From `write_demo_films`.
    """
    clips = tuple(
        RatingClip(
            id=f"c{number:03d}",
            system=system,
            song=song,
            file=path.relative_to(root).as_posix(),
            sha256=file_sha256(path),
            duration_s=LENGTH_S,
            sound_song=song,
        )
        for number, ((system, song), path) in enumerate(films.items(), 1)
    )
    names = {(clip.system, clip.song): clip.id for clip in clips}
    pairs = [
        (names[one, song], names[other, song])
        for song in SONGS
        for one, other in (("captured", "slow"), ("slow", "shaky"), ("shaky", "captured"))
    ]
    return RatingPlan(
        title="Dance rating",
        seed=0,
        design="pair",
        points=5,
        languages=tuple(TEXTS),
        questions=QUESTIONS,
        clips=clips,
        slots=tuple(
            RaterSlot(id=f"s{number:03d}", trials=_demo_trials(pairs, number)) for number in range(1, SLOTS + 1)
        ),
        exclusion=ExclusionRules(),
        texts=TEXTS,
        completion_codes={"complete": "DEMO-DONE"},
    )


def _demo_trials(pairs: list[tuple[str, str]], number: int) -> tuple[RatingTrial, ...]:
    generator = np.random.default_rng(number)
    order = generator.permutation(len(pairs))
    pages: list[tuple[str, str, tuple[str, str], AttentionCheck | None]] = []
    for place, index in enumerate(order):
        # Sides change from slot to slot, so that every pair is seen both ways.
        pair = pairs[index] if (number + index) % 2 else pairs[index][::-1]
        pages.append(("main", QUESTIONS[place % 2].id, pair, None))
    pages.insert(int(generator.integers(2, len(pages))), ("check", "realism", pairs[0], CHECK))
    pages.append(("repeat", pages[0][1], pages[0][2][::-1], None))
    training = [("training", question.id, pairs[number % len(pairs)], None) for question in QUESTIONS]
    return tuple(
        RatingTrial(index=index, kind=kind, question=question, clips=pair, check=check)
        for index, (kind, question, pair, check) in enumerate([*training, *pages])
    )
