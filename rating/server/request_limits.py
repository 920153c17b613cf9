# SPDX-License-Identifier: Apache-2.0
"""Bounds on what a client may send: rates by token bucket, and the length of bodies."""

from collections.abc import Callable
from dataclasses import dataclass
import hashlib
import secrets
import time
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from dancepose_addon.core.bounded_files import parse_json

MOST_BODY: Final = 64 * 1024
MOST_BUCKETS: Final = 20_000


@dataclass(frozen=True)
class Rate:
    """A rate.

    Attributes:
        per_s: Requests per second in the long run.
        burst: Requests at once.
    """

    per_s: float
    burst: float


class RateLimiter:
    """Token buckets in memory. Keys are hashed with a secret of this process, so that no address is kept as it is.

    Args:
        rate: What each key may do.
        clock: Monotonic time, seconds.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._secret = secrets.token_bytes(16)
        self._buckets: dict[bytes, tuple[float, float]] = {}

    def check(self, key: str) -> None:
        """Count one request.

        Raises:
            HTTPException: 429, there were too many.
        """
        name = hashlib.blake2b(key.encode("utf-8", "replace"), key=self._secret, digest_size=12).digest()
        now_s = self._clock()
        tokens, before_s = self._buckets.pop(name, (self._rate.burst, now_s))
        tokens = min(self._rate.burst, tokens + (now_s - before_s) * self._rate.per_s)
        is_allowed = tokens >= 1.0
        self._buckets[name] = (tokens - 1.0 if is_allowed else tokens, now_s)
        while len(self._buckets) > MOST_BUCKETS:  # the oldest go first
            del self._buckets[next(iter(self._buckets))]
        if not is_allowed:
            raise HTTPException(429, "Too many requests. Wait a moment.", headers={"Retry-After": "5"})


async def read_json(request: Request) -> dict[str, Any]:
    """Read a bounded JSON object.

    Raises:
        HTTPException: 413 where it is too long, 415 where it is no JSON, 400 where it is damaged.
    """
    # Forms of other sites cannot send this type without asking first (CORS).
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise HTTPException(415, "Expected application/json.")
    parts: list[bytes] = []
    length = 0
    try:
        async for part in request.stream():
            length += len(part)
            if length > MOST_BODY:
                raise HTTPException(413, f"A request may have {MOST_BODY} bytes.")
            parts.append(part)
    except ClientDisconnect as error:  # Nothing reads the answer.
        raise HTTPException(400, "The connection ended within the request.") from error
    try:
        value = parse_json(b"".join(parts).decode("utf-8"), constants=False)
    except ValueError as error:
        raise HTTPException(400, "Damaged JSON.") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "Expected a JSON object.")
    return value
