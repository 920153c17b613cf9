"""Signals, kills and full disks."""

from pathlib import Path


def signals(folder: Path, count: int) -> list[str]:
    return []


def kills(folder: Path, count: int) -> list[str]:
    return []


def full_disks(folder: Path, count: int) -> list[str]:
    return []
