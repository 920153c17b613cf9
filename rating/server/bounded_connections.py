# SPDX-License-Identifier: Apache-2.0
"""HTTP connections that cannot be held open for nothing: requests have to arrive in time, and connections are counted.

uvicorn itself waits for a request for ever, and accepts connections until the process may open no more files.
"""

import asyncio
import time
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S: Final = 20.0
"""Time for a whole request of at most 64 KiB: 3 kB a second."""
MOST_CONNECTIONS: Final = 2000
FILES_OF_PROCESS: Final = 64
"""Open files besides connections and the films that they send."""


def connection_limit() -> int:
    """Return the number of connections that can be served at once: two open files each, a socket and a film.

    The process asks for as many files as it needs and may have.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS + FILES_OF_PROCESS
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(4, min(MOST_CONNECTIONS, (soft - FILES_OF_PROCESS) // 2))


class BoundedConnection(H11Protocol):
    """A connection that is closed where its request does not arrive in time, or where there are too many.

    Of too many, the one closes that has waited longest for a request; where all are served, the oldest.

    Attributes:
        limit: Connections at once.
        request_s: Time for a request.
        began_s: When the connection was made, or the last request had arrived.
    """

    limit: int = MOST_CONNECTIONS
    request_s: float = REQUEST_S

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.began_s = time.monotonic()
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether no whole request is there."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, and wait for its first request."""
        super().connection_made(transport)
        self._expect_request()
        if len(self.connections) > self.limit:
            ours = [each for each in self.connections if isinstance(each, BoundedConnection)]
            oldest = min(ours, key=lambda each: (not each.is_waiting, each.began_s))
            oldest.transport.abort()
            self.connections.discard(oldest)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        if self.is_waiting:
            self._expect_request()
        super().data_received(data)
        if not self.is_waiting:
            self.began_s = time.monotonic()
            self._stop_waiting()

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request; whoever answers its head already is not heard any more."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:  # an answer has begun
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.request_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.is_waiting:
            self.transport.abort()
