# SPDX-License-Identifier: Apache-2.0
"""Rating files, films and simulated votes for tests."""

from pathlib import Path
from typing import Any

import numpy as np

from dancepose.rating.design.plan_clips import FoundFilm
from dancepose.rating.design.rating_file import RatingFile, parse_rating
from dancepose.rating.records import RatingPlan, RatingTrial
from dancepose.rating.vote_records import ConsentRecord, RaterSession, Vote


def rating_file(systems: int = 3, **changes: dict[str, Any]) -> RatingFile:
    """A rating of systems a, b, c ... with changed sections."""
    table: dict[str, Any] = {
        "system": [{"name": chr(97 + n), "files": f"clips/{chr(97 + n)}"} for n in range(systems)],
        "question": [{"id": "real", "text": {"en": "Which dance is more realistic?"}}],
        "raters": {"count": 12, "votes": 9},
    }
    return parse_rating(table | changes, root=Path("/nowhere"), sha256="ab" * 32)


def films(file: RatingFile, songs: int = 6, length_s: float = 10.0) -> dict[tuple[str, str], FoundFilm]:
    """A film of every song by every system."""
    return {
        (system.name, f"song{n}"): FoundFilm(
            f"clips/{system.name}/song{n}.mp4", f"{1000 * ord(system.name[0]) + n:064x}", length_s, 25.0
        )
        for system in file.system
        for n in range(songs)
    }


UTC = "2026-03-01T12:00:00Z"


def simulated_rating(
    plan: RatingPlan, worths: dict[str, float], *, seed: int = 0, spoilers: int = 0
) -> tuple[list[Vote], list[RaterSession]]:
    """Votes of raters who share known preferences; the last ``spoilers`` answer at random and fail their checks."""
    rng = np.random.default_rng(seed)
    votes, sessions = [], []
    for number, slot in enumerate(plan.slots):
        name = f"r{number:03d}"
        is_spoiler = number >= len(plan.slots) - spoilers
        consent = ConsentRecord(sha256="cd" * 32, utc=UTC)
        sessions.append(
            RaterSession(
                session=name,
                plan=plan.hash,
                slot=slot.id,
                language="en",
                consent=consent,
                started=UTC,
                finished=UTC,
                status="complete",
            )
        )
        for trial in slot.trials:
            votes.append(
                Vote(
                    plan=plan.hash,
                    session=name,
                    slot=slot.id,
                    trial=trial.index,
                    kind=trial.kind,
                    question=trial.question,
                    clips=trial.clips,
                    answer=_answer(plan, trial, worths, rng, is_spoiler),
                    response_ms=float(rng.integers(600, 5000)),
                    coverage=(1.0,) * len(trial.clips),
                    utc=UTC,
                )
            )
    return votes, sessions


def _answer(plan: RatingPlan, trial: RatingTrial, worths: dict[str, float], rng, is_spoiler):
    if trial.kind == "check":
        return 0 if is_spoiler else trial.check.expected
    clips = [plan.clip(name) for name in trial.clips]
    values = [0.0 if is_spoiler else worths[clip.system] - (0.0 if clip.treatment == "none" else 6.0) for clip in clips]
    values = [
        value - (0.0 if is_spoiler or not clip.is_mismatched else 1.5)
        for value, clip in zip(values, clips, strict=True)
    ]
    noisy = np.array(values) + rng.gumbel(size=len(values))
    if plan.design in ("pair", "mismatch"):
        eta = noisy[0] - noisy[1]
        if plan.points == 2:
            return -1 if eta > 0 else 1
        if plan.points == 3:
            return 0 if abs(eta) < 0.5 else (-1 if eta > 0 else 1)
        return int(np.digitize(-eta, [-1.6, -0.5, 0.5, 1.6])) - 2
    if plan.design == "acr":
        return int(np.clip(np.round(noisy[0] + 2.0), 1, 5))
    if plan.design == "best-worst":
        return {"best": trial.clips[int(noisy.argmax())], "worst": trial.clips[int(noisy.argmin())]}
    return {name: float(np.clip(50 + 15 * value, 0, 100)) for name, value in zip(trial.clips, noisy, strict=True)}
