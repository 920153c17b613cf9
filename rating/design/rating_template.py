# SPDX-License-Identifier: Apache-2.0
"""A first rating.toml with comments, drafted from a finished study or from folders of films."""

import os
from pathlib import Path
import re
from typing import Final

from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.study_file import Study
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.toml_text import toml_string

from .film_sources import films_of
from .rating_file import RatedSystem

HEAD: Final = """\
# A rating of films by people. Paths are relative to the folder of this file.
# Next: dancepose rate power and plan, then pack or serve, and analyse. `dancepose rate --help` lists all steps.

[rating]
title = "Dance rating"      # raters see it; it must name no system
design = "pair"             # "pair", "best-worst", "sliders", "acr" (1 to 5) or "mismatch" (right against wrong music)
points = 5                  # answers of a pair: 5 (with strengths and tie), 3 (with tie) or 2 (forced)
seed = 1                    # the plan is a pure function of this file, the films and the seed
languages = ["en"]          # of the page, the default first: en, zh, ja, de, fr, es
# set_size = 4              # best-worst: clips on a page
# hidden_reference = "{last}"    # sliders: the system that is the hidden reference
# anchor = "shuffled"       # sliders: a system, or "frozen" or "shuffled" to make one of the reference
# mismatch = "song"         # wrong music: another "song" of the same genre and length, or "shift" for its own, shifted
# retention_date = "2030-12-31"    # when the votes are deleted; raters see it
"""
TAIL: Final = """\
[[question]]                # one or more; each has its own block of pages
id = "realism"
sound = false               # muted, so that the music does not count
text.en = "Which dance looks more realistic?"

# [[question]]
# id = "match"
# sound = true
# text.en = "Which dance fits the music better?"

[raters]
count = 30                  # few songs limit what any number of raters can show: `dancepose rate power`
votes = {votes:<19} # main votes of a rater for each question; no page twice

[checks]                    # further pages of every rater, at random places; recorded, used by the analysis only
training = 2                # before the first vote
attention = 2               # "please enter the number ..."
spoken = false              # speak them in the sound, where a question has sound
repeats = 2                 # pages shown again with sides swapped
gold = 2                    # a clip against itself treated
gold_treatment = "shuffled" # "shuffled": parts of a second in another order; "frozen": one still picture

[exclusion]                 # decided now, applied by `analyse`; results are given with and without exclusions
failed_checks_most = 1      # a rater who fails more attention checks is left out
failed_gold_most = 1        # the same for gold items
fastest_ms = 300            # votes that took less after the end of watching are fast
fast_share_most = 0.5       # share of fast votes that a rater may have
same_answer_share_most = 0.95    # share of one and the same answer, from ten answers on; not in best-worst
coverage_least = 0.95       # votes with less of a clip watched are left out
votes_least = 1             # main votes that a rater must have
keeps_partial = true        # whether votes of unfinished sessions count
# hidden_reference_least = 90.0    # sliders: ITU-R BS.1534's rule on the hidden reference; 0: not used
# correlation_least = 0.0   # ITU-T P.910: least correlation of a rater with the mean of the others

[analysis]                  # decided now; the analysis is called exploratory where it was changed after the plan
# reference = "{first}"     # the system that others are compared with
comparisons = "all"         # "all" pairs of systems, or only those with the "reference"
alpha = 0.05                # family-wise error of a question
margin = 0.05               # equivalence: a preference within .5 +- margin counts as equal

[texts.en]
consent = "I have read the information about this study and agree to take part."
instructions = "You will see short films of dances. Please watch each of them to its end, then answer."
# consent_file = "consent.en.txt"    # a text file instead

# [completion_codes]        # of Prolific or MTurk
# complete = "C1ABCDEF"
# no-consent = "C2ABCDEF"
# failed = "C3ABCDEF"
# checks = "C4ABCDEF"
"""


def draft_from_study(study: Study, root: Path) -> str:
    """Write the text of a rating.toml for the clips of a study.

    Args:
        study: The study.
        root: Folder of the file to write.

    Raises:
        InputError: The study has no clips yet.
    """
    clips = StudyPaths(study.out).out / "clips"
    systems = [(system.name, clips / system.name, system.label) for system in study.systems]
    missing = [name for name, folder, _ in systems if not folder.is_dir()]
    if missing:
        raise InputError(f"The study has no clips of {missing[0]} in {clips}. Render them with `dancepose study run`.")
    bpm = {song.name: song.bpm for song in study.songs if song.bpm is not None}
    return _draft(systems, root, bpm)


def draft_from_folders(folders: list[Path], root: Path) -> str:
    """Write the text of a rating.toml for folders of films, one for each system.

    Raises:
        InputError: A folder does not exist or holds no films, or two have one name.
    """
    systems: list[tuple[str, Path, str]] = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder. Give a study file, or one folder of films for each system.")
        name = re.sub(r"[^A-Za-z0-9_.+-]+", "_", folder.absolute().name).strip("_.+-") or "system"
        if name in [known for known, _, _ in systems]:
            raise InputError(f"Two folders are named {name}, which would be the name of both systems. Rename one.")
        systems.append((name, folder, ""))
    return _draft(systems, root, {})


def _draft(systems: list[tuple[str, Path, str]], root: Path, bpm: dict[str, float]) -> str:
    found = {name: films_of(RatedSystem(name=name, files=str(folder.absolute())), root) for name, folder, _ in systems}
    songs = sorted(set.intersection(*(set(films) for films in found.values())))
    if not songs:
        raise InputError("The systems have no song in common: films of one song must have the same name. Rename them.")
    lines = [HEAD.format(last=systems[-1][0])]
    for name, folder, label in systems:
        path = os.path.relpath(folder.absolute(), root.absolute())
        lines += ["[[system]]", f"name = {toml_string(name)}", f"files = {toml_string(Path(path).as_posix())}"]
        lines += [f"label = {toml_string(label)}" if label and label != name else '# label = ""', ""]
    lines += ["# Songs that are rated; without any [[song]], all that every system has.", ""]
    for song in songs:
        lines += ["[[song]]", f"name = {toml_string(song)}", '# genre = ""           # mismatch: songs to exchange']
        lines += [f"bpm = {bpm[song]:g}" if song in bpm else "# bpm = 120            # mismatch: for shifted sound", ""]
    pairs = len(systems) * (len(systems) - 1) // 2
    votes = max(1, min(30, pairs * len(songs)))
    return "\n".join(lines) + "\n" + TAIL.format(votes=votes, first=systems[0][0])
