# SPDX-License-Identifier: Apache-2.0
"""The HTTP application: the page, its films, the requests of raters, and the owner's board."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import hmac
import html
import logging
from pathlib import Path
import re
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dancepose_addon.core.errors import DancePoseError

from ..collect.board_page import BOARD_POLICY, board_html
from .rater_requests import RaterDesk, RefusedError
from .request_limits import Rate, RateLimiter, read_json
from .vote_store import StoreBusyError

LOGGER: Final = logging.getLogger(__name__)
MEDIA_NAME: Final = re.compile(r"[0-9a-f]{20}\.(mp4|wav)")
MEDIA_TYPES: Final = {".mp4": "video/mp4", ".wav": "audio/wav"}
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
COOKIE: Final = "board"


@dataclass(frozen=True)
class AppSettings:
    """Settings of the application.

    Attributes:
        site: Folder of the page and its films.
        token: Opens the board.
        votes: Rate of one session.
        visits: Rate of new sessions of one address, and of requests that were refused.
    """

    site: Path
    token: str
    votes: Rate = Rate(per_s=3.0, burst=90.0)
    visits: Rate = Rate(per_s=4.0, burst=400.0)


class RatingApp:
    """Routes of one rating.

    Args:
        desk: Answers raters.
        settings: Settings.
    """

    def __init__(self, desk: RaterDesk, settings: AppSettings) -> None:
        self.desk = desk
        self.settings = settings
        self._page = (settings.site / "index.html").read_text(encoding="utf-8")
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', self._page)
        self._policy = (html.unescape(policy.group(1)) if policy else "default-src 'none'") + "; frame-ancestors 'none'"
        self._votes = RateLimiter(settings.votes)
        self._visits = RateLimiter(settings.visits)

    def application(self) -> ASGIApp:
        """Return the ASGI application."""
        routes = [
            Route("/", self.page),
            Route("/media/{name}", self.media),
            Route("/api/resume", self._api(self.desk.resume, self._visits, _address), methods=["POST"]),
            Route("/api/session", self._api(self.desk.begin, self._visits, _address), methods=["POST"]),
            Route("/api/vote", self._api(self.desk.vote, self._votes, _session_of), methods=["POST"]),
            Route("/api/finish", self._api(self.desk.finish, self._votes, _session_of), methods=["POST"]),
            Route("/board", self.board),
            Route("/board/close", self.board_close, methods=["POST"]),
            Route("/board/return", self.board_return, methods=["POST"]),
        ]
        return StrictHeaders(Starlette(routes=routes, exception_handlers={HTTPException: _plain_error}))

    async def page(self, _request: Request) -> Response:
        """Show the page."""
        headers = {"Content-Security-Policy": self._policy, "Cache-Control": "no-store"}
        return HTMLResponse(self._page, headers=headers)

    async def media(self, request: Request) -> Response:
        """Send a film, or a range of it. Names are never used again, so that browsers may keep films for ever."""
        name = request.path_params["name"]
        path = self.settings.site / "media" / name
        if not MEDIA_NAME.fullmatch(name) or not path.is_file():
            raise HTTPException(404, "There is no such film.")
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return FileResponse(path, headers=headers, media_type=MEDIA_TYPES[path.suffix])

    def _api(
        self,
        handle: Callable[[dict[str, Any]], dict[str, Any]],
        limiter: RateLimiter,
        client: Callable[[Request, dict[str, Any]], str],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await read_json(request)
            limiter.check(client(request, body))
            try:
                return JSONResponse(await run_in_threadpool(handle, body))
            except RefusedError as error:
                if error.status == 404:  # guessing ids of sessions
                    self._visits.check(_address(request, body))
                return JSONResponse({"error": error.reason}, error.status)
            except StoreBusyError as error:
                LOGGER.error("%s", error)  # noqa: TRY400 - a sentence for the owner
                return JSONResponse({"error": str(error)}, 503, headers={"Retry-After": "5"})
            except DancePoseError as error:
                return JSONResponse({"error": str(error)}, 422)

        return endpoint

    async def board(self, request: Request) -> Response:
        """Show the board to the owner; the token moves from the address into a cookie."""
        given = request.query_params.get("token", "")
        if given:
            self._visits.check(_address(request, {}))
            if not hmac.compare_digest(given.encode(), self.settings.token.encode()):
                raise HTTPException(403, "Wrong token.")
            answer = RedirectResponse("board", 303)
            answer.set_cookie(COOKIE, self.settings.token, httponly=True, samesite="strict", path="/")
            return answer
        self._require_owner(request)
        text = await run_in_threadpool(board_html, self.desk.plan, self.desk.store)
        return HTMLResponse(text, headers={"Content-Security-Policy": BOARD_POLICY, "Cache-Control": "no-store"})

    async def board_close(self, request: Request) -> Response:
        """Close the study for new raters, or open it again."""
        self._require_owner(request)
        is_closed = await run_in_threadpool(lambda: self.desk.store.is_closed)
        await run_in_threadpool(lambda: self.desk.store.set_closed(is_closed=not is_closed))
        return RedirectResponse("../board", 303)

    async def board_return(self, request: Request) -> Response:
        """Give a slot to another rater."""
        self._require_owner(request)
        slot = request.query_params.get("slot", "")
        if self.desk.plan.slot(slot) is None:
            raise HTTPException(404, "There is no such slot.")
        await run_in_threadpool(self.desk.store.give_back, slot)
        return RedirectResponse("../board", 303)

    def _require_owner(self, request: Request) -> None:
        # The cookie is strict: no other site can make the owner's browser send it.
        given = request.cookies.get(COOKIE, "")
        if not hmac.compare_digest(given.encode(), self.settings.token.encode()):
            raise HTTPException(403, "Open the address of the board that `dancepose rate serve` printed.")


def _address(request: Request, _body: dict[str, Any]) -> str:
    return request.client.host if request.client else ""


def _session_of(_request: Request, body: dict[str, Any]) -> str:
    return str(body.get("session"))[:100]


async def _plain_error(_request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
    return JSONResponse({"error": "The server failed."}, 500)


class StrictHeaders:
    """Adds headers that keep browsers from doing more than the page needs.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)
