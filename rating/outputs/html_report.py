# SPDX-License-Identifier: Apache-2.0
"""report.html: all results in one file that opens without a network."""

from html import escape

from .figures import forest_plot, pair_matrix, svg_text
from .results import AnalysisResult, QuestionResult

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .7rem; text-align: right; }
th { border-bottom: 1.5px solid #333; } td { border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
.warning { background: #fff3cd; padding: .6rem 1rem; border-left: 4px solid #b58100; } figure { margin: 1rem 0; }
svg { max-width: 100%; height: auto; } pre { white-space: pre-wrap; background: #f5f5f5; padding: 1rem; }
"""


def html_report(result: AnalysisResult, labels: dict[str, str], methods: str) -> str:
    """Return the page.

    Args:
        result: The analysis.
        labels: Names to show, by system.
        methods: The text of methods.txt.
    """
    warning = ""
    if result.is_exploratory:
        warning = f'<p class="warning">Exploratory: {escape("; ".join(result.reasons))}.</p>'
    parts = [_question_part(result, entry, labels, has_figures=True) for entry in result.results]
    parts.append("<h2>Without exclusions</h2>")
    parts += [_question_part(result, entry, labels, has_figures=False) for entry in result.without_exclusions]
    parts.append(f"<h2>Methods</h2><pre>{escape(methods)}</pre>")
    counts = result.counts
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(result.title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(result.title)}: results</h1>{warning}"
        f"<p>{counts['main_votes_kept']} of {counts['main_votes']} main votes, {counts['raters_kept']} of "
        f"{counts['raters']} raters. Plan {result.plan[:12]}.</p>{_notices(result.notices)}"
        + "".join(parts)
        + "</body></html>\n"
    )


def _notices(notices: list[str]) -> str:
    return "".join(f'<p class="warning">{escape(notice)}</p>' for notice in notices)


def _question_part(result: AnalysisResult, entry: QuestionResult, labels: dict[str, str], *, has_figures: bool) -> str:
    figures = ""
    if has_figures:
        drawn = (forest_plot(entry, labels, result.alpha), pair_matrix(entry, labels))
        figures = "".join(f"<figure>{svg_text(figure)}</figure>" for figure in drawn)
    systems = _html_table(
        ["System", "Value", "Error", "Low", "High", "Elo", "Rank", "Votes"],
        [
            [
                labels.get(row.system, row.system),
                f"{row.value:.3f}",
                f"{row.error:.3f}",
                f"{row.low:.3f}",
                f"{row.high:.3f}",
                "" if row.elo is None else f"{row.elo:.0f}",
                f"{row.best_rank}" if row.best_rank == row.worst_rank else f"{row.best_rank} to {row.worst_rank}",
                str(row.votes),
            ]
            for row in entry.systems
        ],
    )
    pairs = _html_table(
        ["Comparison", "Difference", "Low", "High", "Preferred", "p", "p (Holm)", "p (equal)", "Verdict"],
        [
            [
                f"{labels.get(pair.first, pair.first)} - {labels.get(pair.second, pair.second)}",
                f"{pair.difference:.3f}",
                f"{pair.low:.3f}",
                f"{pair.high:.3f}",
                "" if pair.probability is None else f"{pair.probability:.0%}",
                f"{pair.p:.4f}",
                f"{pair.p_holm:.4f}",
                "" if pair.equivalence_p is None else f"{pair.equivalence_p:.4f}",
                {"first": labels.get(pair.first, pair.first), "second": labels.get(pair.second, pair.second)}.get(
                    pair.verdict, pair.verdict
                ),
            ]
            for pair in entry.comparisons
        ],
    )
    return (
        f"<h2>{escape(entry.question)}</h2><p>{escape(entry.model.capitalize())}; {entry.votes} votes, {entry.raters} "
        f"raters, {entry.songs} songs; {100 * (1 - result.alpha):g} % intervals, t with {entry.freedom} degrees of "
        f"freedom.</p>{_notices(entry.notices)}{figures}{systems}{pairs}"
    )


def _html_table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
