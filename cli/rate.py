# SPDX-License-Identifier: Apache-2.0
"""``dancepose rate``: from rendered clips to votes and a table of results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dancepose.rating.record_files import RatingPaths
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.study_file import load_study
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import DancePoseError, FormatError, OptionError, OutputError

from .display import list_results, progress_bar
from .output_checks import LAYOUT, check_files
from .rate_collect import add_collecting, rating_file_of, rating_root
from .rate_power import power_command

if TYPE_CHECKING:
    from dancepose.rating.records import RatingPlan

rate_app = typer.Typer(
    help="Rate clips: plan, pack or serve a rating page, collect votes, analyse them.", no_args_is_help=True
)

RatingArgument = Annotated[
    Path, typer.Argument(metavar="RATING.toml", help="The rating file, or the folder that holds it as rating.toml.")
]


@rate_app.command("init")
def init_rating(
    sources: Annotated[
        list[Path], typer.Argument(metavar="STUDY.toml|FOLDER...", help="A study, or a folder of films per system.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")] = Path("rating/rating.toml"),
) -> None:
    """Write a commented rating.toml for the clips of a study, or for folders of films."""
    from dancepose.rating.design.rating_template import draft_from_folders, draft_from_study

    if out.suffix != ".toml":
        raise OptionError(f"--out {str(out)!r} does not end in .toml; give the rating file such a name.")
    if out.exists():
        raise OutputError(f"{out} already exists. Choose another name with --out, or remove it.")
    check_files({"--out": (out, LAYOUT)}, sources)
    root = out.absolute().parent
    if len(sources) == 1 and sources[0].suffix == ".toml":
        text = draft_from_study(load_study(sources[0]), root)
    else:
        text = draft_from_folders(sources, root)
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    list_results({"rating": out})
    print(f"Review it, then run: dancepose rate plan {out}")


@rate_app.command("plan")
def plan_rating_command(
    rating_file: RatingArgument,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a plan that differs, and move its votes to a folder.")
    ] = False,
) -> None:
    """Decide what every rater is shown, and write plan.json beside the file."""
    from dancepose.rating.design.film_sources import find_films
    from dancepose.rating.design.rating_file import load_rating
    from dancepose.rating.design.rating_plan import plan_rating
    from dancepose.rating.record_files import locked_rating, not_served, write_rating_plan
    from dancepose.study.media.ffmpeg import Ffmpeg

    given = rating_file_of(rating_file)
    file = load_rating(given)
    paths = RatingPaths(file.root)
    check_files({"The plan": (paths.plan, ())}, (given,))
    with locked_rating(paths.root), not_served(paths.root):
        with progress_bar() as display:
            films = find_films(file, Ffmpeg(find_ffmpeg()), display.progress)
        planned = plan_rating(file, films)
        plan = planned.plan
        moved = _keep_votes(paths, plan, replace=replace) if paths.plan.exists() else None
        write_rating_plan(paths.plan, plan)
    if moved is not None:
        typer.echo(f"Note: the former plan and its votes are in {moved}.", err=True)
    for sentence in planned.notices:
        typer.echo(f"Note: {sentence}", err=True)
    list_results({"plan": paths.plan})
    fewest, most = planned.votes_per_cell
    each = str(fewest) if fewest == most else f"{fewest} or {most}"
    print(
        f"{len(plan.slots)} raters, {len(plan.slots[0].trials)} pages each; {planned.cells} different pages for a "
        f"question, {each} votes for each of them. Plan {plan.hash[:12]}."
    )


def _keep_votes(paths: RatingPaths, plan: "RatingPlan", *, replace: bool) -> Path | None:
    """Keep what belongs to the plan that is there; where the new one differs, move it, or refuse the new one.

    Returns:
        The folder that it was moved to, or None.
    """
    from dancepose.rating.record_files import read_rating_plan, set_plan_aside

    try:
        former = read_rating_plan(paths.plan)
    except FormatError:
        if not replace and _use_of(paths, None):
            raise
        former = None
    use = _use_of(paths, former)
    if not use or (former is not None and former.hash == plan.hash):
        return None
    if replace:
        return set_plan_aside(paths)
    raise DancePoseError(
        f"{use} the plan that is there, and this plan differs from it. Keep the plan, or use --replace for a new study."
    )


def _use_of(paths: RatingPaths, plan: "RatingPlan | None") -> str:
    """Return what depends on a plan, as the beginning of a sentence, or ""."""
    from dancepose.rating.pack.pack_key import PackPaths, all_pack_keys
    from dancepose.rating.server.stored_rows import holds_answers

    if any(path.exists() and path.stat().st_size > 0 for path in (paths.votes, paths.sessions)):
        return f"{paths.votes.name} or {paths.sessions.name} has votes of"
    packed = PackPaths(paths.root)
    if holds_answers(packed.database):
        return f"{packed.database.name} has votes of"
    if plan is not None and all_pack_keys(packed, plan):
        return "A pack was made of"
    return ""


@rate_app.command("analyse")
def analyse_command(
    rating_file: RatingArgument,
    out: Annotated[Path | None, typer.Option(help="Folder to write; default: results beside the file.")] = None,
    resamples: Annotated[
        int, typer.Option(min=0, max=100_000, help="Resamples of the bootstrap; best-worst: at most 500.")
    ] = 2000,
    mixed: Annotated[bool, typer.Option("--mixed/--no-mixed", help="Fit the mixed model, from eight songs on.")] = True,
) -> None:
    """Apply the exclusion rules to the collected votes, and write tables, figures and texts."""
    from dancepose.rating.outputs.question_analysis import AnalysisOptions
    from dancepose.rating.outputs.rating_analysis import analyse_rating
    from dancepose.rating.outputs.writing import require_analysis_outputs, write_analysis

    paths = RatingPaths(rating_root(rating_file))
    require_analysis_outputs(paths, out or paths.results)
    with progress_bar() as display:
        analysed = analyse_rating(paths, AnalysisOptions(resamples, mixed), display.progress)
        written = write_analysis(analysed, paths, out or paths.results)
    result = analysed.result
    of_questions = [f"{entry.question}: {notice}" for entry in result.results for notice in entry.notices]
    for sentence in (*result.notices, *of_questions):
        typer.echo(f"Note: {sentence}", err=True)
    if result.is_exploratory:
        typer.echo(f"Note: the analysis is exploratory: {'; '.join(result.reasons)}.", err=True)
    for entry in result.results:
        print(f"{entry.question}: {entry.votes} votes, {entry.raters} raters, {entry.songs} songs")
        for row in entry.systems:
            ranks = f"{row.best_rank}" if row.best_rank == row.worst_rank else f"{row.best_rank} to {row.worst_rank}"
            interval = "reference" if row.system == entry.reference else f"[{row.low:.2f}, {row.high:.2f}]"
            print(f"  {row.system:<20} {row.value:7.2f}  {interval:<15}  rank {ranks}")
    list_results(dict(written))


rate_app.command("power")(power_command)
add_collecting(rate_app)
