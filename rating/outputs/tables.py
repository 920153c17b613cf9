# SPDX-License-Identifier: Apache-2.0
"""votes.csv, raters.csv, excluded.csv and results.json."""

from collections.abc import Iterable, Sequence
import csv
from dataclasses import asdict, fields
import json
import math
from pathlib import Path
from typing import Any

from dancepose_addon.core.atomic import replacing

from ..records import RatingPlan
from ..statistics.exclusions import RaterRecord, Screened
from ..statistics.vote_tables import shown_systems
from ..vote_records import Vote
from .results import AnalysisResult

VOTE_COLUMNS = (
    "rater", "session", "slot", "trial", "kind", "question", "song", "first", "second", "shown", "answer",
    "response_ms", "coverage", "plays", "stalls", "dropped_frames", "width_px", "height_px", "utc", "used",
)  # fmt: skip


def write_result_json(path: Path, result: AnalysisResult) -> None:
    """Write results.json; what is not a number is null."""
    with replacing(path) as temporary:
        text = json.dumps(_finite(asdict(result)), indent=1, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8", newline="\n")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_votes_csv(path: Path, plan: RatingPlan, votes: Iterable[Vote], screened: Screened) -> None:
    """Write every vote in a row: training, checks and excluded ones as well."""
    number = rater_numbers(screened)
    used = {(vote.session, vote.trial) for vote in screened.kept}
    rows = []
    for vote in votes:
        shown = shown_systems(plan, vote)
        width, height = (*vote.viewport, "", "")[:2]
        rows.append(
            [
                number[vote.session],
                vote.session,
                vote.slot,
                vote.trial,
                vote.kind,
                vote.question,
                plan.clip(vote.clips[0]).song,
                _side(plan, vote, 0),
                _side(plan, vote, 1),
                ";".join(shown),
                _answer_by_system(plan, vote),
                f"{vote.response_ms:g}",
                ";".join(f"{x:g}" for x in vote.coverage),
                ";".join(str(x) for x in vote.plays),
                vote.stalls,
                vote.dropped_frames,
                width,
                height,
                vote.utc,
                int((vote.session, vote.trial) in used),
            ]
        )
    _write_csv(path, VOTE_COLUMNS, rows)


def rater_numbers(screened: Screened) -> dict[str, int]:
    """Return the number of each session's rater: sessions of one participant have one number."""
    known: dict[str, int] = {}
    return {rater.session: known.setdefault(rater.cluster, len(known) + 1) for rater in screened.raters}


def _side(plan: RatingPlan, vote: Vote, place: int) -> str:
    if plan.design not in ("pair", "mismatch") or place >= len(vote.clips):
        return ""
    if plan.design == "mismatch":
        return "wrong" if plan.clip(vote.clips[place]).is_mismatched else "right"
    return shown_systems(plan, vote)[place]


def _answer_by_system(plan: RatingPlan, vote: Vote) -> str:
    if not isinstance(vote.answer, dict):
        return str(vote.answer)
    names = dict(zip(vote.clips, shown_systems(plan, vote), strict=True))
    if set(vote.answer) == {"best", "worst"}:
        return json.dumps({which: names.get(clip, clip) for which, clip in vote.answer.items()})
    return json.dumps({names.get(clip, clip): value for clip, value in vote.answer.items()})


def write_raters_csv(path: Path, screened: Screened) -> None:
    """Write what every rater did, without the hash of the platform's id."""
    columns = [item.name for item in fields(RaterRecord) if item.name not in ("participant", "reasons")]
    number = rater_numbers(screened)
    rows = [
        [number[rater.session], *(_cell(getattr(rater, name)) for name in columns), int(not rater.reasons)]
        for rater in screened.raters
    ]
    _write_csv(path, ("rater", *columns, "kept"), rows)


def write_excluded_csv(path: Path, screened: Screened) -> None:
    """Write raters and votes that are left out, with the reasons."""
    number = rater_numbers(screened)
    rows: list[Sequence[object]] = [
        [number[rater.session], rater.session, "", "; ".join(rater.reasons)]
        for rater in screened.raters
        if rater.reasons
    ]
    rows += [[number[vote.session], vote.session, vote.trial, reason] for vote, reason in screened.excluded_votes]
    _write_csv(path, ("rater", "session", "trial", "reason"), rows)


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_harmless(cell) for cell in row] for row in rows)


def _harmless(cell: object) -> object:
    """Keep spreadsheets from taking text for a formula."""
    is_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "@", "\t", "\r")
    return f"'{cell}" if is_formula else cell
