# SPDX-License-Identifier: GPL-3.0-or-later
"""What the headless renderer reports: progress and notices while it works, and a JSON file at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
import json
from pathlib import Path
import threading
from typing import Any, TextIO

import bpy

from .blender.import_motion import ImportedDancer
from .blender.render.engines import Engine
from .core.atomic import replacing
from .core.errors import Cancelled
from .core.messages import NoticeMessage, ProgressMessage, to_line
from .core.printable_text import escaped
from .headless_guard import STOPPED


@dataclass
class Reporter:
    """Reports progress and notices, and raises Cancelled if the run has been asked to stop.

    Attributes:
        stream: Stream to print to.
        as_json: Whether to print messages for programs.
        stopped: Set when the run should stop.
        shown: Notices that were printed.
    """

    stream: TextIO
    as_json: bool
    stopped: threading.Event
    shown: set[str] = field(default_factory=set)

    def __call__(self, fraction: float, message: str) -> None:
        """Report progress, see ``core.progress.Progress``."""
        if self.stopped.is_set():
            raise Cancelled(STOPPED)
        if self.as_json:
            self._print(to_line(ProgressMessage(fraction=round(fraction, 5), message=message)))
        else:
            self._print(f"{fraction:4.0%}  {escaped(message)}")

    def notices(self, notices: Sequence[str]) -> None:
        """Print each notice once."""
        for notice in notices:
            if notice not in self.shown:
                self.shown.add(notice)
                self._print(to_line(NoticeMessage(notice=notice)) if self.as_json else f"Notice: {escaped(notice)}")

    def _print(self, line: str) -> None:
        print(line, file=self.stream, flush=True)


def engine_report(engine: Engine) -> dict[str, Any]:
    """Return the entries of a report that describe an engine, as JSON values."""
    return {
        "engine": engine.name,
        "device": engine.device,
        "samples": engine.samples,
        "denoised": engine.denoiser,
        "blender": bpy.app.version_string,
    }


def write_video_report(path: Path, imported: list[ImportedDancer], render_report: dict[str, Any]) -> None:
    """Write the report of a video.

    Args:
        path: File to write, .json.
        imported: The dancers.
        render_report: Entries that describe the rendering.
    """
    first = imported[0]
    report = {**first.fit.report, "import_seconds": first.seconds, "render": render_report}
    if len(imported) > 1:
        report["other_persons"] = [dancer.fit.report for dancer in imported[1:]]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
