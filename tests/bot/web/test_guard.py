"""Who sent a request, what it is addressed to, and whose page sent it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.web.protection.guard import HEALTH, Guard, Place
from bot.web.protection.throttle import Throttle

PUBLIC = "https://pastiche.example"
PROXY = "10.0.0.7"


async def _told(request: Request) -> JSONResponse:
    sender = request.client and request.client.host
    return JSONResponse({"from": sender, "url": str(request.url), "headers": sorted(request.headers)})


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("in")
    await socket.close()


async def _well(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


@contextmanager
def visitor(place: Place, peer: str = "192.0.2.9", host: str = "pastiche.example") -> Iterator[TestClient]:
    routes = [
        Route("/told", _told, methods=["GET", "POST"]),
        Route(HEALTH, _well),
        Route("/_nicegui_ws/socket.io/", _told),
        WebSocketRoute("/socket", _socket),
    ]
    site = Starlette(routes=routes)
    site.add_middleware(Guard, place=place, throttle=Throttle(redis.Redis()))  # asked for pages alone
    with TestClient(site, base_url=f"http://{host}", client=(peer, 50000)) as client:
        yield client


def place(*proxies: str, public_url: str = PUBLIC, **more: Any) -> Place:
    return Place(public_url, proxies=[ipaddress.ip_network(proxy) for proxy in proxies], **more)


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.9", "::1"])
def test_nobody_writes_an_address_of_their_own(peer: str) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "X-Real-IP": "203.0.113.1",
        "Forwarded": "for=203.0.113.1;host=evil.example",
    }
    with visitor(place(PROXY), peer) as client:
        told = client.get("/told", headers=forged).json()
    assert told["from"] == peer
    assert told["url"] == "http://pastiche.example/told"
    assert not {name for name in told["headers"] if "forwarded" in name or name == "x-real-ip"}


@pytest.mark.parametrize(
    ("hops", "sender"),
    [
        (["203.0.113.1"], "203.0.113.1"),
        (["198.51.100.66, 203.0.113.1"], "203.0.113.1"),  # the first was the visitor's own word
        (["198.51.100.66", "203.0.113.1, 10.0.0.9"], "203.0.113.1"),
        (["203.0.113.1:4711"], "203.0.113.1"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["::ffff:203.0.113.1"], "203.0.113.1"),
        (["10.0.0.8, 10.0.0.9"], "10.0.0.8"),
        (["nonsense"], "unknown"),
        ([","], PROXY),
        ([], PROXY),
    ],
)
def test_a_proxy_that_was_named_says_where_visitors_come_from(hops: Sequence[str], sender: str) -> None:
    headers = [("X-Forwarded-For", hop) for hop in hops]
    with visitor(place("10.0.0.0/24"), PROXY, "inside:8080") as client:
        told = client.get(
            "/told", headers=[*headers, ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "pastiche.example")]
        ).json()
    assert told["from"] == sender
    assert told["url"] == "https://pastiche.example/told"


def test_an_ipv4_proxy_is_known_on_a_socket_for_both() -> None:
    with visitor(place(PROXY), f"::ffff:{PROXY}") as client:
        assert client.get("/told", headers={"X-Forwarded-For": "203.0.113.1"}).json()["from"] == "203.0.113.1"


@pytest.mark.parametrize(
    ("where", "host", "served"),
    [
        (place(), "pastiche.example", True),
        (place(), "PASTICHE.example.:443", True),
        (place(), "evil.example", False),
        (place(), "pastiche.example.evil.example", False),
        (place(), "localhost", False),
        (place(host="0.0.0.0"), "0.0.0.0:8080", True),  # noqa: S104
        (place(public_url=""), "localhost:8080", True),
        (place(public_url=""), "127.0.0.1", True),
        (place(public_url=""), "127.0.0.9:1", True),
        (place(public_url=""), "[::1]:8080", True),
        (place(public_url="", host="studio.lan"), "studio.lan:8080", True),
        (place(public_url=""), "studio.lan:8080", False),
        (place(public_url=""), "127.0.0.1.evil.example", False),
        (place(public_url=""), "192.0.2.1", False),
        (place(public_url=""), "[bad", False),
    ],
)
def test_it_answers_to_its_own_names_alone(where: Place, host: str, served: bool) -> None:
    with visitor(where) as client:
        assert client.get("/told", headers={"Host": host}).status_code == (200 if served else 421)
        assert client.get(HEALTH, headers={"Host": host}).status_code == 200, "its supervisor knows it by an address"


def test_an_address_that_the_request_arrived_at_is_ours() -> None:
    assert place(public_url="", host="0.0.0.0").is_ours("192.168.1.20", "192.168.1.20")  # noqa: S104
    assert not place(public_url="", host="0.0.0.0").is_ours("192.168.1.21", "192.168.1.20")  # noqa: S104


@pytest.mark.parametrize(
    ("where", "host", "origin", "welcome"),
    [
        (place(), "pastiche.example", PUBLIC, True),
        (place(), "pastiche.example", f"{PUBLIC}:443", True),
        (place(), "pastiche.example", "http://pastiche.example", False),  # whoever reads the network writes that one
        (place(), "pastiche.example", "https://evil.example", False),
        (place(), "pastiche.example", "null", False),
        (place(), "127.0.0.1:8080", PUBLIC, True),  # a proxy that passes no name on
        (place(public_url=""), "127.0.0.1:8080", "http://127.0.0.1:8080", True),
        (place(public_url=""), "127.0.0.1:8080", "http://127.0.0.1:8081", False),
        (place(public_url=""), "localhost:8080", "http://127.0.0.1:8080", False),
        (place(public_url=""), "localhost", "null", False),
        (place(public_url=""), "localhost", None, True),  # no browser's: those always say it
    ],
)
def test_pages_of_other_sites_open_no_socket_and_send_nothing(
    where: Place, host: str, origin: str | None, welcome: bool
) -> None:
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    with visitor(where, host=host) as client:
        assert client.post("/told", headers=headers).status_code == (200 if welcome else 403)
        assert client.get("/_nicegui_ws/socket.io/", headers=headers).status_code == (200 if welcome else 403)
        assert client.get("/told", headers=headers).status_code == 200, "to look is free"
        assert _connects(client, headers) is welcome


def _connects(client: TestClient, headers: dict[str, str]) -> bool:
    try:
        with client.websocket_connect("/socket", headers=headers) as socket:
            return socket.receive_text() == "in"
    except WebSocketDisconnect:
        return False


def test_a_refusal_is_said_in_the_visitors_language() -> None:
    with visitor(place()) as client:
        page = client.get("/told", headers={"Host": "evil.example", "Accept-Language": "fr"})
    assert page.text == "Ce site ne se trouve pas sous ce nom."
