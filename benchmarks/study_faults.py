# SPDX-License-Identifier: Apache-2.0
"""Checks that nothing is lost by killed workers, a full disk, damaged frames, missing music and unreadable clips.

    python -m benchmarks.study_faults [--kills 20]

After every fault the study is run again. Then its frames must equal those of a run without faults, file by file, and
every film must have the right number of frames. The full disk is a small tmpfs, which needs root.
"""

import argparse
import os
from pathlib import Path
import random
import signal
import subprocess
import tempfile
import threading

from dancepose.study.media.ffmpeg import Ffmpeg
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.study_file import load_study

from ._study import blenders_of, frame_hashes, run_study, write_study

SIZE, LENGTH_S, FRAMES = (160, 160), 1.6, 40
DISK_BYTES = 2_000_000


def main() -> int:
    """Print the result of each fault; return 0 if nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = write_fresh(folder / "good")
        assert not run_study(file).failed
        good = frame_hashes(file)
        print(f"without faults: {len(good)} frames")
        fine = [
            kill_workers(folder / "killed", good, arguments.kills),
            damage_frames(file, good),
            spoil_inputs(folder / "spoilt", good),
            fill_disk(folder / "full", good),
        ]
    return 0 if all(fine) else 1


def write_fresh(folder: Path, retries: int = 2) -> Path:
    """Write the study that every fault is tried on."""
    folder.mkdir(exist_ok=True)
    return write_study(folder, songs=2, size=SIZE, length_s=LENGTH_S, chunk=7, retries=retries)


def verdict(what: str, file: Path, good: dict[str, str]) -> bool:
    """Print and return whether frames and films are the same as without the fault."""
    found = frame_hashes(file)
    wrong = [name for name in good.keys() | found.keys() if good.get(name) != found.get(name)]
    ffmpeg = Ffmpeg(find_ffmpeg())
    films = sorted((StudyPaths(load_study(file).out).out / "clips").rglob("*.mp4"))
    short = [film.name for film in films if ffmpeg.count_frames(film) != FRAMES]
    fine = not wrong and not short and len(films) == 4
    print(f"{what}: {len(found)} frames, {len(wrong)} wrong; {len(films)} films, {len(short)} short: {_word(fine)}")
    return fine


def _word(fine: bool) -> str:  # noqa: FBT001
    return "nothing lost" if fine else "LOST"


def kill_workers(folder: Path, good: dict[str, str], kills: int) -> bool:
    """Kill Blender processes at random moments, ``kills`` times, and run the study until it is finished."""
    file, chance = write_fresh(folder), random.Random(1)
    killed: list[int] = []
    stop = threading.Event()

    def work() -> None:
        while len(killed) < kills and not stop.wait(chance.uniform(0.3, 4.0)):
            pids = blenders_of(folder)
            if pids:
                os.kill(chance.choice(pids), signal.SIGKILL)
                killed.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    runs, failed = 0, 1
    while failed and runs < 20:
        failed = len(run_study(file, on_message=lambda _text: None).failed)
        runs += 1
        if not failed and len(killed) < kills:
            # Finished before all kills: delete the frames, and continue.
            for path in (StudyPaths(load_study(file).out).out / "frames").rglob("*.png"):
                path.unlink()
            for clip in (StudyPaths(load_study(file).out).out / "clips").rglob("*.mp4"):
                clip.unlink()
            failed = 1
    stop.set()
    thread.join()
    return verdict(f"{len(killed)} kills, {runs} runs", file, good)


def damage_frames(file: Path, good: dict[str, str]) -> bool:
    """Damage five frames: flip a byte, truncate one, empty one, replace one by another clip's, and delete one."""
    paths = StudyPaths(load_study(file).out)
    folder = paths.frames("system0", "song0", "")
    frame = [folder / f"{index:06d}.png" for index in range(FRAMES)]
    flipped = bytearray(frame[3].read_bytes())
    flipped[len(flipped) // 2] ^= 1
    frame[3].write_bytes(flipped)
    frame[11].write_bytes(frame[11].read_bytes()[:-20])
    frame[12].write_bytes(b"")
    frame[20].write_bytes((paths.frames("system1", "song0", "") / "000020.png").read_bytes())
    frame[39].unlink()
    film = paths.clip("system0", "song0", "")
    before = film.read_bytes()
    film.unlink()
    messages: list[str] = []
    failed = run_study(file, on_message=messages.append).failed
    print(f"  messages: {'; '.join(messages)}")
    same = film.read_bytes() == before
    print(f"  the film is {'the same to the byte' if same else 'DIFFERENT'}")
    return verdict("5 damaged frames", file, good) and same and not failed


def spoil_inputs(folder: Path, good: dict[str, str]) -> bool:
    """Break a clip and remove the music of a song, run the study, then repair both and run it again."""
    file = write_fresh(folder)
    broken = folder / "system1" / "song0.npz"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    text = file.read_text(encoding="utf-8")
    head, tail = text.rsplit("audio = ", 1)
    file.write_text(f'{head}audio = "gone.mp3"\n{tail.split(chr(10), 1)[1]}', encoding="utf-8")
    failed = run_study(file, on_message=lambda _text: None).failed
    films = sorted(path.name for path in (StudyPaths(load_study(file).out).out / "clips").rglob("*.mp4"))
    print(f"  failed: {'; '.join(f'{job}: {why}' for job, why in failed.items())}")
    alone = films == ["song0.mp4"] and len(failed) == 2
    print(f"  films made without them: {len(films)}")
    broken.write_bytes(whole)
    file.write_text(text, encoding="utf-8")
    failed = run_study(file).failed
    return verdict("bad input repaired", file, good) and alone and not failed


def fill_disk(folder: Path, good: dict[str, str]) -> bool:
    """Run the study on a tmpfs that is too small for its frames, then enlarge it and run the study again."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        print("full disk: skipped, because mounting a tmpfs needs root")
        return True
    try:
        file = write_fresh(folder, retries=0)
        failed = run_study(file, on_message=lambda _text: None).failed
        full = [why for why in failed.values() if "disk is full" in why or "No space" in why]
        print(f"  {len(failed)} jobs failed, {len(full)} for lack of space; {len(frame_hashes(file))} frames were kept")
        subprocess.run(["mount", "-o", "remount,size=200000000", str(folder)], check=True)
        again = run_study(file).failed
        return verdict("disk full", file, good) and bool(full) and not again
    finally:
        subprocess.run(["umount", str(folder)], check=False)


if __name__ == "__main__":
    raise SystemExit(main())
