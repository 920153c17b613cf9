# SPDX-License-Identifier: Apache-2.0
"""Damage for files: what transfers, editors, other programs and malice do to them."""

from collections.abc import Callable
import io
from typing import Final
import zipfile

import numpy as np

Random = np.random.Generator
Mutation = Callable[[bytearray, Random], bytearray]

NUMBERS: Final = (
    b"nan", b"inf", b"-1", b"0", b"1e308", b"1e999", b"99999999999999999999", b"-0.0", b"", b"x", b"1e-320", b"0x10",
)  # fmt: skip
WORDS: Final = (
    b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x01\x00\x00\x00",
    b"\xff\xff", b"\x00\x80", b"\x00", b"\xff", b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f",
)  # fmt: skip


def flip(data: bytearray, random: Random) -> bytearray:
    """One to eight bits."""
    for at in random.integers(0, len(data), random.integers(1, 9)):
        data[at] ^= 1 << int(random.integers(0, 8))
    return data


def flip_early(data: bytearray, random: Random) -> bytearray:
    """Bytes of the header, where counts and shapes stand."""
    for at in random.integers(0, min(len(data), 600), random.integers(1, 5)):
        data[at] = int(random.integers(0, 256))
    return data


def overwrite(data: bytearray, random: Random) -> bytearray:
    """A number of the machine by one that is awkward."""
    word = WORDS[random.integers(0, len(WORDS))]
    within = len(data) if random.random() < 0.5 else min(len(data), 600)
    at = int(random.integers(0, within))
    data[at : at + len(word)] = word
    return data


def cut(data: bytearray, random: Random) -> bytearray:
    """The end is missing."""
    return data[: int(random.integers(0, len(data)))]


def remove(data: bytearray, random: Random) -> bytearray:
    """A piece is missing."""
    start = int(random.integers(0, len(data)))
    del data[start : start + int(random.integers(1, 400))]
    return data


def repeat(data: bytearray, random: Random) -> bytearray:
    """A piece comes several times."""
    start = int(random.integers(0, len(data)))
    piece = data[start : start + int(random.integers(1, 200))]
    data[start:start] = piece * int(random.integers(1, 20))
    return data


def insert(data: bytearray, random: Random) -> bytearray:
    """Bytes of nowhere."""
    at = int(random.integers(0, len(data) + 1))
    data[at:at] = random.bytes(int(random.integers(1, 64)))
    return data


def exchange(data: bytearray, random: Random) -> bytearray:
    """Two pieces change places."""
    size = int(random.integers(1, 100))
    first, second = (int(at) for at in random.integers(0, max(1, len(data) - size), 2))
    data[first : first + size], data[second : second + size] = (
        data[second : second + size],
        data[first : first + size],
    )
    return data


def renumber(data: bytearray, random: Random) -> bytearray:
    """A number in text by one that is awkward."""
    spans: list[tuple[int, int]] = []
    start = int(random.integers(0, len(data))) if random.random() < 0.6 else 0
    window = bytes(data[start : start + 4000])
    at = 0
    while at < len(window) and len(spans) < 60:
        if window[at : at + 1].isdigit():
            end = at
            while end < len(window) and window[end : end + 1] in b"0123456789.eE-+":
                end += 1
            spans.append((start + at, start + end))
            at = end
        at += 1
    if not spans:
        return flip(data, random)
    first, last = spans[random.integers(0, len(spans))]
    data[first:last] = NUMBERS[random.integers(0, len(NUMBERS))]
    return data


def reword(data: bytearray, random: Random) -> bytearray:
    """A mark of the format by another."""
    marks = [b"{", b"}", b"[", b"]", b",", b"\n", b"\t", b":", b'"', b" ", b"(", b")"]
    old, new = (marks[index] for index in random.integers(0, len(marks), 2))
    at = data.find(old, int(random.integers(0, len(data))))
    if at >= 0:
        data[at : at + len(old)] = new
    return data


MUTATIONS: Final[tuple[Mutation, ...]] = (
    flip, flip_early, overwrite, cut, remove, repeat, insert, exchange, renumber, reword,
)  # fmt: skip


def mutate(seed: bytes, random: Random) -> bytes:
    """A damaged copy: one to four mutations; of an archive, half of the time, inside one of its members."""
    if seed.startswith(b"PK\x03\x04") and random.random() < 0.5:
        return _inside(seed, random)
    data = bytearray(seed)
    for _ in range(int(random.integers(1, 5))):
        if len(data):
            data = MUTATIONS[random.integers(0, len(MUTATIONS))](data, random)
    return bytes(data)


def _inside(seed: bytes, random: Random) -> bytes:
    """An archive that is whole, with a member that is not."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(seed)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        chosen = int(random.integers(0, len(old.infolist())))
        for index, info in enumerate(old.infolist()):
            data = old.read(info)
            if index == chosen:
                data = mutate(data, random)
            new.writestr(info.filename, data)
    return out.getvalue()
