"""Pictures behind addresses that people give: from the public internet only, within limits, and told by their bytes.

What a name stands for is looked at when the connection is made: the number that is checked is the number that is
connected to, so a name that changes its mind in between gains nothing. Nothing of ours goes along: no cookie, no
password, and no proxy but to the chat platform's own servers. Whatever lies inward answers like a server that is not
there, so nobody learns what stands in the house.
No worker fetches anything that a person named; ``.importlinter`` holds that.
"""

from __future__ import annotations

import asyncio
import html
import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from nst.errors import UserError
from nst.pictures.clip_header import is_film
from nst.pictures.header import DEFAULT_LIMITS
from nst.pictures.signature import identify

Network = IPv4Network | IPv6Network

_UNICAST = IPv6Network("2000::/3")  # all that the internet routes; mapped, compatible and local forms lie outside
_NAT64 = IPv6Network("64:ff9b::/96")  # what a name server of an IPv6-only network makes of an IPv4 address
# Beside what ``ipaddress`` knows, which differs from one Python to the next.
_NOT_PUBLIC: tuple[Network, ...] = (
    IPv6Network("2001::/32"),  # Teredo, and below 6to4: an IPv4 address is hidden inside
    IPv6Network("2002::/16"),
    IPv6Network("3fff::/20"),  # documentation
    IPv4Network("192.0.0.0/24"),  # protocols' own; a cloud's metadata among them
    IPv4Network("168.63.129.16/32"),  # Azure's, public by its number, tells machines there about themselves
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {
    "Accept": "image/*, video/mp4, video/webm, text/html;q=0.5",
    "Accept-Encoding": "identity",
    "User-Agent": "Pastiche",
}
_HEAD_BYTES = 4096  # enough to tell what it is
_PAGE_BYTES = 512 * 1024
_CHUNK_BYTES = 64 * 1024
_AT_ONCE = 2  # files in memory
_META = re.compile(r"<meta\b[^<>]{1,2000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\b(property|name|content)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_SHOWN = ("og:image:secure_url", "og:image", "twitter:image", "og:video:secure_url", "og:video")


@dataclass(frozen=True, kw_only=True)
class FetchLimits:
    """What one fetch may take.

    Attributes:
        total_s: From asking for the name's number to the last byte, over all redirects.
        max_bytes: Of the file.
        redirects: Of all kinds, a page's own picture among them.
    """

    total_s: float = 10.0
    max_bytes: int = DEFAULT_LIMITS.max_bytes
    redirects: int = 3


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Where a fetch may go.

    Attributes:
        networks: Allowed though they are not public; for tests, and for nobody else.
        ports: That may be asked.
        resolver: Finds a name's numbers; None for the system's.
        platform: Names of the chat platform's own servers.
        proxy: By which those are reached, and nothing else; "" for none.
    """

    networks: Collection[Network] = ()
    ports: Collection[int] = (80, 443)
    resolver: AbstractResolver | None = None
    platform: Collection[str] = ()
    proxy: str = ""

    def proxy_to(self, url: URL) -> str:
        """The proxy that leads to an address; "" where there is none: a person's own never goes by one."""
        return self.proxy if url.scheme == "https" and url.host in self.platform and url.port == 443 else ""

    def allows(self, number: str) -> bool:
        """Whether a connection may be made to a numeric address, as the socket is given it."""
        try:
            found = ip_address(number)
        except ValueError:
            return False  # "127.1", "fe80::1%eth0" …: no form in which names are resolved
        return is_public(found) or any(found in network for network in self.networks)


class Fetcher:
    """Fetches pictures from addresses that people gave.

    Args:
        reach: Where it may go.
        limits: What one fetch may take.
    """

    def __init__(self, reach: Reach | None = None, limits: FetchLimits | None = None) -> None:
        self._reach, self._limits = reach or Reach(), limits or FetchLimits()
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def fetch(self, address: str) -> bytes:
        """The picture or film behind an address; behind a page's, the picture that the page shows of itself.

        Raises:
            UserError: ``address_refused``, ``address_unreachable``, ``address_too_slow``, or ``image_*`` where it is
                too large or none.
        """
        async with self._room:
            try:
                async with asyncio.timeout(self._limits.total_s):
                    return await self._follow(address)
            except TimeoutError:
                raise UserError("address_too_slow", {"allowed_s": self._limits.total_s}) from None
            except (aiohttp.ClientError, OSError, ValueError):
                raise UserError("address_unreachable") from None

    async def _follow(self, address: str) -> bytes:
        url = _checked(address, self._reach)
        for _ in range(self._limits.redirects + 1):
            found = await self._ask(url)
            if isinstance(found, bytes):
                return found
            url = _checked(found, self._reach, within=url)
        raise UserError("address_unreachable")

    def _session(self, by_proxy: bool) -> aiohttp.ClientSession:
        """One for each request: nothing that one server says reaches the next."""
        connector = aiohttp.TCPConnector(
            resolver=None if by_proxy else self._reach.resolver,
            socket_factory=None if by_proxy else self._socket,
            use_dns_cache=False,
            force_close=True,
        )
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
        )

    async def _ask(self, url: URL) -> bytes | str:
        """A file, or the address where it is said to be."""
        proxy = self._reach.proxy_to(url)
        async with (
            self._session(bool(proxy)) as session,
            session.get(url, headers=_HEADERS, allow_redirects=False, proxy=proxy or None) as answer,
        ):
            if answer.status in _REDIRECTS:
                return answer.headers.get("Location", "")
            if answer.status != 200:
                raise UserError("address_unreachable")
            self._check_size(answer.content_length or 0)
            head = await _upto(answer.content, _HEAD_BYTES)
            if _is_page(head):
                return _picture_of_page(head + await _upto(answer.content, _PAGE_BYTES))
            parts, size_bytes = [head], len(head)
            while part := await answer.content.read(_CHUNK_BYTES):
                parts.append(part)
                size_bytes += len(part)
                self._check_size(size_bytes)
            return b"".join(parts)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._limits.max_bytes:
            detail = {"received_bytes": size_bytes, "allowed_bytes": self._limits.max_bytes}
            raise UserError("image_too_many_bytes", detail)

    def _socket(self, found: tuple[Any, ...]) -> socket.socket:
        """The socket for one of a name's numbers: the last moment before it is connected to."""
        family, kind, protocol, _, place = found
        if not self._reach.allows(str(place[0])):
            raise OSError("not a public address")
        return socket.socket(family, kind, protocol)


def is_public(number: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet's: not private, loopback, link-local, shared, or reserved."""
    if isinstance(number, IPv6Address):
        hidden = number.ipv4_mapped or (IPv4Address(int(number) & 0xFFFFFFFF) if number in _NAT64 else None)
        if hidden is not None:
            return is_public(hidden)
        if number not in _UNICAST:
            return False
    if any(number in network for network in _NOT_PUBLIC):
        return False
    return number.is_global and not number.is_multicast and not number.is_reserved


def _checked(address: str, reach: Reach, within: URL | None = None) -> URL:
    """An address that may be asked.

    Raises:
        UserError: ``address_refused``.
    """
    try:
        url = URL(address.strip())
        url = within.join(url) if within else url
        fine = url.scheme in ("http", "https") and bool(url.host) and url.port in reach.ports
    except ValueError:
        raise UserError("address_refused") from None
    if not fine or not address.strip() or url.user is not None or url.password is not None:
        raise UserError("address_refused")
    return url.with_fragment(None)


async def _upto(content: aiohttp.StreamReader, size_bytes: int) -> bytes:
    """The next bytes: as many as that, or all that there are."""
    try:
        return await content.readexactly(size_bytes)
    except asyncio.IncompleteReadError as error:
        return error.partial


def _is_page(head: bytes) -> bool:
    """Whether a file is a page, told by its beginning.

    Raises:
        UserError: ``image_*``: neither a page nor a picture nor a film.
    """
    if is_film(head):
        return False
    try:
        identify(head)
    except UserError as error:
        if error.detail.get("found") != "HTML":
            raise
        return True
    return False


def _picture_of_page(page: bytes) -> str:
    """The address of the picture that a page names for others to show of it.

    Raises:
        UserError: ``image_not_an_image``: it names none.
    """
    named: dict[str, str] = {}
    for tag in _META.findall(page.decode("utf-8", "replace")):
        said = {name.lower(): double or single for name, double, single in _ATTRIBUTE.findall(tag)}
        named.setdefault(said.get("property") or said.get("name") or "", said.get("content", ""))
    shown = next((named[name] for name in _SHOWN if named.get(name)), "")
    if not shown:
        raise UserError("image_not_an_image", {"found": "HTML"})
    return html.unescape(shown)
