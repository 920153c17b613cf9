# SPDX-License-Identifier: Apache-2.0
"""``dancepose rate``: from rendered clips to votes and a table of results."""

from pathlib import Path
from typing import Annotated

import typer

from dancepose.rating.record_files import RatingPaths
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.study_file import load_study
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import DancePoseError, OutputError

from .display import list_results, progress_bar
from .rate_collect import add_collecting

rate_app = typer.Typer(
    help="Rate clips: plan, pack or serve a rating page, collect votes, analyse them.", no_args_is_help=True
)

RatingArgument = Annotated[Path, typer.Argument(metavar="RATING.toml", help="The rating file.")]


@rate_app.command("init")
def init_rating(
    sources: Annotated[
        list[Path], typer.Argument(metavar="STUDY.toml|FOLDER...", help="A study, or a folder of films per system.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")] = Path("rating/rating.toml"),
) -> None:
    """Write a commented rating.toml for the clips of a study, or for folders of films."""
    from dancepose.rating.design.rating_template import draft_from_folders, draft_from_study

    if out.exists():
        raise OutputError(f"{out} already exists. Choose another name with --out, or remove it.")
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
        bool, typer.Option("--replace", help="Replace a plan that differs, although votes of it exist.")
    ] = False,
) -> None:
    """Decide what every rater is shown, and write plan.json beside the file."""
    from dancepose.rating.design.film_sources import find_films
    from dancepose.rating.design.rating_file import load_rating
    from dancepose.rating.design.rating_plan import plan_rating
    from dancepose.rating.record_files import read_rating_plan, write_rating_plan
    from dancepose.study.media.ffmpeg import Ffmpeg

    file = load_rating(rating_file)
    paths = RatingPaths(file.root)
    with progress_bar() as display:
        films = find_films(file, Ffmpeg(find_ffmpeg()), display.progress)
    planned = plan_rating(file, films)
    plan = planned.plan
    if paths.plan.exists() and not replace and _has_votes(paths) and read_rating_plan(paths.plan).hash != plan.hash:
        raise DancePoseError(
            f"{paths.votes.name} or {paths.sessions.name} has votes of the plan that is there, and this plan differs "
            "from it. Keep the plan, or use --replace for a new study."
        )
    write_rating_plan(paths.plan, plan)
    for sentence in planned.notices:
        typer.echo(f"Note: {sentence}", err=True)
    list_results({"plan": paths.plan})
    fewest, most = planned.votes_per_cell
    each = str(fewest) if fewest == most else f"{fewest} or {most}"
    print(
        f"{len(plan.slots)} raters, {len(plan.slots[0].trials)} pages each; {planned.cells} different pages for a "
        f"question, {each} votes for each of them. Plan {plan.hash[:12]}."
    )


def _has_votes(paths: RatingPaths) -> bool:
    return any(path.exists() and path.stat().st_size > 0 for path in (paths.votes, paths.sessions))


add_collecting(rate_app)
