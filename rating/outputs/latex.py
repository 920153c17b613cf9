# SPDX-License-Identifier: Apache-2.0
"""table.tex: the results as a booktabs table."""

from .results import AnalysisResult, ComparisonRow, QuestionResult, SystemRow

ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def escape_latex(text: str) -> str:
    """Return text as LaTeX."""
    return "".join(ESCAPES.get(letter, letter) for letter in text)


def latex_table(result: AnalysisResult, labels: dict[str, str]) -> str:
    """Return the results of every question as tables.

    Args:
        result: The analysis.
        labels: Names to show, by system.
    """
    head = "% Written by dancepose rate analyse; needs \\usepackage{booktabs}.\n"
    head += (
        f"% Plan {result.plan[:12]}.{' EXPLORATORY: ' + '; '.join(result.reasons) if result.is_exploratory else ''}\n"
    )
    return head + "\n".join(_table(result, entry, labels) for entry in result.results)


def _table(result: AnalysisResult, entry: QuestionResult, labels: dict[str, str]) -> str:
    percent = f"{100 * (1 - result.alpha):g}"
    is_logit = entry.scale == "logit"
    value = {"logit": "Worth", "score": "Mean", "share": "Share"}[entry.scale]
    reference = escape_latex(labels.get(entry.reference, entry.reference))
    columns = ["System", value, f"{percent}\\,\\% interval"]
    columns += [f"$P(\\succ$ {reference}$)$", "Elo"] if is_logit else []
    columns += ["Rank", "Votes"]
    lines = [
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{_caption(result, entry, percent)}}}",
        f"  \\label{{tab:rating-{entry.question}}}",
        f"  \\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}",
        "    \\toprule",
        "    " + " & ".join(columns) + " \\\\",
        "    \\midrule",
    ]
    lines += ["    " + " & ".join(_cells(row, entry, labels)) + " \\\\" for row in entry.systems]
    return "\n".join([*lines, "    \\bottomrule", "  \\end{tabular}", "\\end{table}", ""])


def _caption(result: AnalysisResult, entry: QuestionResult, percent: str) -> str:
    text = (
        f"{'Exploratory analysis. ' if result.is_exploratory else ''}Question ``{escape_latex(entry.question)}'': "
        f"{escape_latex(entry.model)}, {entry.votes} votes of {entry.raters} raters on {entry.songs} songs. Intervals "
        f"({percent}\\,\\%) are robust to dependence within raters and within songs; ranks are those that "
        "Holm-corrected comparisons allow."
    )
    if entry.details.get("is_penalised"):
        text += " Estimates are penalised because the votes are separated."
    return text


def _cells(row: SystemRow, entry: QuestionResult, labels: dict[str, str]) -> list[str]:
    name = escape_latex(labels.get(row.system, row.system))
    if entry.scale == "logit" and row.system == entry.reference:
        cells = [name, "0", "(reference)", "", "0"]
    else:
        cells = [name, f"${row.value:.2f}$", f"$[{row.low:.2f}, {row.high:.2f}]$"]
        if entry.scale == "logit":
            chance = _against_reference(row, entry)
            cells += ["" if chance is None else f"{chance:.2f}", f"${row.elo:.0f}$"]
    ranks = str(row.best_rank) if row.best_rank == row.worst_rank else f"{row.best_rank}--{row.worst_rank}"
    return [*cells, ranks, str(row.votes)]


def _against_reference(row: SystemRow, entry: QuestionResult) -> float | None:
    found: ComparisonRow | None = next(
        (pair for pair in entry.comparisons if {pair.first, pair.second} == {row.system, entry.reference}), None
    )
    if found is None or found.probability is None:
        return None
    return found.probability if found.first == row.system else 1.0 - found.probability
