# SPDX-License-Identifier: Apache-2.0
"""Rating files, films and simulated votes for tests."""

from pathlib import Path
from typing import Any

from dancepose.rating.design.plan_clips import FoundFilm
from dancepose.rating.design.rating_file import RatingFile, parse_rating


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
