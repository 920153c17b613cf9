# SPDX-License-Identifier: Apache-2.0
"""``dancepose study``: a whole user study from one file."""

import json
from pathlib import Path
import sys
from typing import Annotated, Any

import typer

from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.jobs import read_head
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import as_table, make_plan
from dancepose.study.plan.study_file import Study, load_study
from dancepose.study.plan.study_folder import changed_sources, require_own_plan, require_separate_folder
from dancepose.study.plan.template import draft_study
from dancepose.study.report.check_study import check_study
from dancepose.study.report.cleaning import clean_study, finished_films, other_films
from dancepose.study.report.status import Status, read_status
from dancepose.study.report.study_report import write_report
from dancepose.study.run.driver import Summary
from dancepose.study.run.executors import EXECUTORS
from dancepose.study.run.job_runner import RunContext
from dancepose.study.run.journal import locked_study
from dancepose.study.run.running import RunOptions, run_plan
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import DancePoseError, OptionError, OutputError
from dancepose_addon.core.printable_text import escaped, printable, quoted
from dancepose_addon.inference.regressors import shipped_layouts

from .arguments import number
from .display import list_results
from .output_checks import LAYOUT, check_files
from .study_display import run_display, time_text

app = typer.Typer(help="Render a whole user study from one file.")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")]


@app.command("init")
def init_command(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="One folder of motion files per system.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")] = Path("study.toml"),
    audio: Annotated[Path | None, typer.Option(help="Folder of music files, named as the songs.")] = None,
) -> None:
    """Write a commented study.toml for the systems and songs in some folders."""
    check_files({"--out": (out, LAYOUT)}, (*folders, audio))
    if out.exists():
        raise OutputError(f"{out} already exists. Choose another name with --out, or remove it.")
    text = draft_study(folders, audio=audio, root=out.absolute().parent)
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    list_results({"study": out})
    print(f"Review it, then run: dancepose study check {out}")


@app.command("check")
def check_command(study_file: StudyFile) -> None:
    """Report what is missing, too short, of different length or unreadable, before anything is rendered."""
    study = _load(study_file)
    checked = check_study(study, StudyPaths(study.out), shipped=shipped_layouts())
    for notice in checked.notices:
        print(escaped(f"note     {notice}"))
    for problem in checked.problems:
        print(escaped(f"problem  {problem}"))
    print(
        f"{counted(len(study.systems), 'system')}, {counted(len(study.songs), 'song')}: "
        f"{counted(checked.clips, 'clip')}, {counted(checked.frames, 'frame')}, "
        f"about {time_text(checked.estimate_s)} on two processors and {checked.bytes / 1e9:.1f} GB of frames."
    )
    if checked.problems:
        count = len(checked.problems)
        raise DancePoseError(f"{count} problem{'s' if count > 1 else ''}; the affected clips will be missing.")


@app.command("plan")
def plan_command(study_file: StudyFile) -> None:
    """Write the list of jobs without running it."""
    _plan(_load(study_file), study_file)


@app.command("resume", help="Continue with the existing plan, including jobs that failed.")
@app.command("run", help="Plan, then do everything that is not done yet: fit, render, encode, compare, report.")
def run_command(
    context: typer.Context,
    study_file: StudyFile,
    executor: Annotated[
        str, typer.Option(metavar="|".join(EXECUTORS), help="Processes on this machine, a Slurm cluster, or Dask.")
    ] = "local",
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=number("--workers", int, 0, 10_000),
            help="Jobs at a time; 0: one per processor, or 8 tasks of an array on Slurm.",
        ),
    ] = 0,
    threads: Annotated[
        int,
        typer.Option(
            metavar="N", parser=number("--threads", int, 0, 1024), help="Processors of one worker; 0: an equal share."
        ),
    ] = 0,
    address: Annotated[str | None, typer.Option(help="Address of a Dask scheduler; default: start one here.")] = None,
    slurm: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A parameter of submitit, such as slurm_partition.")
    ] = None,
    blender: Annotated[Path | None, typer.Option(help="A Blender program; default: the bpy wheel.")] = None,
) -> None:
    """``run`` writes a new plan; ``resume`` reads the existing one."""
    options = _options(executor, workers, threads, address, slurm)
    study = _load(study_file)
    if context.info_name == "run":
        _plan(study, study_file)
    else:
        if read_head(StudyPaths(study.out).plan).get("study") != json.loads(json.dumps(as_table(study))):
            print(
                escaped(f"note     {study_file} has changed since the plan. `dancepose study run` takes the changes.")
            )
        changed = changed_sources(study, StudyPaths(study.out).plan)
        if changed:
            names = ", ".join(changed[:5]) + (" and others" if len(changed) > 5 else "")
            print(escaped(f"note     changed since the plan: {names}. `dancepose study run` takes the new files."))
    _run(study, options, blender)


@app.command("status")
def status_command(study_file: StudyFile) -> None:
    """Show the progress of the study."""
    study = load_study(study_file)
    require_own_plan(study, study_file)
    _print_status(read_status(StudyPaths(study.out)))


@app.command("report")
def report_command(
    study_file: StudyFile,
    embed: Annotated[bool, typer.Option("--embed", help="Embed the clips in the page.")] = False,
) -> None:
    """Write report.html for what is finished."""
    study = _load(study_file)
    list_results({"report": write_report(study.root, StudyPaths(study.out), embed=embed)})


@app.command("clean")
def clean_command(
    study_file: StudyFile,
    everything: Annotated[bool, typer.Option("--all", help="Remove everything in the plan, films included.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove finished films without asking.")] = False,
) -> None:
    """Remove the frames of finished clips, temporary files of runs that were killed, and logs."""
    study = _load(study_file)
    paths = StudyPaths(study.out)
    films = finished_films(paths) if everything else 0
    if films and not yes:
        question = f"This removes {films} finished film{'s' if films > 1 else ''} in {paths.out}. Continue?"
        if not sys.stdin.isatty():
            raise DancePoseError(f"{question.removesuffix(' Continue?')} Add --yes to confirm.")
        if not typer.confirm(question):
            print("Nothing was removed.")
            return
    freed = clean_study(study.root, paths, everything=everything)
    print(f"Freed {freed / 1e6:.1f} MB.")
    if everything and paths.out.is_dir():
        print(f"Files that are not in the plan were kept: {paths.out}")


def _load(study_file: Path) -> Study:
    study = load_study(study_file)
    require_separate_folder(study)
    require_own_plan(study, study_file)
    return study


def _options(executor: str, workers: int, threads: int, address: str | None, slurm: list[str] | None) -> RunOptions:
    if executor not in EXECUTORS:
        raise OptionError(f"There is no executor {quoted(executor)}; choose one of {', '.join(EXECUTORS)}.")
    parameters: dict[str, Any] = {}
    for entry in slurm or []:
        key, equals, value = entry.partition("=")
        if not equals:
            raise OptionError(f"--slurm {quoted(entry)} is not KEY=VALUE. Write, for example, slurm_partition=long.")
        parameters[key] = int(value) if value.isdigit() else value
    return RunOptions(executor, workers, threads, address, parameters)


def _plan(study: Study, study_file: Path) -> None:
    paths = StudyPaths(study.out)
    with locked_study(paths.lock):  # no new plan under a run in progress
        planned = make_plan(study, paths, find_ffmpeg(), file=study_file)
    for sentence in (*planned.notices, *planned.missing):
        typer.echo(escaped(f"Note: {sentence}"), err=True)
    print(
        f"{counted(planned.jobs, 'job')}: {counted(planned.clips, 'clip')} of {counted(planned.frames, 'frame')} "
        "in total."
    )


def _run(study: Study, options: RunOptions, blender: Path | None) -> None:
    paths = StudyPaths(study.out)
    context = RunContext(study.root, study.out, None if blender is None else blender.absolute())
    with run_display() as display:
        summary = run_plan(context, options, on_message=display.on_message, on_progress=display.on_progress)
    _finish(summary, study, paths)


def _finish(summary: Summary, study: Study, paths: StudyPaths) -> None:
    page = write_report(study.root, paths)
    print(f"{summary.done} jobs done in {time_text(summary.seconds)}; {summary.skipped} were done before.")
    list_results({"report": page})
    others = other_films(study.root, paths)
    if others:
        films = "a film is" if len(others) == 1 else f"{len(others)} films are"
        example = others[0].relative_to(paths.out).as_posix()
        said = f"Note: {films} of no clip of this plan ({example}). Move it away before you show the folder."
        typer.echo(escaped(said if len(others) == 1 else said.replace("Move it", "Move them")), err=True)
    if summary.failed:
        for job, why in summary.failed.items():
            typer.echo(printable(f"failed  {job}: {why}"), err=True)
        jobs = "job" if len(summary.failed) == 1 else "jobs"
        depend = f" and {summary.blocked} depend on {'it' if jobs == 'job' else 'them'}" if summary.blocked else ""
        raise DancePoseError(
            f"{len(summary.failed)} {jobs} failed{depend}. Fix the errors above, then re-run `dancepose study run`."
        )


def _print_status(status: Status) -> None:
    width = max((len(name) for name in status.songs), default=4)
    rate = status.frames_per_s if status.running else 0.0
    print(f"{'song':<{width}}  {'clips':>11}  {'frames':>15}  {'failed':>6}  time left")
    left_s = 0.0
    for name, song in status.songs.items():
        left_s += (song.frames - song.frames_done) / rate if rate else 0.0
        print(
            f"{name:<{width}}  {song.clips_done:>5}/{song.clips:<5}  {song.frames_done:>7}/{song.frames:<7}  "
            f"{song.failed or '':>6}  {time_text(left_s) if rate and song.frames_done < song.frames else ''}"
        )
    clips, frames = status.clips, status.frames
    print(
        f"{'all':<{width}}  {clips[0]:>5}/{clips[1]:<5}  {frames[0]:>7}/{frames[1]:<7}  {len(status.failed) or '':>6}"
    )
    for job, why in status.failed.items():
        print(printable(f"failed  {job}: {why}"))
    rate_text = f", {3600 * rate:.0f} frames per hour, {time_text(left_s)} left" if rate else ""
    print(f"{'Run in progress' if status.running else 'No run in progress'}{rate_text}.")
