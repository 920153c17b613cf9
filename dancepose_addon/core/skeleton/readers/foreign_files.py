# SPDX-License-Identifier: Apache-2.0
"""Files that are no motion that is read here: what they are, and how to get the motion out of them."""

import re
from typing import Final

BLENDER: Final = (
    "is {kind} file, which Blender reads: import it there and use the armature in the scene, or export its motion as "
    "BVH."
)
SAVE: Final = "is {kind} file, which is not read. Save the points or rotations that it holds with numpy.savez."
UNPACK: Final = "is {kind}. Unpack it, and give the motion file in it."
PICTURE: Final = "is {kind}, not a motion. Give the file of points or rotations that was made of it."
FETCH: Final = "is {kind}, not the file itself. {how}"

_STARTS: Final = (
    (b"Kaydara FBX", BLENDER, "an FBX"), (b"; FBX", BLENDER, "an FBX"), (b"glTF", BLENDER, "a glTF"),
    (b"PXR-USDC", BLENDER, "a USD"), (b"#usda", BLENDER, "a USD"), (b"Ogawa", BLENDER, "an Alembic"),
    (b"BLENDER", BLENDER, "a Blender"), (b"MATLAB ", SAVE, "a MATLAB"), (b"\x89HDF", SAVE, "an HDF5"),
    (b"PAR1", SAVE, "a Parquet"), (b"ARROW1", SAVE, "an Arrow"), (b"Vocaloid Motion Data", BLENDER, "a VMD"),
    (b"7z\xbc\xaf", UNPACK, "a 7z archive"), (b"Rar!", UNPACK, "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", UNPACK, "compressed (zstd)"), (b"\x89PNG", PICTURE, "a PNG picture"),
    (b"\xff\xd8\xff", PICTURE, "a JPEG picture"), (b"GIF8", PICTURE, "a GIF picture"),
    (b"RIFF", PICTURE, "a sound or video file"), (b"ID3", PICTURE, "a sound file"), (b"%PDF", PICTURE, "a PDF"),
    (b"\x1aE\xdf\xa3", PICTURE, "a video file"),
)  # fmt: skip
MESH: Final = (
    "is a mesh, which is not read: its vertices do not say where joints are. Save the SMPL parameters or the joints "
    "that the tool computed."
)
XML: Final = (
    (b"<mvnx", "is an MVNX file, which is not read. Export BVH or C3D from Xsens MVN."),
    (b"<collada", BLENDER.format(kind="a COLLADA")),
    (b"<opensimdocument", "is an OpenSim model or setup, not a motion. Give the TRC file of its markers."),
    (b"", "is an XML file, which is not read. Export the motion as BVH, C3D, TRC or CSV."),
)
ANGLES: Final = (
    "holds angles of an OpenSim model, which are not read without it. Give the TRC file of the markers that they were "
    "made of."
)
_OBJ: Final = re.compile(
    rb"\s*(?:(?:#|mtllib |o |g |usemtl )[^\n]{0,200}\n\s*){0,20}v +-?[\d.]+(?:[eE][-+]?\d+)? +-?[\d.]"
)
_ANGLES: Final = re.compile(rb"\bindegrees\s*=", re.IGNORECASE)
_LFS: Final = b"version https://git-lfs"
_PAGES: Final = (b"<!doctype html", b"<html")


def describe_foreign(start: bytes) -> str:
    """Say what a file is that no reader takes.

    Args:
        start: Its first bytes.

    Returns:
        The end of a sentence that begins with the file's path; empty where it is nothing known.
    """
    if not start:
        return "is empty. Check that the file was written completely."
    for magic, sentence, kind in _STARTS:
        if start.startswith(magic):
            return sentence.format(kind=kind)
    if start[4:8] == b"ftyp":
        return PICTURE.format(kind="a video file")
    if start.startswith(_LFS):
        return FETCH.format(kind="a pointer of Git LFS", how="Fetch the file with `git lfs pull`.")
    low = start[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if low.startswith(_PAGES):
        return FETCH.format(kind="a web page", how="Fetch the file again, and sign in where the site wants it.")
    if low.startswith(b"<?xml"):
        whole = start.lower()
        if b"<html" in whole:
            return FETCH.format(kind="a web page", how="Fetch the file again, and sign in where the site wants it.")
        return next(sentence for tag, sentence in XML if tag in whole)
    if start.startswith((b"ply\n", b"ply\r")) or _OBJ.match(start):
        return MESH
    return ANGLES if _ANGLES.search(start[:1000]) and b"endheader" in start else ""
