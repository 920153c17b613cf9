# SPDX-License-Identifier: Apache-2.0
"""Numbers of things in messages."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun.

    Args:
        count: How many.
        noun: In the singular.
        plural: Of the noun; with ``s`` by default.

    Returns:
        Such as ``1 frame`` or ``3 frames``.
    """
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"
