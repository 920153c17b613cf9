# SPDX-License-Identifier: Apache-2.0
"""Writes everything that an analysis gives into a folder."""

from itertools import chain
import os
from pathlib import Path
from typing import Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import DancePoseError, OutputError
from dancepose_addon.core.output_claims import claim_outputs
from dancepose_addon.core.output_links import odd_entries, require_plain, resolved
from dancepose_addon.core.output_paths import Output, require_outputs
from dancepose_addon.core.stored_tables import has_keys

from ..design.rating_file import load_rating
from ..pack.pack_key import PackPaths
from ..record_files import RatingPaths, read_votes
from .figures import forest_plot, pair_matrix, save_figure_files
from .html_report import html_report
from .latex import latex_table
from .methods_text import methods_text
from .r_model import r_model
from .rating_analysis import Analysed
from .tables import write_excluded_csv, write_raters_csv, write_result_json, write_votes_csv

RESULTS: Final = "results.json"
FIGURES: Final = ("forest", "pairs")
WRITTEN: Final = (
    RESULTS, "votes.csv", "raters.csv", "excluded.csv", "table.tex", "methods.txt", "model.R", "report.html",
)  # fmt: skip


def require_analysis_outputs(paths: RatingPaths, out: Path) -> None:
    """Refuse a folder that an analysis cannot be written to, before votes are read.

    Args:
        paths: The files of the rating.
        out: Folder to write to.

    Raises:
        OutputError: It is no folder, cannot be written to, or one of its files would replace an input.
    """
    packed, found = PackPaths(paths.root), resolved(out)
    for folder in (packed.pack, packed.keys):
        if found.is_relative_to(resolved(folder)):
            raise OutputError(f"--out {out} is in {folder}, which belongs to the pack. Choose another folder.")
    outputs = [Output("--out", out, is_folder=True)]
    outputs += [Output("A result", out / name) for name in WRITTEN]
    require_outputs(outputs, (paths.file, paths.plan, paths.votes, paths.sessions))
    require_plain((entry for entry in odd_entries(out) if entry.parent == out), out)  # also figures, by any name
    figures = (path for kind in FIGURES for path in sorted(out.glob(f"{kind}-*.*")))
    named = (out / name for name in WRITTEN if os.path.lexists(out / name))
    foreign = next(chain(named, figures), None)
    if foreign is not None and not has_keys(out / RESULTS, "plan", "design", "results", "without_exclusions"):
        raise OutputError(
            f"{foreign} is of no analysis, and would be replaced. Choose an empty or new folder with --out."
        )
    claim_outputs([out])


def write_analysis(analysed: Analysed, paths: RatingPaths, out: Path) -> dict[str, Path]:
    """Write tables, figures and texts.

    Args:
        analysed: The analysis.
        paths: The files of the rating.
        out: Folder to write to.

    Returns:
        The files, by what they are.

    Raises:
        OutputError: A file cannot be written.
    """
    plan, result = analysed.plan, analysed.result
    labels = system_labels(paths)
    votes, _ = read_votes(paths.votes, plan)
    methods = methods_text(plan, result, labels)
    write_result_json(out / RESULTS, result)
    write_votes_csv(out / "votes.csv", plan, votes, analysed.screened)
    write_raters_csv(out / "raters.csv", analysed.screened)
    write_excluded_csv(out / "excluded.csv", analysed.screened)
    texts = {
        "table.tex": latex_table(result, labels),
        "methods.txt": methods,
        "model.R": r_model(plan, result),
        "report.html": html_report(result, labels, methods),
    }
    for name, text in texts.items():
        with replacing(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    seen: dict[str, int] = {}
    for entry in result.results:
        number = seen[entry.question] = seen.get(entry.question, 0) + 1
        stem = entry.question if number == 1 else f"{entry.question}-{number}"
        save_figure_files(forest_plot(entry, labels, result.alpha), out / f"forest-{stem}")
        save_figure_files(pair_matrix(entry, labels), out / f"pairs-{stem}")
    return {"report": out / "report.html", "table": out / "table.tex", "methods": out / "methods.txt",
            "results": out / RESULTS, "votes": out / "votes.csv"}  # fmt: skip


def system_labels(paths: RatingPaths) -> dict[str, str]:
    """Return the labels of the rating file, {} where it cannot be read."""
    try:
        file = load_rating(paths.file)
    except DancePoseError:
        return {}
    return {system.name: system.label for system in file.system if system.label}
