# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of types that exist only in Blender's stubs. At run time they are plain strings for annotations."""

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems, OperatorReturnItems

OperatorResult: TypeAlias = "set[OperatorReturnItems]"
"""Return value of an operator's ``execute``, ``invoke`` and ``modal``."""
Icon: TypeAlias = "IconItems"
"""Identifier of an icon."""
