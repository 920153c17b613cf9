# SPDX-License-Identifier: Apache-2.0
"""The key of a pack: what connects anonymous names with the clips of the plan, kept by the study's owner."""

from dataclasses import dataclass, field
import hashlib
import hmac
import json
import os
from pathlib import Path
import secrets
from typing import Any, Final

from dancepose_addon.core.atomic import output_error, replacing
from dancepose_addon.core.bounded_files import parse_json, require_regular
from dancepose_addon.core.errors import FormatError, MissingFileError

from ..record_files import DATABASE_NAME, PACK_NAME
from ..records import RatingPlan

KEY_FORMAT: Final = "dancepose-rating-key"
NAME_DIGITS: Final = 20


@dataclass(frozen=True)
class PackPaths:
    """Files of a pack and of the collection, beside those of the rating.

    Attributes:
        root: The rating folder.
    """

    root: Path

    @property
    def pack(self) -> Path:
        """Folder of what is given to raters."""
        return self.root / PACK_NAME

    @property
    def site(self) -> Path:
        """What the server shows."""
        return self.pack / "site"

    @property
    def keys(self) -> Path:
        """Keys of this pack and of earlier ones; never given away."""
        return self.root / "keys"

    @property
    def participant_key(self) -> Path:
        """Secret with which ids of platforms are hashed."""
        return self.keys / "participants.key"

    @property
    def database(self) -> Path:
        """Votes of the server."""
        return self.root / DATABASE_NAME


@dataclass(frozen=True)
class PackKey:
    """Names of one pack.

    Attributes:
        pack: Public id of the pack.
        plan: Hash of the plan.
        secret: From which the names are made, hexadecimal digits; fresh for every pack.
        films: Anonymous name of every clip, by its id.
        digests: SHA-256 of every packed file, by its name.
    """

    pack: str
    plan: str
    secret: str
    films: dict[str, str]
    digests: dict[str, str] = field(default_factory=dict)

    def clip_ids(self) -> dict[str, str]:
        """Return the id of every clip, by its anonymous name."""
        return {name: clip for clip, name in self.films.items()}


def new_pack_key(plan: RatingPlan) -> PackKey:
    """Draw a fresh secret and name every clip by it, so that no name reveals a system, a song or an order."""
    secret = secrets.token_bytes(32)
    films = {clip.id: hidden_name(secret, clip.id) for clip in plan.clips}
    return PackKey(secrets.token_hex(8), plan.hash, secret.hex(), films)


def hidden_name(secret: bytes, identity: str) -> str:
    """Return the anonymous name of something: HMAC-SHA-256 of its id, 20 hexadecimal digits."""
    return hmac.new(secret, identity.encode("utf-8"), hashlib.sha256).hexdigest()[:NAME_DIGITS]


def participant_hash(secret: bytes, platform: str, identity: str) -> str:
    """Return what is stored in place of a platform's id: HMAC-SHA-256, hexadecimal; "" for none."""
    if not identity:
        return ""
    return hmac.new(secret, f"{platform}\0{identity}".encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def participant_secret(paths: PackPaths) -> bytes:
    """Read the secret for participants' ids; it is drawn when it is first needed, and readable by its owner only.

    Raises:
        FormatError: The file is damaged.
    """
    path = paths.participant_key
    try:
        if not path.exists():
            _write_private(path, secrets.token_hex(32) + "\n")
        require_regular(path)
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as error:
        raise output_error(path, error) from error
    except ValueError as error:
        raise FormatError(
            f"{path} is damaged ({error}). Restore it: without it, ids are hashed differently."
        ) from error
    if len(secret) != 32:
        raise FormatError(f"{path} has {len(secret)} bytes, expected 32. Restore it from a copy.")
    return secret


def write_pack_key(paths: PackPaths, key: PackKey) -> Path:
    """Write the key of a pack, readable by its owner only."""
    path = paths.keys / f"{key.pack}.json"
    values = {
        "format": KEY_FORMAT,
        "pack": key.pack,
        "plan": key.plan,
        "secret": key.secret,
        "films": key.films,
        "digests": key.digests,
    }
    _write_private(path, json.dumps(values, indent=1, sort_keys=True) + "\n")
    return path


def _write_private(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)


def read_pack_key(path: Path) -> PackKey:
    """Read the key of a pack.

    Raises:
        MissingFileError: It does not exist or cannot be read.
        FormatError: It is damaged.
    """
    try:
        require_regular(path)
        value: Any = parse_json(path.read_text(encoding="utf-8"))
        key = PackKey(value["pack"], value["plan"], value["secret"], dict(value["films"]), dict(value["digests"]))
        is_key = value["format"] == KEY_FORMAT
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Run `dancepose rate pack` first.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is damaged ({error}). Restore it from a copy, or pack again.") from error
    texts = (key.pack, key.plan, key.secret, *key.films.values(), *key.digests.values())
    if not is_key or not all(isinstance(text, str) for text in texts):
        raise FormatError(f"{path} is not the key of a pack. Restore it from a copy, or pack again.")
    return key


def all_pack_keys(paths: PackPaths, plan: RatingPlan) -> dict[str, PackKey]:
    """Read the keys of every pack that was made of a plan, by the id of the pack."""
    found = {path: read_pack_key(path) for path in sorted(paths.keys.glob("*.json"))}
    own = {path: key for path, key in found.items() if key.plan == plan.hash}
    for path, key in own.items():
        _require_every_clip(path, key, plan)
    return {key.pack: key for key in own.values()}


def _require_every_clip(path: Path, key: PackKey, plan: RatingPlan) -> None:
    lost = next((clip.id for clip in plan.clips if clip.id not in key.films), None)
    if lost is not None:
        raise FormatError(f"{path} is damaged (it lacks the clip {lost}). Restore it from a copy, or pack again.")


def current_pack_key(paths: PackPaths, plan: RatingPlan) -> PackKey:
    """Read the key of the pack in the folder pack.

    Raises:
        MissingFileError: There is no pack.
        FormatError: The pack belongs to another plan.
    """
    try:
        require_regular(paths.pack / "PACK")
        pack = (paths.pack / "PACK").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise MissingFileError(f"{paths.pack} holds no pack. Make one with `dancepose rate pack`.") from error
    path = paths.keys / f"{pack if pack.isalnum() else 'damaged'}.json"
    key = read_pack_key(path)
    if key.plan != plan.hash:
        raise FormatError(
            f"The pack in {paths.pack} belongs to another plan ({key.plan[:12]}, expected {plan.hash[:12]}). Pack "
            "again with `dancepose rate pack --replace`."
        )
    _require_every_clip(path, key, plan)
    return key
