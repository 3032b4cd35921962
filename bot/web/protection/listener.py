"""Sockets before there is a request: so many from one address, headers in time, and answers that are taken in time.

uvicorn's own protocols with deadlines: as they are, a byte now and then keeps a socket for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from bot.web.protection.shares import Share, Shares
from bot.web.protection.throttle import address_key

_HEADERS_S = 10.0
_TAKEN_S = 20.0  # what was sent, up to a piece of ``pace``
MOST_SOCKETS, SOCKETS_OF_AN_ADDRESS = 800, 64


class Sockets:
    """The open sockets by address.

    Args:
        is_proxy: Whether an address is a proxy's, behind which everybody may be; those count themselves.
        most: Open sockets of all.
        each: Open sockets of one address.
    """

    def __init__(
        self, is_proxy: Callable[[str], bool], most: int = MOST_SOCKETS, each: int = SOCKETS_OF_AN_ADDRESS
    ) -> None:
        self._is_proxy = is_proxy
        self._shares = Shares(most, each)
        self._open: dict[asyncio.BaseTransport, Share] = {}

    def opened(self, transport: asyncio.Transport) -> bool:
        """Count a socket.

        Returns:
            False if its address has too many.
        """
        peer = (transport.get_extra_info("peername") or ("",))[0]
        if not peer or self._is_proxy(peer):
            return True
        share = self._shares.take(address_key(peer), transport.abort)
        if share is not None:
            self._open[transport] = share
        return share is not None

    def closed(self, transport: asyncio.BaseTransport) -> None:
        """Count it no more."""
        if share := self._open.pop(transport, None):
            self._shares.leave(share)


class _Watched:
    """What both protocols do with a socket that does not take what it is sent."""

    transport: asyncio.Transport
    _sockets: Sockets
    _taking: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """What was written waits for the visitor."""
        super().pause_writing()  # type: ignore[misc]
        self._taking = self._taking or asyncio.get_running_loop().call_later(_TAKEN_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The visitor has taken it."""
        super().resume_writing()  # type: ignore[misc]
        if self._taking:
            self._taking.cancel()
            self._taking = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._sockets.closed(self.transport)
        if self._taking:
            self._taking.cancel()
        super().connection_lost(exc)  # type: ignore[misc]


class HttpSocket(_Watched, H11Protocol):
    """A socket that speaks HTTP.

    Args:
        sockets: Who has how many.
        given: As uvicorn gives them.
    """

    def __init__(self, sockets: Sockets, **given: Any) -> None:
        super().__init__(**given)
        self._sockets = sockets
        self._ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody came."""
        super().connection_made(transport)
        if self._sockets.opened(transport):
            self._limit()
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        super().data_received(data)
        if self._has_to_end():
            self._limit()
        else:
            self._unlimit()

    def on_response_complete(self) -> None:
        """All was written; not all was taken, perhaps, and not all was read."""
        super().on_response_complete()
        if self._has_to_end():
            self._limit()
        if self.transport.is_closing():
            self.loop.call_later(_TAKEN_S, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """No other request came."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(_TAKEN_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._unlimit()
        super().connection_lost(exc)

    def _has_to_end(self) -> bool:
        """Whether headers have begun, or a body goes on that nobody reads: an answer came before its end."""
        state = self.conn.their_state
        answered = self.cycle is not None and self.cycle.response_complete
        return state is h11.IDLE or (state is h11.SEND_BODY and answered)

    def _limit(self) -> None:
        self._ends = self._ends or self.loop.call_later(_HEADERS_S, self.transport.abort)

    def _unlimit(self) -> None:
        if self._ends:
            self._ends.cancel()
            self._ends = None


class WebSocket(_Watched, WSProtocol):
    """One that became a WebSocket; it was counted when it came.

    Args:
        sockets: Who has how many.
        given: As uvicorn gives them.
    """

    def __init__(self, sockets: Sockets, **given: Any) -> None:
        super().__init__(**given)
        self._sockets = sockets
