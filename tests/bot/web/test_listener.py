"""Sockets that come, and send or take nothing: a real uvicorn on the loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket as Socket

from bot.web.app import listen
from bot.web.protection import listener
from bot.web.protection.listener import HttpSocket, Sockets, WebSocket

BIG = 64 * 2**20
Until = Callable[..., Any]


async def _hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def _big(request: Request) -> Response:
    return Response(bytes(BIG))


async def _echo(socket: Socket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short patience."""
    monkeypatch.setattr(listener, "_HEADERS_S", 1.0)
    monkeypatch.setattr(listener, "_TAKEN_S", 1.0)


@pytest.fixture
def address(until: Until) -> Iterator[tuple[str, int]]:
    """Where a site listens."""
    routes = [Route("/", _hello, methods=["GET", "POST"]), Route("/big", _big), WebSocketRoute("/echo", _echo)]
    sockets = Sockets(lambda peer: peer == "127.0.0.8", most=12, each=4)
    config = uvicorn.Config(
        Starlette(routes=routes),
        log_config=None,
        http=cast("Any", partial(HttpSocket, sockets)),
        ws=cast("Any", partial(WebSocket, sockets)),
        timeout_graceful_shutdown=1,
    )
    server, listening = uvicorn.Server(config), listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    until(lambda: server.started)
    yield listening.getsockname()
    server.should_exit = True
    thread.join(30)
    listening.close()


Connect = Callable[..., socket.socket]


@pytest.fixture
def connect(address: tuple[str, int]) -> Iterator[Connect]:
    """Opens a socket from an address of the loopback."""
    opened: list[socket.socket] = []

    def open_one(source: str = "127.0.0.1", sends: bytes = b"") -> socket.socket:
        connected = socket.create_connection(address, timeout=30, source_address=(source, 0))
        opened.append(connected)
        connected.sendall(sends)
        return connected

    yield open_one
    for one in opened:
        one.close()


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def is_served(one: socket.socket, request: bytes = GET) -> bool:
    try:
        one.sendall(request)
        return one.recv(4096).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False


def ends(one: socket.socket) -> bool:
    """Whether the other side ends it; the socket's own time-out fails the test."""
    try:
        while one.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("beginning", [b"", b"G", GET[:-2]])
def test_headers_that_never_end_end_the_socket(connect: Connect, beginning: bytes) -> None:
    assert ends(connect(sends=beginning))


@pytest.mark.usefixtures("hurry")
def test_a_byte_now_and_then_does_not_keep_a_socket(connect: Connect) -> None:
    one = connect(sends=b"GET / HTTP/1.1\r\nX: ")
    one.settimeout(0.05)
    assert any(_is_closed_after_a_byte(one) for _ in range(2000))


def _is_closed_after_a_byte(one: socket.socket) -> bool:
    try:
        one.sendall(b"x")
        return one.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.usefixtures("hurry")
def test_a_second_request_has_its_time_too(connect: Connect) -> None:
    one = connect()
    assert is_served(one)
    assert is_served(one)
    one.sendall(b"G")
    assert ends(one)


@pytest.mark.usefixtures("hurry")
def test_a_body_that_nobody_reads_is_not_waited_for(connect: Connect) -> None:
    one = connect(sends=b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx")
    assert one.recv(4096).startswith(b"HTTP/1.1 200"), "the answer arrives, although nobody asked for the body"
    assert ends(one)


@pytest.mark.usefixtures("hurry")
def test_an_answer_that_is_not_taken_is_dropped(connect: Connect, until: Until) -> None:
    taking_nothing = [connect(sends=b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(4)]
    assert not is_served(connect()), "this address has as many as it may have"
    until(lambda: is_served(connect()), "the place of one that takes nothing")
    assert min(received_until_its_end(one) for one in taking_nothing) < BIG


def received_until_its_end(one: socket.socket) -> int:
    received = 0
    try:
        while data := one.recv(2**20):
            received += len(data)
    except ConnectionError:
        pass
    return received


def test_one_address_has_so_many_sockets_and_others_theirs(connect: Connect) -> None:
    kept = [connect("127.0.0.2") for _ in range(4)]
    assert not is_served(connect("127.0.0.2"))
    assert is_served(connect("127.0.0.3"))
    assert is_served(kept[0])


def test_a_closed_socket_makes_room(connect: Connect, until: Until) -> None:
    kept = [connect() for _ in range(4)]
    kept[0].close()
    until(lambda: is_served(connect()))


def test_websockets_count_until_they_close(connect: Connect, until: Until) -> None:
    upgrade = (
        b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    kept = [connect(sends=upgrade) for _ in range(4)]
    assert [one.recv(4096)[:12] for one in kept] == [b"HTTP/1.1 101"] * 4
    assert not is_served(connect())
    kept[0].sendall(b"\x81\x82\x00\x00\x00\x00hi")
    assert kept[0].recv(4) == b"\x81\x02hi", "one that stays silent is not closed"
    for one in kept:
        one.close()
    until(lambda: is_served(connect()))


def test_a_named_proxy_is_not_counted(connect: Connect) -> None:
    assert all(is_served(one) for one in [connect("127.0.0.8") for _ in range(20)])


def test_when_all_are_taken_the_greedy_give_way(connect: Connect) -> None:
    for place in (2, 3, 4):
        for _ in range(4):
            connect(f"127.0.0.{place}")
    assert is_served(connect("127.0.0.9"))
