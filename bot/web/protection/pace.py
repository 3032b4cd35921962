"""How slow a visitor may be: a body that comes too slowly, or is too large, ends; an answer goes out in pieces."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Send

_STALL_S = 10.0  # without a byte
_LEAST_BYTES_PER_S = 16 * 1024  # on average, over those seconds
_BODY_S = 300.0  # from the first byte to the last
PIECE_BYTES = 256 * 1024  # of an answer: the next one is handed on when this one is on its way


class Pace:
    """One request's way in and out.

    Args:
        receive: The server's.
        send: The server's.
        most_bytes: Of the body.

    Attributes:
        problem: The status that says why the body was given up, or 0; what answers then hears that the visitor left.
        answered: Whether an answer has begun.
    """

    def __init__(self, receive: Receive, send: Send, most_bytes: int) -> None:
        self._receive, self._send = receive, send
        self._more, self._left_bytes = True, most_bytes
        self._left_s, self._ends_s = _STALL_S, asyncio.get_running_loop().time() + _BODY_S
        self.problem = 0
        self.answered = False

    async def receive(self) -> Message:
        """The next part of the body; afterwards whatever else the server has to tell."""
        if not self._more:
            return await self._receive()
        clock = asyncio.get_running_loop().time
        asked_s = clock()
        try:
            async with asyncio.timeout_at(min(asked_s + self._left_s, self._ends_s)):
                message = await self._receive()
        except TimeoutError:
            return self._give_up(408)
        size = len(message.get("body", b""))
        self._more = bool(message.get("more_body"))
        self._left_bytes -= size
        if self._left_bytes < 0:
            return self._give_up(413)
        self._left_s = min(_STALL_S, self._left_s - (clock() - asked_s) + size / _LEAST_BYTES_PER_S)
        return message

    async def send(self, message: Message) -> None:
        """Send, and wait between pieces until the visitor has taken them."""
        self.answered = True
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        last = max(0, len(body) - 1) // PIECE_BYTES
        for number in range(last + 1):
            piece = body[number * PIECE_BYTES : (number + 1) * PIECE_BYTES]
            await self._send({**message, "body": piece, "more_body": more or number < last})

    def _give_up(self, status: int) -> Message:
        self.problem, self._more = status, False
        self._receive = _gone
        return {"type": "http.disconnect"}


async def _gone() -> Message:
    return {"type": "http.disconnect"}
