# SPDX-License-Identifier: Apache-2.0
"""Statistics of the music & dance recordings as the published method counts them.

Listed are the frames of the 2018 release, and of the window of music that each dance covers at 25 frames per second, as
far as they are known. They name the clips missing from a folder and serve as ground truth for tests; the statistics are
counted from the recordings themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dancepose_addon.core.skeleton.sequence import KeypointSequence

from ..config import Config
from .recordings import dance_of, split_clips

NOMINAL_FPS: Final = 25.0
DANCES: Final = {"C": "cha-cha", "R": "rumba", "T": "tango", "W": "waltz"}
_FRAMES: Final = {
    "C": "1:?/3955 2:2000/1900 3:?/4996 4:2200/1900 6:1850/1905 7:1725/2103 8:1500/1277 9:1800/1620",
    "R": (
        "1:?/5935 2:1700/2318 3:1800/2245 4:2200/2833 5:1900/2829 6:2200/3921 7:1800/2767 8:1650/2181 9:1825/2417 "
        "10:2500/3668"
    ),
    "T": "1:?/4970 2:?/4140 3:?/5785 4:?/6194 5:?/2560 6:?/5238 7:?/6325 8:?/3938 9:?/4970",
    "W": (
        "1:340/1439 2:291/1340 3:390/1647 4:328/1428 5:293/1277 6:292/1237 7:291/1229 8:342/1404 9:340/1452 "
        "10:290/1233 11:340/1438 12:375/1611 13:390/1663 14:292/1231 15:340/1500 16:291/1321 17:292/1280 18:292/1180 "
        "19:305/1330 20:413/1730 21:390/1660 22:242/1036 23:243/1036 24:229/980 25:304/1330 26:341/1452 27:328/1392 "
        "28:316/1393 29:327/1407 30:340/1443 31:390/1643 32:340/1443 33:243/1036 34:290/1098"
    ),
}
PUBLISHED: Final = {
    "train": {"C": (6, 546.0), "R": (8, 700.0), "T": (7, 1441.0), "W": (30, 377.4), "all": (51, 3064.4)},
    "test": {"C": (2, 271.0), "R": (2, 138.0), "T": (2, 524.0), "W": (4, 55.24), "all": (10, 988.24)},
    "own music": {"C": (22, 4741.3), "R": (22, 4386.9), "T": (22, 3752.8), "W": (22, 4421.2), "all": (88, 17302.2)},
}
"""The published Table 1: files and seconds. The last rows are of music without dances, which no folder contains."""


@dataclass(frozen=True)
class PublishedClip:
    """A clip of the published data set.

    Attributes:
        name: Name of its folder.
        frames: Frames in the 2018 release, or None where unknown.
        window: Frames of its music at 25 per second.
    """

    name: str
    frames: int | None
    window: int


def published_clips() -> tuple[PublishedClip, ...]:
    """Return all 61 clips of the data set."""
    clips = []
    for dance, text in _FRAMES.items():
        for entry in text.split():
            number, counts = entry.split(":")
            frames, window = counts.split("/")
            clips.append(PublishedClip(f"DANCE_{dance}_{number}", None if frames == "?" else int(frames), int(window)))
    return tuple(clips)


def count_splits(clips: Sequence[KeypointSequence], config: Config) -> dict[str, Any]:
    """Count files and seconds of each dance in the training and the test split.

    Args:
        clips: The recordings.
        config: Seed and proportion of the split.

    Returns:
        JSON values. Seconds are given as published (frames less one, at 25 per second) and at the true rate, together
        with the names of missing and unknown clips.
    """
    names = [Path(clip.source).name for clip in clips]
    train, test = split_clips(names, config)
    rows: dict[str, Any] = {}
    for split, members in (("train", train), ("test", test)):
        rows[split] = {dance: _row([clips[i] for i in members if dance_of(names[i]) == dance]) for dance in DANCES}
        rows[split]["all"] = _row([clips[i] for i in members])
    rows["both"] = {
        dance: _row([c for c, name in zip(clips, names, strict=True) if dance_of(name) == dance]) for dance in DANCES
    }
    rows["both"]["all"] = _row(list(clips))
    missing = [clip.name for clip in published_clips() if clip.name not in names]
    return {
        "splits": rows,
        "published": PUBLISHED,
        "missing": missing,
        "unknown": sorted(set(names) - {clip.name for clip in published_clips()}),
        "seed": config.seed,
        "stratified": config.data.stratified,
        "test_clips": [names[i] for i in test],
    }


def _row(clips: Sequence[KeypointSequence]) -> dict[str, Any]:
    return {
        "files": len(clips),
        "nominal_s": round(sum((len(clip) - 1) / NOMINAL_FPS for clip in clips), 2),
        "true_s": round(sum((len(clip) - 1) / clip.fps for clip in clips), 2),
    }


def format_splits(table: dict[str, Any]) -> str:
    """Format the statistics as lines of text."""
    lines = [f"{'split':<6} {'dance':<8} {'files':>5} {'at 25 fps':>10} {'true rate':>10}   published: files, seconds"]
    for split in ("train", "test", "both"):
        for dance, row in table["splits"][split].items():
            said = _published(split, dance)
            title = DANCES.get(dance, dance)
            lines.append(
                f"{split:<6} {title:<8} {row['files']:>5} {row['nominal_s']:>8.2f} s {row['true_s']:>8.2f} s   "
                f"{said[0]:>3} {said[1]:>9.2f} s"
            )
    own = ", ".join(f"{DANCES.get(d, d)} {n} files {s:g} s" for d, (n, s) in PUBLISHED["own music"].items())
    lines.append(f"Also published: music without dances, which no folder of recordings contains: {own}.")
    if table["missing"]:
        lines.append(f"Missing, {len(table['missing'])} of 61 clips: {', '.join(table['missing'])}.")
    if table["unknown"]:
        lines.append(f"Not among the 61 clips: {', '.join(table['unknown'])}.")
    how = "each dance in proportion" if table["stratified"] else "at random over all dances"
    lines.append(f"Test split, {how}, seed {table['seed']}: {', '.join(table['test_clips']) or 'none'}.")
    return "\n".join(lines)


def _published(split: str, dance: str) -> tuple[int, float]:
    if split != "both":
        return PUBLISHED[split][dance]
    train, test = PUBLISHED["train"][dance], PUBLISHED["test"][dance]
    return train[0] + test[0], train[1] + test[1]
