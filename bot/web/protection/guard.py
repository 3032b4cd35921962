"""The one place that guards a request: whom it is from, what it is addressed to, whose page sent it, how much it is.

A forwarding header is believed of a proxy that the operator named, and of nobody else; everybody else's are taken
away, so that nothing behind this reads them. Names that are not ours and sockets that other sites' pages open end here,
as do bodies that come too slowly, and pages that one address asks for too often.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from bot.texts import say
from bot.web.elements import PAGES as SITE
from bot.web.plain_page import busy
from bot.web.protection.pace import Pace
from bot.web.protection.shares import Shares
from bot.web.protection.throttle import PAGES, Throttle, address_of
from bot.web.shared import language_of
from nst.errors import BusyError, OperatorError
from nst.pictures.header import DEFAULT_LIMITS

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HEALTH = "/healthz"  # asked by its supervisor, under whatever name that knows
_SOCKET = "/_nicegui_ws/"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_A_CLIENTS = ("x-forwarded-", "x-real-ip", "forwarded")  # what only a proxy may say
_PORTS = {"http": 80, "https": 443}
_PAGES = frozenset(SITE.values())
_UPLOADS = "/pictures"
_UPLOAD_BYTES, _BODY_BYTES = DEFAULT_LIMITS.max_bytes + 64 * 1024, 1024 * 1024
_REQUESTS_AT_ONCE, _REQUESTS_OF_AN_ADDRESS = 2000, 64
_RETRY_S = 10


@dataclass(frozen=True)
class Place:
    """Where the site is.

    Attributes:
        public_url: Where it is reached from outside, or "".
        host: Where it listens.
        proxies: Whose forwarding headers are believed.
        language: For browsers that name none that is spoken here.
    """

    public_url: str = ""
    host: str = "127.0.0.1"
    proxies: Sequence[Network] = ()
    language: str = "en"

    @property
    def secure(self) -> bool:
        """Whether visitors come over TLS."""
        return self.public_url.startswith("https://")

    def trusts(self, peer: str) -> bool:
        """Whether an address is a proxy's."""
        address = _address(peer)
        return address is not None and any(address in network for network in self.proxies)

    def is_ours(self, name: str, listening: str) -> bool:
        """Whether the site may be asked for under a name.

        Args:
            name: From the Host header, without its port.
            listening: The address at which the request arrived: nobody can point a name of theirs to it and be
                asked under that address.
        """
        public = urlsplit(self.public_url).hostname
        if name and name in (public, self.host.lower()):
            return True
        address = _address(name)
        return public is None and (name in ("localhost", listening) or (address is not None and address.is_loopback))

    def is_foreign(self, origin: str, host: str) -> bool:
        """Whether a page of another site sent a request.

        Args:
            origin: Its Origin header.
            host: Its Host header.
        """
        public, sent = _origin(self.public_url), _origin(origin)
        if sent is None:  # "null": a file, a sandbox
            return True
        if public and sent[1] == public[1]:
            return sent != public
        return urlsplit(origin).netloc.lower() != host.lower()


class Guard:
    """ASGI middleware; what passes is as it was sent, and who sent it is ``scope["client"]``.

    Args:
        app: What answers.
        place: Where the site is.
        throttle: Counts the pages of an address.
    """

    def __init__(self, app: ASGIApp, place: Place, throttle: Throttle) -> None:
        self._app = app
        self._place = place
        self._throttle = throttle
        self._running = Shares(_REQUESTS_AT_ONCE, _REQUESTS_OF_AN_ADDRESS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        scope = self._as_sent(scope)
        if refusal := await self._refusal(scope):
            return await refusal(scope, receive, send)
        address = address_of(scope)
        share = self._running.take(address, lambda: None)
        if share is None:
            return await _refused(scope, busy(_too_many(), self._language(scope)))(scope, receive, send)
        try:
            await self._pass_on(scope, receive, send)
        finally:
            self._running.leave(share)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        pace = Pace(receive, send, _UPLOAD_BYTES if scope["path"] == _UPLOADS else _BODY_BYTES)
        try:
            await self._app(scope, pace.receive, pace.send)
        except ClientDisconnect:
            if not pace.problem:
                raise
        if pace.problem and not pace.answered:
            await PlainTextResponse("", pace.problem)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> ASGIApp | None:
        key, status = self._objection(scope)
        if key:
            return _refused(scope, PlainTextResponse(say(key, self._language(scope)), status))
        if scope["type"] == "http" and _is_a_page(scope["path"]):
            address = address_of(scope)
            try:
                await asyncio.to_thread(self._throttle.take, PAGES, "", address)
            except BusyError as error:
                if error.code == "rate_limited":
                    return busy(error, self._language(scope))
            except OperatorError:
                pass  # a store that counts nothing now: the page says so itself
        return None

    def _language(self, scope: Scope) -> str:
        return language_of(Headers(scope=scope).get("accept-language"), self._place.language)

    def _objection(self, scope: Scope) -> tuple[str, int]:
        """The sentence's key and the status, or ("", 0)."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if scope["path"] != HEALTH and not self._place.is_ours(_name(host), (scope.get("server") or ("",))[0]):
            return "web.wrong_host", 421
        if origin is not None and _does_something(scope) and self._place.is_foreign(origin, host):
            return "web.foreign_page", 403
        return "", 0

    def _as_sent(self, scope: Scope) -> Scope:
        """The request as the visitor sent it."""
        headers, client = Headers(scope=scope), scope.get("client")
        kept = [(name, value) for name, value in scope["headers"] if not _is_a_proxys(name)]
        sent = {**scope, "headers": kept}
        if client is None or not self._place.trusts(client[0]):
            return sent
        hops = [hop for hop in ",".join(headers.getlist("x-forwarded-for")).replace(" ", "").split(",") if hop]
        strangers = [hop for hop in hops if not self._place.trusts(hop)]
        if hops:
            sent["client"] = (str(_address((strangers or hops[:1])[-1]) or "unknown"), 0)
        if (scheme := _last(headers, "x-forwarded-proto")) in _PORTS:
            sent["scheme"] = scheme if scope["type"] == "http" else scheme.replace("http", "ws")
        if host := _last(headers, "x-forwarded-host"):
            MutableHeaders(scope=sent)["host"] = host
        return sent


def _refused(scope: Scope, response: Response) -> ASGIApp:
    """A refusal as this kind of request can have it."""
    return WebSocketClose(1008) if scope["type"] == "websocket" else response


def _too_many() -> BusyError:
    return BusyError("rate_limited", {"retry_after_s": _RETRY_S})


def _is_a_page(path: str) -> bool:
    """Whether an address costs more than bytes that lie ready."""
    return path in _PAGES or (path.startswith("/challenges/") and path.count("/") == 2)


def _does_something(scope: Scope) -> bool:
    """Whether a request may do more than read: the socket's long polling does it with GET, too."""
    return scope["type"] == "websocket" or scope["method"] not in _READING or scope["path"].startswith(_SOCKET)


def _is_a_proxys(name: bytes) -> bool:
    return name.decode("latin-1").lower().startswith(_NOT_A_CLIENTS)


def _last(headers: Headers, name: str) -> str:
    """What the nearest proxy said: those before it may have been told anything."""
    return ",".join(headers.getlist(name)).split(",")[-1].strip().lower()


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, name and port of an address; None where there is none, and for "null"."""
    try:
        parts = urlsplit(url)
        return (parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)) if parts.hostname else None
    except ValueError:
        return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as peers and proxies write it: with a port or without, IPv4 perhaps within IPv6."""
    for candidate in (text, text.strip("[]"), text.rpartition(":")[0].strip("[]")):
        try:
            found = ipaddress.ip_address(candidate)
        except ValueError:
            continue
        return getattr(found, "ipv4_mapped", None) or found
    return None
