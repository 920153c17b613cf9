# SPDX-License-Identifier: Apache-2.0
"""Makes a pack: films under anonymous names, the page, a zip for a double click, and a JATOS archive."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
import os
from pathlib import Path
import shutil
from typing import Final

from dancepose.study.plan.ffmpeg_program import FfmpegProgram, find_ffmpeg
from dancepose_addon.core.atomic import output_error, remove_abandoned
from dancepose_addon.core.errors import InputError, OutputError
from dancepose_addon.core.file_locks import LOCK_NAME

from ..record_files import RatingPaths, locked_rating, not_served, read_rating_plan, require_films_outside
from ..records import RatingPlan
from .archives import write_jatos, write_zip
from .film_copies import PackedFilm, check_unchanged, copy_film, file_sha256, pad_film
from .pack_key import PackKey, PackPaths, hidden_name, new_pack_key, write_pack_key
from .page_text import PackedMedia, PageSource, page_config, page_html, page_languages, prompt_id
from .spoken_prompts import speak

MEDIA: Final = "media"
SIZE_CUE: Final = 1.02
"""Sizes that differ by more than this factor identify films."""
ZIP_README: Final = """{title}

Unpack this archive first. Then open index.html with a double click, in Chrome, Edge, Firefox or Safari.
No connection to the internet is needed. At the end, save the answers file and send it to the person who invited you.
"""


@dataclass(frozen=True)
class PackOptions:
    """How a pack is made.

    Attributes:
        replaces: Whether an existing pack is replaced.
        pads: Whether all films are brought to the size of the largest one.
        post_url: Where pages without a server post their answers; "" for a file to send.
    """

    replaces: bool = False
    pads: bool = True
    post_url: str = ""


@dataclass(frozen=True)
class Packed:
    """What was made.

    Attributes:
        key: The key of the pack.
        site: Folder for `dancepose rate serve`.
        archives: The zip and the JATOS archive.
        notices: Sentences about what a rater could notice.
    """

    key: PackKey
    site: Path
    archives: tuple[Path, ...]
    notices: tuple[str, ...]


def make_pack(
    root: Path, options: PackOptions, *, on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Packed:
    """Make the pack of a planned rating.

    Args:
        root: The rating folder, which holds plan.json.
        options: How.
        on_progress: Called with films done and films in total.

    Raises:
        OutputError: There is a pack already, or it cannot be written.
        InputError: A film was changed since the plan, or is no MP4 film.
    """
    with locked_rating(root):
        with not_served(root):
            pass
        return _make_pack(root, options, on_progress)


def _make_pack(root: Path, options: PackOptions, on_progress: Callable[[int, int], None]) -> Packed:
    plan = read_rating_plan(RatingPaths(root).plan)
    paths = PackPaths(root)
    if paths.pack.exists() and not options.replaces:
        raise OutputError(
            f"{paths.pack} already exists. Raters may be using it; to make another with new names, add --replace."
        )
    require_films_outside(root, (root / clip.file for clip in plan.clips))
    if paths.pack.exists():
        _require_only_a_pack(paths)
    _check_languages(plan)
    for clip in plan.clips:
        check_unchanged(root, clip)
    program = find_ffmpeg()
    key = new_pack_key(plan)
    building = paths.pack.with_name(f".pack.{os.getpid()}.part")
    shutil.rmtree(building, ignore_errors=True)
    remove_abandoned(building)
    try:
        media_folder = building / "site" / MEDIA
        media_folder.mkdir(parents=True)
        films = _copy_films(program, root, plan, key, media_folder, on_progress)
        notices = [*_visible_differences(films), *_equalise(films, pads=options.pads)]
        spoken = _speak(plan, key, media_folder)
        media = {path.stem: PackedMedia(f"{MEDIA}/{path.name}", path.stat().st_size) for path in media_folder.iterdir()}
        key = replace(key, digests={path.name: file_sha256(path) for path in sorted(media_folder.iterdir())})
        source = PageSource(plan, key.pack, key.films, media, spoken)
        archives = _write_site(building, source, options.post_url)
        (building / "PACK").write_text(key.pack + "\n", encoding="ascii")
        # The key comes first: a pack without its key would be worthless.
        write_pack_key(paths, key)
        if paths.pack.exists():
            shutil.rmtree(paths.pack)
        building.rename(paths.pack)
    except OSError as error:
        raise output_error(paths.pack, error) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return Packed(key, paths.site, tuple(paths.pack / name for name in archives), tuple(notices))


def _require_only_a_pack(paths: PackPaths) -> None:
    """Refuse to replace a folder that holds anything else than a pack."""
    foreign = [
        path.name
        for path in sorted(paths.pack.iterdir())
        if path.name not in ("site", "PACK", LOCK_NAME) and path.suffix not in (".zip", ".jzip")
    ]
    if foreign or paths.pack.is_symlink() or not (paths.pack / "PACK").is_file():
        what = f"holds {foreign[0]}, which is no part of a pack" if foreign else "is no pack"
        raise OutputError(f"{paths.pack} {what}, so it is not replaced. Move the folder elsewhere.")


def _check_languages(plan: RatingPlan) -> None:
    unknown = [language for language in plan.languages if language not in page_languages()]
    if unknown:
        raise InputError(
            f"The page has no words in {', '.join(unknown)}; it knows {', '.join(page_languages())}. Choose among them "
            "under `languages` in rating.toml and plan again."
        )


def _copy_films(
    program: FfmpegProgram,
    root: Path,
    plan: RatingPlan,
    key: PackKey,
    folder: Path,
    on_progress: Callable[[int, int], None],
) -> list[PackedFilm]:
    films = []
    heard = {question.id for question in plan.questions if question.sound}
    needs_sound = {
        clip for slot in plan.slots for trial in slot.trials if trial.question in heard for clip in trial.clips
    }
    for done, clip in enumerate(plan.clips, 1):
        out = folder / f"{key.films[clip.id]}.mp4"
        film = copy_film(program, root, clip, out, encodes_sound=plan.design == "mismatch")
        if clip.id in needs_sound and not film.has_sound:
            raise InputError(
                f"{root / clip.file} has no sound, but a question about it is asked with sound. Render it with its "
                "music, or set `sound = false` for the question."
            )
        films.append(film)
        on_progress(done, len(plan.clips))
    return films


def _visible_differences(films: list[PackedFilm]) -> list[str]:
    """Return sentences about what gives systems away although names do not."""
    notices = []
    for name, values in (
        ("frame rates", {f"{film.fps:g}" for film in films}),
        ("picture sizes", {f"{film.size[0]}x{film.size[1]}" for film in films}),
        ("codecs", {film.codec for film in films}),
    ):
        if len(values) > 1:
            notices.append(f"The films have different {name} ({', '.join(sorted(values))}), which raters may notice.")
    odd = {film.codec for film in films} - {"h264"}
    if odd:
        notices.append(f"Films with {', '.join(sorted(odd))} do not play in every browser; H.264 does.")
    return notices


def _equalise(films: list[PackedFilm], *, pads: bool) -> list[str]:
    """Pad all films to one size, and say what sizes still give away."""
    sizes = [film.path.stat().st_size for film in films]
    if pads:
        size = max(sizes) + 8
        for film in films:
            pad_film(film.path, size)
        added = len(sizes) * size - sum(sizes)
        return [
            f"All films were padded to {size} bytes, {added / 1e6:.1f} MB in total, so that sizes give nothing away."
        ]
    if max(sizes) > SIZE_CUE * min(sizes):
        notice = (
            f"The films have {min(sizes)} to {max(sizes)} bytes. An expert could tell systems by their sizes in the "
            "browser's tools; pack without --no-pad to make them equal."
        )
        return [notice]
    return []


def _speak(plan: RatingPlan, key: PackKey, folder: Path) -> dict[str, dict[str, str]]:
    """Make the sounds of spoken checks; return their names by prompt and language."""
    spoken: dict[str, dict[str, str]] = {}
    for slot in plan.slots:
        for trial in slot.trials:
            if trial.kind != "check" or trial.check is None or not trial.check.spoken:
                continue
            identity = prompt_id(trial.check)
            if identity in spoken:
                continue
            spoken[identity] = {}
            for language, text in trial.check.prompt.items():
                name = hidden_name(bytes.fromhex(key.secret), f"{identity}|{language}")
                speak(text, language, folder / f"{name}.wav")
                spoken[identity][language] = name
    return spoken


def _write_site(building: Path, source: PageSource, post_url: str) -> list[str]:
    """Write the page for the server, and both archives."""
    site = building / "site"
    (site / "index.html").write_text(page_html(page_config(source, "server")), encoding="utf-8", newline="\n")
    media = {f"{MEDIA}/{path.name}": path for path in sorted((site / MEDIA).iterdir())}
    title = source.plan.title
    alone = page_html(page_config(source, "file", post_url=post_url))
    readme = ZIP_README.format(title=title)
    write_zip(building / "rating.zip", {"index.html": alone, "README.txt": readme}, media, folder="rating/")
    jatos: Mapping[str, str] = {"index.html": page_html(page_config(source, "jatos"))}
    write_jatos(building / "rating.jzip", title, source.pack, jatos, media)
    return ["rating.zip", "rating.jzip"]
