"""Bodies that come too slowly or are too large, and answers in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from starlette.types import Message

from bot.web.protection import pace
from bot.web.protection.pace import PIECE_BYTES, Pace


class Wire:
    """A server's side of one request: parts of a body, each after a pause, and what was sent."""

    def __init__(self, parts: Sequence[tuple[float, bytes]], ends: bool = True) -> None:
        self._parts = self._come(parts, ends)
        self.sent: list[Message] = []

    async def _come(self, parts: Sequence[tuple[float, bytes]], ends: bool) -> AsyncIterator[Message]:
        for number, (pause_s, data) in enumerate(parts):
            await asyncio.sleep(pause_s)
            yield {"type": "http.request", "body": data, "more_body": not ends or number < len(parts) - 1}
        await asyncio.Event().wait()

    async def receive(self) -> Message:
        return await anext(self._parts)

    async def send(self, message: Message) -> None:
        self.sent.append(message)


async def received(wire: Wire, most_bytes: int = 10**9) -> tuple[int, int]:
    """How much came, and the problem."""
    paced = Pace(wire.receive, wire.send, most_bytes)
    size, more = 0, True
    while more:
        message = await asyncio.wait_for(paced.receive(), 60)
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        if message["type"] == "http.disconnect":
            assert await paced.receive() == {"type": "http.disconnect"}, "it stays gone"
    return size, paced.problem


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_STALL_S", 0.5)


def test_a_body_that_stops_is_given_up() -> None:
    assert asyncio.run(received(Wire([(0, b"x")], ends=False))) == (1, 408)


def test_a_byte_now_and_then_does_not_help() -> None:
    size, problem = asyncio.run(received(Wire([(0.1, b"x")] * 1000)))
    assert problem == 408
    assert size < 20


def test_what_came_at_once_buys_no_time_later() -> None:
    parts = [(0.0, bytes(2**24)), *[(0.1, b"x")] * 1000]
    assert asyncio.run(received(Wire(parts)))[1] == 408


def test_whoever_keeps_sending_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_LEAST_BYTES_PER_S", 1024)
    assert asyncio.run(received(Wire([(0.05, bytes(1024))] * 20))) == (20 * 1024, 0)


def test_a_body_has_an_end_even_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_BODY_S", 0.3)
    assert asyncio.run(received(Wire([(0.05, bytes(2**20))] * 1000)))[1] == 408


def test_a_body_that_is_too_large_is_given_up_where_it_is() -> None:
    assert asyncio.run(received(Wire([(0, bytes(10))] * 1000), most_bytes=35)) == (30, 413)


def test_after_the_body_nobody_is_hurried() -> None:
    async def both() -> None:
        wire = Wire([(0, b"all")])
        paced = Pace(wire.receive, wire.send, 100)
        assert (await paced.receive())["body"] == b"all"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(paced.receive(), 1.0)
        assert not paced.problem

    asyncio.run(both())


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES])
def test_an_answer_goes_out_in_pieces(size: int) -> None:
    wire, data = Wire([]), bytes(i % 251 for i in range(size))

    async def send() -> None:
        paced = Pace(wire.receive, wire.send, 0)
        await paced.send({"type": "http.response.start", "status": 200, "headers": []})
        await paced.send({"type": "http.response.body", "body": data})

    asyncio.run(send())
    bodies = wire.sent[1:]
    assert b"".join(message["body"] for message in bodies) == data
    assert max(len(message["body"]) for message in bodies) <= PIECE_BYTES
    assert [message["more_body"] for message in bodies] == [True] * (len(bodies) - 1) + [False]
