# SPDX-License-Identifier: Apache-2.0
"""Forest plot and pair matrix, as SVG, PDF and PNG."""

import io
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
import numpy as np

from dancepose_addon.core.atomic import replacing

from .results import QuestionResult

SUFFIXES: Final = (".svg", ".pdf", ".png")
SETTINGS: Final[Any] = {
    "font.size": 9.0, "svg.hashsalt": "dancepose", "svg.fonttype": "path", "pdf.fonttype": 42, "axes.axisbelow": True,
    "text.parse_math": False,
}  # fmt: skip
AXES: Final = {"logit": "worth relative to {reference} (logits)", "score": "mean score", "share": "preferred share"}


def forest_plot(entry: QuestionResult, labels: dict[str, str], alpha: float) -> Figure:
    """Draw the values of the systems with their intervals, best at the top.

    Args:
        entry: Results of a question.
        labels: Names to show, by system.
        alpha: Of the intervals, for the caption of the axis.
    """
    rows = entry.systems
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(5.2, 0.9 + 0.34 * len(rows)), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(rows))[::-1]
        for place, row in zip(places, rows, strict=True):
            axes.plot([row.low, row.high], [place, place], color="#1f4e79", linewidth=1.6, solid_capstyle="butt")
            is_reference = entry.scale == "logit" and row.system == entry.reference
            axes.plot(row.value, place, "D" if is_reference else "o", color="#1f4e79", markersize=5)
        zero = {"logit": 0.0, "share": 0.5}.get(entry.scale)
        if zero is not None:
            axes.axvline(zero, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
        axes.set_yticks(places, [labels.get(row.system, row.system) for row in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        text = AXES[entry.scale].format(reference=labels.get(entry.reference, entry.reference))
        axes.set_xlabel(f"{text}, {100 * (1 - alpha):g} % interval")
        axes.set_title(entry.question, loc="left", fontsize=9)
        axes.grid(axis="x", color="0.92")
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(axis="y", length=0)
    return figure


def pair_matrix(entry: QuestionResult, labels: dict[str, str]) -> Figure:
    """Draw the preference (or difference) of every row over every column; significant ones in bold with a star."""
    names = [row.system for row in entry.systems]
    place = {name: number for number, name in enumerate(names)}
    values = np.full((len(names), len(names)), np.nan)
    is_clear = np.zeros_like(values, dtype=bool)
    is_chance = entry.comparisons and entry.comparisons[0].probability is not None
    for pair in entry.comparisons:
        i, j = place[pair.first], place[pair.second]
        value = pair.probability if pair.probability is not None else pair.difference
        values[i, j], values[j, i] = value, (1.0 - value if is_chance else -value)
        is_clear[i, j] = is_clear[j, i] = pair.verdict in ("first", "second")
    middle, reach = (0.5, 0.5) if is_chance else (0.0, float(np.nanmax(np.abs(values), initial=1e-9)))
    with mpl.rc_context(SETTINGS):
        size = 1.6 + 0.55 * len(names)
        figure = Figure(figsize=(size + 0.8, size), layout="constrained")
        axes = figure.subplots()
        axes.imshow(values, cmap="PuOr", vmin=middle - reach, vmax=middle + reach)
        for i, j in np.argwhere(np.isfinite(values)):
            text = f"{values[i, j]:.2f}{'*' if is_clear[i, j] else ''}"
            dark = abs(values[i, j] - middle) > 0.6 * reach
            axes.text(
                j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else "black",
                fontweight="bold" if is_clear[i, j] else "normal",
            )  # fmt: skip
        shown = [labels.get(name, name) for name in names]
        axes.set_xticks(range(len(names)), shown, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), shown)
        what = "P(row preferred to column | no tie)" if is_chance else "row less column"
        axes.set_title(f"{entry.question}: {what}", loc="left", fontsize=9)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure


def save_figure_files(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as SVG, PDF and PNG; the same figure gives the same SVG.

    Args:
        figure: The figure.
        stem: Path without a suffix.

    Returns:
        The files.
    """
    FigureCanvasAgg(figure)
    written = []
    for suffix in SUFFIXES:
        path = stem.with_name(stem.name + suffix)
        with mpl.rc_context(SETTINGS), replacing(path) as temporary:
            metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}[suffix]
            figure.savefig(temporary, format=suffix[1:], dpi=200, metadata=metadata)
        written.append(path)
    return written


def svg_text(figure: Figure) -> str:
    """Return a figure as the text of an svg element."""
    buffer = io.StringIO()
    with mpl.rc_context(SETTINGS):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
