# SPDX-License-Identifier: Apache-2.0
"""Starts the server of a packed rating."""

from dataclasses import dataclass
from pathlib import Path
import secrets
import socket
from typing import Any

from dancepose_addon.core.errors import DancePoseError, EngineError, FormatError
from dancepose_addon.core.printable_text import quoted

from ..pack.film_copies import file_sha256
from ..pack.pack_key import PackKey, PackPaths, current_pack_key, hidden_name, participant_secret
from ..pack.page_text import PackedMedia, PageSource, prompt_id
from ..record_files import RatingPaths, read_rating_plan
from ..records import RatingPlan
from .rater_requests import RaterDesk
from .vote_store import VoteStore


@dataclass(frozen=True)
class ServeOptions:
    """How a rating is served.

    Attributes:
        host: Address to listen at.
        port: Port; 0 for a free one.
        database: ``postgresql://...``, or "" for SQLite in the rating folder.
        lease_min: After this time without a vote a slot is given to another rater, minutes.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    database: str = ""
    lease_min: float = 60.0


@dataclass(frozen=True)
class PreparedServer:
    """A server that is ready to start.

    Attributes:
        app: The ASGI application.
        desk: Answers raters.
        token: Opens the board.
        options: How it is served.
    """

    app: Any
    desk: RaterDesk
    token: str
    options: ServeOptions

    @property
    def address(self) -> str:
        """Where raters go."""
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        return f"http://{host}:{self.options.port}/"

    @property
    def board_address(self) -> str:
        """Where the owner looks."""
        return f"{self.address}board?token={self.token}"


def prepare_server(root: Path, options: ServeOptions, *, token: str = "") -> PreparedServer:
    """Check a pack and open its database.

    Args:
        root: The rating folder.
        options: How it is served.
        token: Token of the board; "" for a new one.

    Raises:
        EngineError: The extra `rating` is not installed.
        DancePoseError: There is no pack, a film was changed, or the database cannot be used.
    """
    try:
        from .rating_app import AppSettings, RatingApp
    except ImportError as error:
        raise EngineError(
            f"The server needs {error.name}, which is not installed. Install the extra `rating` of dancepose."
        ) from error
    plan = read_rating_plan(RatingPaths(root).plan)
    paths = PackPaths(root)
    key = current_pack_key(paths, plan)
    source = _packed_source(paths, plan, key)
    store = VoteStore(options.database or paths.database, plan)
    desk = RaterDesk(plan, key, source, store, participant_secret(paths), 60.0 * options.lease_min)
    token = token or secrets.token_urlsafe(24)
    return PreparedServer(RatingApp(desk, AppSettings(paths.site, token)).application(), desk, token, options)


def require_free_address(options: ServeOptions) -> None:
    """Try to listen before any address is printed.

    Args:
        options: How a rating is served.

    Raises:
        DancePoseError: The address cannot be used.
    """
    problem = "" if options.host else "it is empty"
    if not problem:
        try:
            family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
            socket.create_server((options.host, options.port), family=family).close()
        except OSError as error:
            problem = error.strerror or str(error)
    if problem:
        raise DancePoseError(
            f"The server cannot listen at {quoted(options.host, 100)}, port {options.port} ({problem}). Choose another "
            "with --host and --port."
        )


def _packed_source(paths: PackPaths, plan: RatingPlan, key: PackKey) -> PageSource:
    """Check every packed film and describe the pack."""
    folder = paths.site / "media"
    media = {}
    for name, digest in key.digests.items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != digest:
            raise FormatError(f"{path} is missing or was changed after packing. Pack again with --replace.")
        media[path.stem] = PackedMedia(f"media/{name}", path.stat().st_size)
    secret = bytes.fromhex(key.secret)
    spoken = {
        prompt_id(trial.check): {
            language: hidden_name(secret, f"{prompt_id(trial.check)}|{language}") for language in trial.check.prompt
        }
        for slot in plan.slots
        for trial in slot.trials
        if trial.check is not None and trial.check.spoken
    }
    return PageSource(plan, key.pack, key.films, media, spoken)


def run_server(prepared: PreparedServer) -> None:
    """Serve until the process is interrupted. Addresses of clients are not logged.

    Raises:
        DancePoseError: The port is taken.
    """
    import uvicorn

    from .bounded_connections import BoundedConnection, connection_limit

    BoundedConnection.limit = connection_limit()
    options = prepared.options
    config = uvicorn.Config(
        prepared.app,
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=True,
        proxy_headers=False,
        http=BoundedConnection,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    try:
        server.run()
    except SystemExit as error:
        raise DancePoseError(
            f"The server could not start at {prepared.address}. Is the port taken? Choose another with --port."
        ) from error
    finally:
        prepared.desk.store.close()
