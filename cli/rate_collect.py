# SPDX-License-Identifier: Apache-2.0
"""``dancepose rate``: the verbs from the pack to the votes."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
import threading
from typing import TYPE_CHECKING, Annotated, Final
import webbrowser

import typer

from dancepose.rating.collect.collecting import database_answers, existing_records, forget_rater, import_answers
from dancepose.rating.collect.collection_status import collection_status, missing_sessions, status_lines
from dancepose.rating.pack.pack_key import PackPaths
from dancepose.rating.pack.packing import PackOptions, make_pack
from dancepose.rating.record_checks import plain_values
from dancepose.rating.record_files import RatingPaths, read_rating_plan, require_own_files, write_rating_plan
from dancepose.rating.server.rater_requests import PLATFORM_NAMES
from dancepose.rating.server.serving import ServeOptions, prepare_server, require_free_address, run_server
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import DancePoseError, MissingFileError, OutputError
from dancepose_addon.core.file_locks import locked
from dancepose_addon.core.printable_text import escaped

from .arguments import number
from .display import list_results, progress_bar
from .output_checks import check_files

if TYPE_CHECKING:
    from dancepose_addon.core.skeleton.sequence import KeypointSequence

DEMO_PX: Final = 400
DATABASE_VARIABLE: Final = "DANCEPOSE_RATING_DATABASE"

Rating = Annotated[Path, typer.Argument(metavar="RATING.toml", help="The rating file, or the folder that holds it.")]
Database = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar=DATABASE_VARIABLE,
        show_envvar=True,
        help="PostgreSQL server, postgresql://...; default: SQLite in the rating folder.",
    ),
]


def rating_root(rating: Path) -> Path:
    """Return the rating folder of a rating file, or the folder itself.

    Raises:
        MissingFileError: It does not exist.
        OutputError: A file that commands write in it is a link to one elsewhere.
    """
    if not rating.exists():
        raise MissingFileError(f"{rating} does not exist. Give a rating.toml or its folder.")
    root = rating if rating.is_dir() else rating.absolute().parent
    require_own_files(root)
    return root


def rating_file_of(rating: Path) -> Path:
    """Return the rating file that is given by itself, or by its folder.

    Raises:
        MissingFileError: It does not exist.
    """
    return RatingPaths(rating).file if rating_root(rating) == rating else rating


def pack_rating_command(
    rating: Rating,
    replace_pack: Annotated[
        bool, typer.Option("--replace", help="Replace an existing pack by one with new names.")
    ] = False,
    pad: Annotated[bool, typer.Option("--pad/--no-pad", help="Bring all films to one size in bytes.")] = True,
    post: Annotated[
        str, typer.Option(metavar="URL", help="Where the page in the zip posts its answers; default: a file to send.")
    ] = "",
) -> None:
    """Make the anonymous pack: films and page for the server, a zip for a double click, and a JATOS archive."""
    if post and not post.startswith(("http://", "https://")):
        raise typer.BadParameter(f"--post expects an address that begins with https://, got {post!r}.")
    with progress_bar() as display:
        packed = make_pack(
            rating_root(rating),
            PackOptions(replaces=replace_pack, pads=pad, post_url=post),
            on_progress=lambda done, total: display.progress(done / total, f"film {done} of {total}"),
        )
        for notice in packed.notices:
            display.notice(notice)
    list_results({"page": packed.site / "index.html", "zip": packed.archives[0], "JATOS archive": packed.archives[1]})
    print("The folder keys connects anonymous names with clips: keep it, and do not pass it on.")


def serve_command(
    rating: Rating,
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 for every one of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8000,
    database: Database = "",
    lease: Annotated[
        float,
        typer.Option(
            metavar="MINUTES",
            parser=number("--lease", float, 1.0, 10080.0),
            help="Minutes without a vote after which a slot is given away.",
        ),
    ] = 60.0,
) -> None:
    """Show the page to raters and store their votes until Ctrl-C."""
    options = ServeOptions(host, port, database, lease)
    _serve(rating_root(rating), options, opens=False)


def _serve(root: Path, options: ServeOptions, *, opens: bool) -> None:
    require_free_address(options)
    pack = PackPaths(root).pack
    advice = "Wait until it has finished."
    with locked(pack, purpose="changes", advice=advice, shared=True) if pack.is_dir() else nullcontext():
        _serve_pack(root, options, opens=opens)


def _serve_pack(root: Path, options: ServeOptions, *, opens: bool) -> None:
    prepared = prepare_server(root, options)
    print(f"Raters:  {prepared.address}")
    print(f"Board:   {prepared.board_address}")
    print("Stop with Ctrl-C; votes are stored one by one.", flush=True)
    if opens:
        threading.Timer(1.0, webbrowser.open, [prepared.address]).start()
    run_server(prepared)


def import_command(
    rating: Rating,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE...]", help="Answer files; none: the server's database.")
    ] = None,
    database: Database = "",
) -> None:
    """Merge answers into votes.jsonl and sessions.jsonl; what is there already is not added again."""
    root = rating_root(rating)
    done = import_answers(root, files or [], database=database)
    for notice in done.notices:
        typer.echo(f"Note: {notice}", err=True)
    if done.different_votes:
        typer.echo(
            f"Note: {done.different_votes} votes differ from those there already; the first ones stay.", err=True
        )
    print(f"{done.new_votes} new votes, {done.known_votes} known; now {done.votes} votes of {done.sessions} sessions.")
    if done.declined:
        visitors = counted(done.declined, "visitor")
        print(f"{visitors} did not consent; nothing of them is stored.")
    list_results({"votes": RatingPaths(root).votes, "sessions": RatingPaths(root).sessions})


def rating_status_command(rating: Rating, database: Database = "") -> None:
    """Show progress and quality of the collection; nothing by system."""
    paths = RatingPaths(rating_root(rating))
    plan = read_rating_plan(paths.plan)
    votes, sessions, _notices = existing_records(paths, plan)
    skipped = 0
    if database or PackPaths(paths.root).database.exists():
        answers, _declined = database_answers(PackPaths(paths.root), plan, database)
        for one in answers:
            sessions[one.session.session] = one.session
            skipped += len(one.skipped)
            votes |= {(vote.session, vote.trial): vote for vote in one.votes}
    status = collection_status(plan, map(plain_values, sessions.values()), map(plain_values, votes.values()), skipped)
    for name, value in status_lines(status):
        print(escaped(f"{name:<28}  {value}"))
    if lost := len({session for session, _ in votes} - set(sessions)):
        typer.echo(f"Note: {missing_sessions(lost, paths.sessions.name)}", err=True)


def forget_command(
    rating: Rating,
    participant: Annotated[str, typer.Option(metavar="ID", help="Id that the platform gave the rater.")] = "",
    platform: Annotated[str, typer.Option(help="Platform of the participant: prolific or mturk.")] = "prolific",
    session: Annotated[str, typer.Option(metavar="ID", help="Id of a session, as in sessions.jsonl.")] = "",
    database: Database = "",
) -> None:
    """Delete everything of one rater, from the database and from the imported files."""
    if bool(participant) == bool(session):
        raise typer.BadParameter("give either --participant or --session.")
    root = rating_root(rating)
    if participant and platform not in PLATFORM_NAMES:
        raise typer.BadParameter(f"{platform!r} is not one of {', '.join(PLATFORM_NAMES)}.")
    sessions, votes = forget_rater(root, session=session, platform=platform, participant=participant, database=database)
    if not sessions:
        raise DancePoseError("No session of this rater was found. Check the id and the platform.")
    print(f"Deleted {counted(sessions, 'session')} and {counted(votes, 'vote')}.")
    if RatingPaths(root).results.exists():
        print("results/ is of votes with those of this rater: run `dancepose rate analyse` again, or delete it.")
    print("Copies elsewhere, such as answer files and backups, have to be deleted by hand.")


def rating_demo_command(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Write the rating here.")] = Path("rating-demo"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8000,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    serves: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the page after packing.")] = True,
) -> None:
    """Make a small rating of the bundled dance, and open its page."""
    from dancepose.rating.pack.demo_films import demo_plan, write_demo_films

    paths = RatingPaths(out)
    if paths.file.exists():
        raise OutputError(f"{out} holds another rating. Choose another folder with --out.")
    check_files({}, (), folders={"--out": out})
    if not paths.plan.exists():
        with progress_bar() as display:
            films = write_demo_films(out / "films", _body_drawing(), display.progress)
        write_rating_plan(paths.plan, demo_plan(out, films))
    if not PackPaths(out).pack.exists():
        make_pack(out, PackOptions())
    list_results({"zip": PackPaths(out).pack / "rating.zip"})
    if serves:
        _serve(out, ServeOptions(port=port), opens=opens)


def _body_drawing() -> "Callable[[KeypointSequence, Path], None] | None":
    """Return how the films of the demonstration are drawn by the fast engine; None where that does not start."""
    from dancepose.fast_render import render_fast, starts_here
    from dancepose.film_request import FilmRequest, dancer_of
    from dancepose_addon.core.body.model_io import load_body
    from dancepose_addon.core.fit.settings import FitSettings
    from dancepose_addon.fitting import fit_opened

    if not starts_here():
        return None
    body = load_body()
    betas: list[tuple[float, ...]] = []

    def draw(sequence: "KeypointSequence", path: Path) -> None:
        # All systems dance with the body of the first.
        settings = FitSettings(betas=betas[0] if betas else None)
        fitted = fit_opened(sequence, body=body, regressor=None, device="numpy", settings=settings)
        betas.append(tuple(fitted.motion.betas.tolist()))
        duration_s, size = sequence.duration_s, (DEMO_PX, DEMO_PX)
        render_fast(FilmRequest((dancer_of(fitted),), duration_s, size, sequence.fps, sequence.audio), path)

    return draw


def add_collecting(app: typer.Typer) -> None:
    """Add the verbs of this module to ``dancepose rate``."""
    app.command("pack")(pack_rating_command)
    app.command("serve")(serve_command)
    app.command("import")(import_command)
    app.command("status")(rating_status_command)
    app.command("forget")(forget_command)
    app.command("demo")(rating_demo_command)
