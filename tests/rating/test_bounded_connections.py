# SPDX-License-Identifier: Apache-2.0
"""Clients that send nothing, or send it slowly, keep no other client out. Real sockets, and a server of a second."""

import asyncio
from collections.abc import Iterator
import contextlib
import socket
import threading
import time
from typing import Any

import pytest

uvicorn = pytest.importorskip("uvicorn")

from dancepose.rating.server import bounded_connections
from dancepose.rating.server.bounded_connections import BoundedConnection, connection_limit

LIMIT = 6
REQUEST_S = 0.8
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with the length of the body; /slow takes a second and a half, /early reads nothing."""
    length, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(1.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": f"{length:4d}".encode()})


@pytest.fixture
def port() -> Iterator[int]:
    """Port of a server with few connections and little patience."""
    protocol = type("Impatient", (BoundedConnection,), {"limit": LIMIT, "request_s": REQUEST_S})
    config = uvicorn.Config(application, port=0, log_level="error", lifespan="off", http=protocol)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(timeout=10)


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def answer(port: int, request: bytes = GET) -> bytes:
    with connected(port) as client:
        client.sendall(request)
        return whole_answer(client)


def whole_answer(client: socket.socket) -> bytes:
    """Head and the four bytes of the body, which may arrive apart."""
    got = b""
    while b"\r\n\r\n" not in got or len(got.partition(b"\r\n\r\n")[2]) < 4:
        part = client.recv(4096)
        if not part:
            break
        got += part
    return got


def is_closed(client: socket.socket, within_s: float) -> bool:
    client.settimeout(within_s)
    try:
        return client.recv(4096) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", GET[:-2], b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 40\r\n\r\nhalf"]
)
def test_a_request_that_does_not_arrive_is_given_up(port: int, sent: bytes) -> None:
    with connected(port) as client:
        client.sendall(sent)
        assert not is_closed(client, 0.5 * REQUEST_S)
        assert is_closed(client, 3.0 * REQUEST_S)


def test_a_request_byte_by_byte_has_no_more_time(port: int) -> None:
    with connected(port) as client:
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - started < 6.0 * REQUEST_S:
                client.sendall(b"G" if time.monotonic() - started < 0.01 else b"E")
                time.sleep(0.1)
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    if client.recv(1) == b"":
                        break
                client.setblocking(True)
        assert time.monotonic() - started < 3.0 * REQUEST_S


def test_a_long_answer_is_not_cut_and_connections_are_kept(port: int) -> None:
    with connected(port) as client:
        client.sendall(GET.replace(b"/ ", b"/slow ", 1))
        assert whole_answer(client).startswith(b"HTTP/1.1 200")
        client.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nfour")
        got = whole_answer(client)
        assert got.startswith(b"HTTP/1.1 200")
        assert got.endswith(b"   4")


def test_silent_connections_keep_no_client_out(port: int) -> None:
    silent = [connected(port) for _ in range(4 * LIMIT)]
    assert answer(port).startswith(b"HTTP/1.1 200")
    slow = connected(port)
    slow.sendall(GET.replace(b"/ ", b"/slow ", 1))
    time.sleep(0.2)
    silent += [connected(port) for _ in range(2 * LIMIT)]
    assert answer(port).startswith(b"HTTP/1.1 200")
    # One that is being served is closed after those that wait.
    assert whole_answer(slow).startswith(b"HTTP/1.1 200")
    for client in (*silent, slow):
        client.close()


def test_the_limit_leaves_files_for_films(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _what, both: asked.append(both))
    for soft, hard, expected in ((256, 1024, 480), (1024, 1_048_576, 2000), (256, 256, 96), (8192, 8192, 2000)):
        monkeypatch.setattr(resource, "getrlimit", lambda _what, both=(soft, hard): both)
        assert connection_limit() == expected
    assert asked == [(1024, 1024), (4064, 1_048_576), (256, 256)]
    assert bounded_connections.MOST_CONNECTIONS == 2000


@pytest.mark.parametrize("rest", [b"ZZ\r\n", b"5\r\nhello\r\nZZ\r\n", b"FFFFFFFFFFFFFFFFFFFFFFFF\r\n"])
def test_a_malformed_body_is_refused_without_a_traceback(port: int, rest: bytes, caplog) -> None:
    head = b"POST /early HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for parts in ((head + rest,), (head, rest)):
        with connected(port) as client:
            for part in parts:
                client.sendall(part)
                time.sleep(0.1)
            said = whole_answer(client)
        assert said.startswith(b"HTTP/1.1 ")
    assert answer(port).startswith(b"HTTP/1.1 200")
    assert not [record for record in caplog.records if record.exc_info]
