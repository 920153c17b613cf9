# SPDX-License-Identifier: Apache-2.0
"""Recognises folders on network disks, on which SQLite's write-ahead log loses votes."""

from pathlib import Path
import re
from typing import Final

from dancepose_addon.core.errors import OutputError
from dancepose_addon.core.output_links import resolved

NETWORK_TYPES: Final = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs",
        "orangefs", "pvfs2", "webdav", "davfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.cephfs",
        "fuse.rclone", "fuse.s3fs", "fuse.davfs2", "fuse.gcsfuse",
    }
)  # fmt: skip
MOUNTS: Final = Path("/proc/self/mounts")


def require_local_disk(folder: Path, *, mounts: str | None = None) -> None:
    """Refuse a folder on a network disk.

    Args:
        folder: Where the database is to be.
        mounts: Table of mounted file systems in the form of /proc/mounts; default: that of this machine. Where there
            is none, the folder is accepted.

    Raises:
        OutputError: It is on a network disk.
    """
    if mounts is None:
        try:
            mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
    folder = resolved(folder)
    found, kind = Path("/"), ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        # The kernel writes spaces and the like in octal.
        point = Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), fields[1]))
        if folder.is_relative_to(point) and len(point.parts) >= len(found.parts):
            found, kind = point, fields[2]
    if kind in NETWORK_TYPES:
        raise OutputError(
            f"{folder} is on a network disk ({kind}), on which SQLite can lose votes. Copy the rating folder to "
            "a local disk, or give a PostgreSQL server with --database."
        )
