"""``dancepose study``: a whole user study from one file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from dancepose.study.plan.jobs import read_head
from dancepose.study.plan.paths import Places
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import Study, load_study
from dancepose.study.plan.template import draft_study
from dancepose.study.report.check_study import check_study
from dancepose.study.report.cleaning import clean as clean_study
from dancepose.study.report.status import Status, read_status
from dancepose.study.report.study_report import write_report
from dancepose.study.run.driver import Summary
from dancepose.study.run.executors import NAMES
from dancepose.study.run.job_runner import Context
from dancepose.study.run.running import RunOptions, run_plan
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import DancePoseError, OutputError
from dancepose_addon.inference.regressors import shipped_layouts

from .display import list_results
from .study_display import run_display, time_text

app = typer.Typer(help="A whole user study from one file: planned, fitted, rendered, encoded, reported.")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study.")]


@app.command()
def init(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Skeleton files, a folder a system.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")] = Path("study.toml"),
    audio: Annotated[Path | None, typer.Option(help="Folder of music, named as the songs.")] = None,
) -> None:
    """Write a commented study.toml for the systems and songs that folders hold."""
    if out.exists():
        raise OutputError(f"{out} exists. Choose another place with --out, or remove it.")
    text = draft_study(folders, audio=audio, root=out.absolute().parent)
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    list_results({"study": out})
    print(f"Look it over, then: dancepose study check {out}")


@app.command()
def check(study_file: StudyFile) -> None:
    """Say what is missing, too short, of different length or unreadable, before anything is rendered."""
    study = load_study(study_file)
    checked = check_study(study, Places(study.out), shipped=shipped_layouts())
    for notice in checked.notices:
        print(f"note     {notice}")
    for problem in checked.problems:
        print(f"problem  {problem}")
    print(
        f"{len(study.systems)} systems, {len(study.songs)} songs: {checked.clips} clips, {checked.frames} frames, "
        f"about {time_text(checked.estimate_s)} on two processors and {checked.bytes / 1e9:.1f} GB of frames."
    )
    if checked.problems:
        count = len(checked.problems)
        raise DancePoseError(f"{count} problem{'s' if count > 1 else ''}; the clips concerned will be missing.")


@app.command()
def plan(study_file: StudyFile) -> None:
    """Write the list of jobs."""
    _plan(load_study(study_file))


@app.command("resume", help="Go on with the plan as it was written, failed jobs included.")
@app.command("run", help="Plan, and do whatever is not done: fit, render, encode, compare, report.")
def run(
    context: typer.Context,
    study_file: StudyFile,
    executor: Annotated[
        str, typer.Option(metavar="local|slurm|dask", help="Processes here, a Slurm cluster, or Dask.")
    ] = "local",
    workers: Annotated[
        int, typer.Option(min=0, help="At a time; 0: one a processor here, 8 tasks of an array on Slurm.")
    ] = 0,
    threads: Annotated[int, typer.Option(min=0, help="Processors of one worker; 0: a fair share.")] = 0,
    address: Annotated[str | None, typer.Option(help="A Dask scheduler; without, one is started here.")] = None,
    slurm: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A parameter for submitit, such as partition.")
    ] = None,
    blender: Annotated[Path | None, typer.Option(help="A Blender program, instead of the bpy wheel.")] = None,
) -> None:
    """``run`` and ``resume`` differ in where their plan comes from."""
    study = load_study(study_file)
    if context.info_name == "run":
        _plan(study)
    else:
        read_head(Places(study.out).plan)
    _run(study, _options(executor, workers, threads, address, slurm), blender)


@app.command()
def status(study_file: StudyFile) -> None:
    """Say how far the study is."""
    _print_status(read_status(Places(load_study(study_file).out)))


@app.command()
def report(
    study_file: StudyFile,
    embed: Annotated[bool, typer.Option("--embed", help="Put the clips into the page too.")] = False,
) -> None:
    """Write report.html as far as the study is."""
    study = load_study(study_file)
    list_results({"report": write_report(study.root, Places(study.out), embed=embed)})


@app.command()
def clean(
    study_file: StudyFile,
    everything: Annotated[bool, typer.Option("--all", help="All that the study made, clips included.")] = False,
) -> None:
    """Remove the frames of finished clips, and what killed runs left behind."""
    freed = clean_study(Places(load_study(study_file).out), everything=everything)
    print(f"Freed {freed / 1e6:.1f} MB.")


def _options(executor: str, workers: int, threads: int, address: str | None, slurm: list[str] | None) -> RunOptions:
    if executor not in NAMES:
        raise typer.BadParameter(f"{executor!r} is no executor; choose one of {', '.join(NAMES)}.")
    parameters: dict[str, Any] = {}
    for entry in slurm or []:
        key, equals, value = entry.partition("=")
        if not equals:
            raise typer.BadParameter(f"{entry!r} is not KEY=VALUE.")
        parameters[key] = int(value) if value.isdigit() else value
    return RunOptions(executor, workers, threads, address, parameters)


def _plan(study: Study) -> None:
    planned = make_plan(study, Places(study.out))
    for sentence in planned.missing:
        typer.echo(f"Note: {sentence}", err=True)
    print(f"{planned.jobs} jobs: {planned.clips} clips of {planned.frames} frames.")


def _run(study: Study, options: RunOptions, blender: Path | None) -> None:
    places = Places(study.out)
    blender = None if blender is None else blender.absolute()
    with run_display() as display:
        summary = run_plan(Context(study.root, study.out, blender), options, tell=display.tell, show=display.show)
    _finish(summary, study, places)


def _finish(summary: Summary, study: Study, places: Places) -> None:
    page = write_report(study.root, places)
    print(f"{summary.done} jobs done in {time_text(summary.seconds)}, {summary.skipped} were done before.")
    list_results({"report": page})
    if summary.failed:
        for job, why in summary.failed.items():
            typer.echo(f"failed  {job}: {why}", err=True)
        jobs = "job" if len(summary.failed) == 1 else "jobs"
        raise DancePoseError(
            f"{len(summary.failed)} {jobs} failed; {summary.blocked} more hang on what failed. "
            "Mend what is said above; then `dancepose study run` does the rest."
        )


def _print_status(status: Status) -> None:
    width = max((len(name) for name in status.songs), default=4)
    pace = status.frames_per_s if status.running else 0.0
    print(f"{'song':<{width}}  {'clips':>11}  {'frames':>15}  {'failed':>6}  time left")
    left_s = 0.0
    for name, song in status.songs.items():
        left_s += (song.frames - song.frames_done) / pace if pace else 0.0
        print(
            f"{name:<{width}}  {song.clips_done:>5}/{song.clips:<5}  {song.frames_done:>7}/{song.frames:<7}  "
            f"{song.failed or '':>6}  {time_text(left_s) if pace and song.frames_done < song.frames else ''}"
        )
    clips, frames = status.clips, status.frames
    print(
        f"{'all':<{width}}  {clips[0]:>5}/{clips[1]:<5}  {frames[0]:>7}/{frames[1]:<7}  {len(status.failed) or '':>6}"
    )
    for job, why in status.failed.items():
        print(f"failed  {job}: {why}")
    pace_text = f", {3600 * pace:.0f} frames an hour, {time_text(left_s)} left" if pace else ""
    print(f"{'A run is at work' if status.running else 'No run is at work'}{pace_text}.")
