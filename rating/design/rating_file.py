# SPDX-License-Identifier: Apache-2.0
"""rating.toml: the description of a rating. Unknown keys are errors."""

from dataclasses import dataclass, replace
import hashlib
from pathlib import Path
from typing import Any, Final

from dancepose.study.plan.values import (
    check_flag,
    check_name,
    check_path,
    check_text,
    number_from,
    one_of,
    whole_from,
)
from dancepose_addon.core.bounded_files import MAX_DOCUMENT_BYTES, read_document, read_whole
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.toml_text import parse_toml

from ..record_checks import (
    check_any_text,
    check_identifier,
    check_language,
    is_whole,
    key,
    list_of,
    one_of_checks,
    record_from,
    record_of,
    records_of,
    table_of_values,
)
from ..records import CODES, DESIGNS, POINTS, AnalysisPlan, ExclusionRules, RatingTexts

_check_texts: Final = table_of_values(check_text, check_language)
_check_some: Final = whole_from(0, 1000)
TEXT_BYTES: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class RatedSystem:
    """A system whose films are rated.

    Attributes:
        name: Name in the results; raters never see it.
        files: Folder of films, glob, or path with ``{song}`` in it.
        label: Name in figures and tables; "" for ``name``.
    """

    name: str = key(check_name)
    files: str = key(check_path)
    label: str = key(check_any_text, "")


@dataclass(frozen=True, kw_only=True)
class RatedSong:
    """A song.

    Attributes:
        name: Stem of its films.
        genre: Songs of one genre are exchanged for mismatched sound.
        bpm: Beats per minute, for shifted sound; 0: unknown.
    """

    name: str = key(check_name)
    genre: str = key(check_any_text, "")
    bpm: float = key(number_from(0.0, 400.0), 0.0)


@dataclass(frozen=True, kw_only=True)
class FileQuestion:
    """A question of the file.

    Attributes:
        id: Name in the results.
        sound: Whether the clips are heard.
        text: The question in every language.
    """

    id: str = key(check_identifier)
    sound: bool = key(check_flag, False)
    text: dict[str, str] = key(_check_texts)


@dataclass(frozen=True, kw_only=True)
class DesignOptions:
    """What is shown and asked.

    Attributes:
        title: Shown to raters; must name no system.
        design: ``pair``, ``best-worst``, ``sliders``, ``acr`` or ``mismatch``.
        points: Answers of a pair: 5, 3 or 2.
        seed: Seed of the plan.
        languages: Languages of the page, the default first.
        set_size: Clips on a page of a best-worst rating.
        hidden_reference: The system that every slider page holds as hidden reference, or "".
        anchor: The system that is the low anchor; ``frozen`` or ``shuffled`` makes one of the reference; or "".
        mismatch: Wrong sound of a mismatch rating: another ``song``, or the own one ``shift``ed.
        retention_date: When the votes are deleted, such as 2030-12-31, or "".
    """

    title: str = key(check_text, "Dance rating")
    design: str = key(one_of(*DESIGNS), "pair")
    points: int = key(one_of_checks("5, 3 or 2", lambda value: is_whole(value) and value in POINTS), 5)
    seed: int = key(whole_from(0, 2**31 - 1), 0)
    languages: tuple[str, ...] = key(list_of(check_language, least=1, most=50), ("en",))
    set_size: int = key(whole_from(3, 8), 4)
    hidden_reference: str = key(check_any_text, "")
    anchor: str = key(check_any_text, "")
    mismatch: str = key(one_of("song", "shift"), "song")
    retention_date: str = key(check_any_text, "")


@dataclass(frozen=True, kw_only=True)
class RaterOptions:
    """Who rates how much.

    Attributes:
        count: Number of raters.
        votes: Main votes of a rater for each question.
    """

    count: int = key(whole_from(2, 100_000), 30)
    votes: int = key(whole_from(1, 1000), 30)


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """Further trials of every rater.

    Attributes:
        training: Training items before the first vote.
        attention: Attention checks.
        spoken: Whether the checks are spoken in the sound, where a question has sound.
        repeats: Trials that are shown again, with sides swapped.
        gold: Trials of a clip against itself treated.
        gold_treatment: How: ``frozen`` (one still picture) or ``shuffled`` (parts of a second in another order).
    """

    training: int = key(_check_some, 2)
    attention: int = key(_check_some, 2)
    spoken: bool = key(check_flag, False)
    repeats: int = key(_check_some, 2)
    gold: int = key(_check_some, 1)
    gold_treatment: str = key(one_of("frozen", "shuffled"), "shuffled")


@dataclass(frozen=True, kw_only=True)
class RatingFile:
    """The content of a rating.toml.

    Attributes:
        rating: What is shown and asked.
        system: The systems.
        song: The songs; () for all that every system has.
        question: The questions.
        raters: Who rates how much.
        checks: Further trials.
        exclusion: Which raters and votes are left out.
        analysis: What the analysis does.
        texts: Consent and instructions in every language.
        completion_codes: Codes of a platform, by name.
        root: Folder of the file.
        sha256: Hash of the file.
    """

    rating: DesignOptions = key(record_of(DesignOptions), DesignOptions())
    system: tuple[RatedSystem, ...] = key(records_of(RatedSystem))
    song: tuple[RatedSong, ...] = key(records_of(RatedSong), ())
    question: tuple[FileQuestion, ...] = key(records_of(FileQuestion))
    raters: RaterOptions = key(record_of(RaterOptions), RaterOptions())
    checks: CheckOptions = key(record_of(CheckOptions), CheckOptions())
    exclusion: ExclusionRules = key(record_of(ExclusionRules), ExclusionRules())
    analysis: AnalysisPlan = key(record_of(AnalysisPlan), AnalysisPlan())
    texts: dict[str, RatingTexts] = key(table_of_values(record_of(RatingTexts), check_language), {})
    completion_codes: dict[str, str] = key(table_of_values(check_text, one_of(*CODES)), {})
    root: Path = Path()
    sha256: str = ""


def load_rating(path: Path) -> RatingFile:
    """Read a rating.toml.

    Raises:
        MissingFileError: The file does not exist or cannot be read.
        FormatError: It is not TOML, has an unknown key, or a value that is not allowed.
    """
    what = "a rating file (`dancepose rate init` writes one)"
    try:
        data = read_whole(path, limit_bytes=MAX_DOCUMENT_BYTES, what=what)
        table = parse_toml(data.decode("utf-8-sig"))
    except ValueError as error:
        raise FormatError(f"{path} is not valid TOML ({error}). Correct that line.") from error
    sha256 = hashlib.sha256(data).hexdigest()
    return parse_rating(table, root=path.absolute().parent, source=path.name, sha256=sha256)


def parse_rating(table: dict[str, Any], *, root: Path, source: str = "rating.toml", sha256: str = "") -> RatingFile:
    """Make a rating from the table of its file.

    Raises:
        FormatError: An unknown key, or a value that is not allowed.
    """
    for name in ("root", "sha256"):
        if name in table:
            raise FormatError(f"{source} has the unknown key {name!r}.")
    rest = {name: value for name, value in table.items() if name not in ("texts", "analysis")}
    for name in ("system", "question"):
        if not table.get(name):
            raise FormatError(f"{source} has no [[{name}]]; a rating needs at least one. See `dancepose rate init`.")
    analysis = table.get("analysis", {})
    if isinstance(analysis, dict) and "file_sha256" in analysis:
        raise FormatError(f"{source}: [analysis] has the unknown key 'file_sha256'.")
    texts = _texts_of(table.get("texts", {}), root, source)
    read = record_from(RatingFile, {**rest, "analysis": analysis, "texts": texts}, source)
    return _check_file(replace(read, root=root, sha256=sha256), source)


def _texts_of(table: Any, root: Path, source: str) -> dict[str, Any]:
    """Read texts, each given as it is or as ``NAME_file`` with the path of a text file."""
    if not isinstance(table, dict):
        raise FormatError(f"{source}: [texts] is {table!r:.100}; expected [texts.en] and further languages.")
    found: dict[str, Any] = {}
    for language, entry in table.items():
        if not isinstance(entry, dict):
            raise FormatError(f"{source}: [texts] {language} is {entry!r:.100}; expected [texts.{language}].")
        found[language] = dict(entry)
        for name in ("consent", "instructions"):
            file = found[language].pop(f"{name}_file", None)
            if file is None:
                continue
            if name in entry:
                raise FormatError(f"{source}: [texts.{language}] has both {name} and {name}_file. Keep one.")
            path = root / check_path(file, f"{source}: [texts.{language}] {name}_file")
            found[language][name] = read_document(path, what=f"a text file as {name}_file", limit_bytes=TEXT_BYTES)
    return found


def _check_file(file: RatingFile, source: str) -> RatingFile:
    """Check what depends on several keys."""
    for what, names in (
        ("[[system]]", [system.name for system in file.system]),
        ("[[song]]", [song.name for song in file.song]),
        ("[[question]]", [question.id for question in file.question]),
    ):
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise FormatError(f"{source} has more than one {what} named {repeated[0]}. Use different names.")
    systems = [system.name for system in file.system]
    for where, name in (
        ("[analysis] reference", file.analysis.reference),
        ("[rating] hidden_reference", file.rating.hidden_reference),
        ("[rating] anchor", "" if file.rating.anchor in ("frozen", "shuffled") else file.rating.anchor),
    ):
        if name and name not in systems:
            raise FormatError(f"{source}: {where} is {name!r}; expected one of {', '.join(systems)}.")
    if file.analysis.comparisons == "reference" and not file.analysis.reference:
        raise FormatError(f'{source}: [analysis] comparisons = "reference" needs a reference. Add one.')
    if file.rating.anchor in ("frozen", "shuffled") and not file.rating.hidden_reference:
        raise FormatError(f"{source}: [rating] anchor = {file.rating.anchor!r} needs a hidden_reference to be made of.")
    for question in file.question:
        missing = [language for language in file.rating.languages if language not in question.text]
        if missing:
            raise FormatError(f"{source}: question {question.id} has no text in {missing[0]}. Add text.{missing[0]}.")
    title = file.rating.title.casefold()
    named = [name for name in systems if len(name) > 2 and name.casefold() in title]
    if named:
        raise FormatError(f"{source}: the title names the system {named[0]}, which raters must not know. Change it.")
    return file
