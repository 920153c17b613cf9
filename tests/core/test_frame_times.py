# SPDX-License-Identifier: Apache-2.0
"""Rows that tables leave out, by their numbers or times."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import InputError
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.readers import open_recording, read
from dancepose_addon.core.skeleton.readers.frame_times import places_of
from dancepose_addon.core.skeleton.recording import Hints
from tests.support.samples import csv_text, cut, points_of, trc_text, waltz

FRAMES, FIRST, LAST = 60, 20, 35
KEPT = [*range(FIRST), *range(LAST, FRAMES)]


def truth(layout: str) -> np.ndarray:
    return points_of(cut(waltz(), FRAMES), layout)


def check(path: Path, layout: str, *, fps: float | None = None) -> None:
    """All frames are there at their places, the lost ones NaN, and a finding names them."""
    found = open_recording(path, Hints(fps=fps))
    [finding] = [one for one in found.findings if one.topic == "lost frames"]
    assert (finding.value, finding.doubtful) == ("15 of 60", True)
    clip = read(path, layout=layout, fps=fps)
    expected = truth(layout)
    assert len(clip) == FRAMES
    assert clip.fps == pytest.approx(25.0)
    assert np.isnan(clip.keypoints_m[FIRST:LAST]).all()
    np.testing.assert_allclose(
        np.diff(clip.keypoints_m[KEPT], axis=0), np.diff(expected[KEPT], axis=0), atol=2e-3
    )  # wherever the origin is


def test_tables_with_times(tmp_path: Path) -> None:
    head, *rows = csv_text(cut(waltz(), FRAMES), "md23").splitlines()
    (tmp_path / "a.csv").write_text("\n".join([head, *(rows[n] for n in KEPT)]) + "\n")
    assert head.startswith("time")
    check(tmp_path / "a.csv", "md23")
    titles = ["frame", *head.split(",")[1:]]
    (tmp_path / "b.csv").write_text(
        "\n".join([",".join(titles), *(",".join([str(n + 7), *rows[n].split(",")[1:]]) for n in KEPT)]) + "\n"
    )
    check(tmp_path / "b.csv", "md23", fps=25.0)


def test_trc(tmp_path: Path) -> None:
    lines = trc_text(cut(waltz(), FRAMES), "md23").splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("1\t"))
    kept = [*lines[:first], *(lines[first + n] for n in KEPT)]
    (tmp_path / "a.trc").write_text("\n".join(kept) + "\n")
    check(tmp_path / "a.trc", "md23")
    rounded = [line.split("\t") for line in kept[first:]]  # times that are too coarse: the numbers place the rows
    for cells in rounded:
        cells[1] = f"{float(cells[1]):.1f}"
    (tmp_path / "b.trc").write_text("\n".join([*kept[:first], *("\t".join(cells) for cells in rounded)]) + "\n")
    check(tmp_path / "b.trc", "md23")


@pytest.mark.parametrize("key", ["frame", "time", "timestamp"])
def test_json_with_an_entry_for_each_frame(tmp_path: Path, key: str) -> None:
    points = truth("smpl24")
    entries: list[dict[str, Any]] = [
        {key: n + 3 if key == "frame" else n / 25.0, "joints": points[n].tolist()} for n in KEPT
    ]
    (tmp_path / "a.json").write_text(json.dumps({"fps": 25, "frames": entries}))
    check(tmp_path / "a.json", "smpl24", fps=25.0)


def test_a_line_for_each_point(tmp_path: Path) -> None:
    points = truth("smpl24")
    rows = [f"{n},{k},{x:.6f},{y:.6f},{z:.6f}" for n in KEPT for k, (x, y, z) in enumerate(points[n])]
    (tmp_path / "a.csv").write_text("\n".join(["frame,joint,x,y,z", *rows]) + "\n")
    check(tmp_path / "a.csv", "smpl24", fps=25.0)


def test_one_lost_row_does_not_change_the_rate(tmp_path: Path) -> None:
    head, *rows = csv_text(cut(waltz(), FRAMES), "md23").splitlines()
    (tmp_path / "a.csv").write_text("\n".join([head, *rows[:30], *rows[31:]]) + "\n")
    clip = read(tmp_path / "a.csv")
    assert (len(clip), clip.fps) == (FRAMES, pytest.approx(25.0))


def test_two_recordings_in_one_table_are_refused(tmp_path: Path) -> None:
    head, *rows = csv_text(cut(waltz(), FRAMES), "md23").splitlines()
    late = [",".join([str(float(row.split(",")[0]) + 3600.0), *row.split(",")[1:]]) for row in rows[30:]]
    (tmp_path / "a.csv").write_text("\n".join([head, *rows[:30], *late]) + "\n")
    with pytest.raises(InputError, match=r"leaves out 90,000 of 90,060 frames .* most of them after row 30\. Cut it"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([5, 10, 15, 25, 30], [0, 1, 2, 4, 5]),
        ([0.0, 0.033, 0.066, 0.168, 0.2], [0, 1, 2, 5, 6]),
        (np.cumsum([1.0] * 20 + [1.6] + [1.0] * 20), list(range(41))),  # late, not lost
        ([0, 1, 1, 2], None),
        ([3, 2, 1, 0], None),
        ([0.0, np.nan, 2.0], None),
        ([4.0], None),
        (np.cumsum([1.0, 1.5, 1.0, 0.6, 1.4] * 4), None),
    ],
)
def test_places(values: Any, expected: list[int] | None) -> None:
    found = places_of(np.array(values, np.float64))
    assert (None if found is None else found.tolist()) == expected


def rows_of(points: np.ndarray, first: int = 0, lead: str = "") -> list[str]:
    return [
        ",".join([str(first + n), *([lead] if lead else []), *(f"{x:.6f}" for x in frame.ravel())])
        for n, frame in enumerate(points)
    ]


def titles(points: np.ndarray) -> list[str]:
    return [f"{name}_{axis}" for name in SMPL24.keypoints[: points.shape[1]] for axis in "xyz"]


def test_tables_of_several_persons_or_recordings_are_refused(tmp_path: Path) -> None:
    points = truth("smpl24")
    head = titles(points)
    path, hints = tmp_path / "a.csv", Hints(fps=25.0)
    both = [
        row for pair in zip(rows_of(points, lead="0"), rows_of(points + 1.0, lead="1"), strict=True) for row in pair
    ]
    for lines, said in (
        ([",".join(["time", "person", *head]), *both], r"rows of 2 persons \(0, 1\) by its column person"),
        ([",".join(["frame", "person", *head]), *both], "rows of 2 persons"),
        (
            [",".join(["frame", *head]), *rows_of(points), *rows_of(points)],
            "goes back in its frame numbers from row 60",
        ),
        ([",".join(["frame", "what", *head]), *both], "two rows of frame 0 .* several persons"),
        ([",".join(["frame", *head]), *rows_of(points)[::-1]], "goes back in its frame numbers from row 1 to 2"),
        ([",".join(["time", *head]), *rows_of(points), *rows_of(points)], "goes back in its times from row 60"),
    ):
        path.write_text("\n".join(lines) + "\n")
        with pytest.raises(InputError, match=said):
            open_recording(path, hints)
    long = [f"{n},{k},{x},{y},{z}" for n in range(40) for k, (x, y, z) in enumerate(points[n])]
    other = [f"{n},{k},{x},{y},{z}" for n in range(40) for k, (x, y, z) in enumerate(points[n] + 1.0)]
    path.write_text("\n".join(["frame,joint,x,y,z", *long, *other]) + "\n")
    with pytest.raises(InputError, match="of frame '0' twice, at different places"):
        open_recording(path, hints)
    path.write_text("\n".join(["frame,joint,x,y,z", *long, *long]) + "\n")
    assert len(open_recording(path, hints).points) == 40


def test_rows_that_are_there_twice_count_once(tmp_path: Path) -> None:
    points = truth("smpl24")
    for lead in ("frame", "time"):
        rows = [row for row in rows_of(points) for _ in range(2)]
        (tmp_path / "a.csv").write_text("\n".join([",".join([lead, *titles(points)]), *rows]) + "\n")
        found = open_recording(tmp_path / "a.csv", Hints(fps=25.0))
        np.testing.assert_allclose(found.points, points, atol=1e-5)


def test_numbers_give_the_order(tmp_path: Path) -> None:
    points = truth("smpl24")
    shuffled = np.random.default_rng(1).permutation(FRAMES).tolist()
    named = [dict(zip(SMPL24.keypoints, frame.tolist(), strict=True)) for frame in points]
    long = [f"{n},{k},{x},{y},{z}" for n in sorted(range(FRAMES), key=str) for k, (x, y, z) in enumerate(points[n])]
    forms: dict[str, Any] = {
        "keys.json": {str(n): named[n] for n in sorted(range(FRAMES), key=str)},
        "gap.json": {str(n): named[n] for n in KEPT},
        "list.json": [{"frame": n, "joints": points[n].tolist()} for n in shuffled],
    }
    for name, value in forms.items():
        (tmp_path / name).write_text(json.dumps(value))
        found = open_recording(tmp_path / name, Hints(fps=25.0)).points
        assert len(found) == FRAMES
        seen = ~np.isnan(found).any(axis=(1, 2))
        assert seen.sum() == (len(KEPT) if name == "gap.json" else FRAMES)
        np.testing.assert_allclose(found[seen], points[seen], atol=1e-5)
    (tmp_path / "long.csv").write_text("\n".join(["frame,joint,x,y,z", *long]) + "\n")
    np.testing.assert_allclose(open_recording(tmp_path / "long.csv", Hints(fps=25.0)).points, points, atol=1e-5)


def test_rates_that_contradict_are_refused(tmp_path: Path) -> None:
    text = trc_text(cut(waltz(), FRAMES), "md23")
    lines = text.splitlines()
    lines[2] = "\t".join(["60", *lines[2].split("\t")[1:]])
    (tmp_path / "a.trc").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"DataRate of 60 and times of 25 frames per second\. Give --fps"):
        open_recording(tmp_path / "a.trc", Hints())
    assert open_recording(tmp_path / "a.trc", Hints(fps=25.0)) is not None
    steps = np.concatenate([np.full(100, 1 / 25), np.full(120, 1 / 30)])
    assert places_of(np.cumsum(steps)) is None  # the rate changes


def test_recordings_that_a_column_names(tmp_path: Path) -> None:
    points, path, hints = truth("smpl24"), tmp_path / "a.csv", Hints(fps=25.0)

    def write(title: str, name: Callable[[int], str]) -> None:
        rows = [row[row.index(",") :] for row in rows_of(points)]
        lines = [",".join([title, *titles(points)]), *(f"{name(n)}{row}" for n, row in enumerate(rows))]
        path.write_text("\n".join(lines) + "\n")

    for title in ("clip", "Take", "trial", "filename"):
        write(title, lambda n: "one" if n < 30 else "two")
        with pytest.raises(InputError, match=rf"rows of 2 recordings \(one, two\) by its column {title}\."):
            open_recording(path, hints)
    write("filename", lambda n: f"{n}.png")
    assert len(open_recording(path, hints).points) == FRAMES

    def write_long(title: str, name: Callable[[int], str]) -> None:
        rows = [f"{n},{name(n)},{k},{x},{y},{z}" for n in range(40) for k, (x, y, z) in enumerate(points[n])]
        path.write_text("\n".join([f"frame,{title},joint,x,y,z", *rows]) + "\n")

    write_long("file", lambda n: f"image{n}")
    assert len(open_recording(path, hints).points) == 40
    write_long("take", lambda n: str(n // 20))
    with pytest.raises(InputError, match=r"rows of 2 recordings \(0, 1\) by its column take"):
        open_recording(path, hints)


@pytest.mark.parametrize("form", ["csv", "long", "trc", "numbers"])
def test_a_last_row_that_is_cut_short_is_left_out(tmp_path: Path, form: str) -> None:
    points = truth("smpl24")
    if form == "csv":
        text = csv_text(cut(waltz(), FRAMES), "smpl24")
    elif form == "trc":
        text = trc_text(cut(waltz(), FRAMES), "smpl24")
    elif form == "numbers":
        text = "\n".join(",".join(f"{x:.6f}" for x in frame.ravel()) for frame in points) + "\n"
    else:
        rows = [f"{n},{k},{x:.6f},{y:.6f},{z:.6f}" for n in range(40) for k, (x, y, z) in enumerate(points[n])]
        text = "\n".join(["frame,joint,x,y,z", *rows]) + "\n"
    path = tmp_path / ("a.trc" if form == "trc" else "a.csv")
    path.write_text(text)
    whole = open_recording(path, Hints(fps=25.0))
    assert not [one for one in whole.findings if one.topic == "lost frames"]
    path.write_text(text[: text.rstrip("\n").rindex("," if form != "trc" else "\t")])
    found = open_recording(path, Hints(fps=25.0))
    [finding] = [one for one in found.findings if one.topic == "lost frames"]
    assert "cut short" in finding.why
    expected = np.array(whole.points)  # type: ignore[union-attr]
    expected = expected[:-1] if form != "long" else expected
    if form == "long":
        expected[-1, -1] = np.nan
    np.testing.assert_array_equal(found.points, expected)  # type: ignore[union-attr]


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    points = truth("smpl24")
    head = ",".join(titles(points))
    rows = [row + row[row.index(",") :] for row in rows_of(points)]
    (tmp_path / "a.csv").write_text("\n".join([f"frame,{head},{head}", *rows]) + "\n")
    with pytest.raises(InputError, match=r"has the column 'pelvis_x' twice\. It holds several persons"):
        open_recording(tmp_path / "a.csv", Hints(fps=25.0))


@pytest.mark.parametrize("title", ["joint_{}_{}", "{}_{}", "p{}.{}"])
@pytest.mark.parametrize("layout", [None, "smpl24"])
def test_numbered_columns_are_in_the_order_of_their_numbers(tmp_path: Path, title: str, layout: str | None) -> None:
    points = truth("smpl24")
    order = sorted(range(24), key=str)  # 0, 1, 10, 11, ...
    head = [title.format(k, axis) for k in order for axis in "xyz"]
    (tmp_path / "a.csv").write_text("\n".join([",".join(["frame", *head]), *rows_of(points[:, order])]) + "\n")
    clip = read(tmp_path / "a.csv", fps=25.0, layout=layout)
    np.testing.assert_allclose(np.diff(clip.keypoints_m, axis=0), np.diff(points, axis=0), atol=1e-5)


def test_numbers_of_frames_go_before_those_of_rows(tmp_path: Path) -> None:
    points = truth("smpl24")
    rows = [f"{row},{rows_of(points)[frame]}" for row, frame in enumerate(KEPT)]
    (tmp_path / "a.csv").write_text("\n".join([",".join(["", "frame", *titles(points)]), *rows]) + "\n")
    found = open_recording(tmp_path / "a.csv", Hints(fps=25.0))
    assert ("lost frames", "15 of 60") in [(one.topic, one.value) for one in found.findings]
