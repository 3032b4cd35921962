"""Limits kept chat by chat, with the limiter's own clock."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from datetime import timedelta
from typing import Any

import pytest
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError, TimedOut

from bot.telegram.throttle import PROGRESS, Throttle, TooBusyError, _Window


class Calls:
    """Telegram at the other end: refuses the first calls where asked to."""

    def __init__(self, refusals: int = 0, wait_s: float = 0.1) -> None:
        self.made: list[float] = []
        self._refusals, self._wait = refusals, timedelta(seconds=wait_s)

    async def __call__(self) -> bool:
        self.made.append(time.monotonic())
        if len(self.made) <= self._refusals:
            raise RetryAfter(self._wait)
        return True


@pytest.fixture
async def throttle() -> Throttle:
    limits = Throttle()
    await limits.initialize()
    return limits


async def send(
    throttle: Throttle, calls: Calls, chat: int, limits: str | None = None, method: str = "sendMessage"
) -> Any:
    return await throttle.process_request(calls, (), {}, method, {"chat_id": chat}, limits)


async def test_retry_after_is_waited_for_and_the_call_made_again(throttle: Throttle) -> None:
    calls = Calls(refusals=2)
    assert await send(throttle, calls, 1)
    waits = [later - earlier for earlier, later in zip(calls.made, calls.made[1:], strict=False)]
    assert len(waits) == 2
    assert all(wait >= 0.1 for wait in waits)


async def test_progress_is_left_out_rather_than_repeated(throttle: Throttle) -> None:
    calls = Calls(refusals=1, wait_s=30)
    with pytest.raises(RetryAfter):
        await send(throttle, calls, 1, PROGRESS)
    with pytest.raises(TooBusyError):
        await send(throttle, calls, 1, PROGRESS)
    assert len(calls.made) == 1, "the second one was not even tried"


async def test_a_flooded_chat_holds_up_nobody_else(throttle: Throttle) -> None:
    flooded = asyncio.create_task(send(throttle, Calls(refusals=1, wait_s=60), 1))
    await asyncio.sleep(0)
    assert await send(throttle, Calls(), 2)
    assert not flooded.done()
    flooded.cancel()


async def test_a_group_keeps_room_for_results(throttle: Throttle) -> None:
    calls = Calls()
    shown = 0
    for _ in range(40):
        try:
            await send(throttle, calls, -100, PROGRESS)
            shown += 1
        except TooBusyError:
            break
    assert 0 < shown <= 13
    for _ in range(20 - shown):
        await send(throttle, calls, -100)
    late = asyncio.create_task(send(throttle, calls, -100))
    await asyncio.sleep(0.01)
    assert not late.done(), "the twenty-first of a minute waits"
    late.cancel()


async def test_a_window_never_lets_more_in_than_it_says() -> None:
    """By the moments that it notes itself: whoever looks at the clock afterwards may be kept from it for a while."""
    entered: list[float] = []

    class Noted(deque[float]):
        def append(self, moment_s: float) -> None:
            entered.append(moment_s)
            super().append(moment_s)

    window = _Window(5, 0.2)
    window._times = Noted()
    await asyncio.gather(*(window.acquire() for _ in range(17)))
    assert len(entered) == 17
    assert all(later - first >= 0.199 for first, later in zip(entered, entered[5:], strict=False))


async def test_answers_to_presses_never_wait(throttle: Throttle) -> None:
    calls = Calls()
    for _ in range(100):
        await send(throttle, calls, -100, method="sendChatAction")
    assert len(calls.made) == 100


class Failing(Calls):
    """Telegram fails as it is told, then works."""

    def __init__(self, *failures: TelegramError) -> None:
        super().__init__()
        self._failures = list(failures)

    async def __call__(self) -> bool:
        self.made.append(time.monotonic())
        if self._failures:
            raise self._failures.pop(0)
        return True


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.telegram.throttle._PAUSES_S", (0.001, 0.001, 0.001))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("method", "failure"),
    [
        ("getFile", NetworkError("Internal Server Error (500)")),
        ("getFile", RetryAfter(timedelta(seconds=0.01))),
        ("getFile", TimedOut()),
        ("sendMessage", NetworkError("Bad Gateway")),
        ("sendPhoto", NetworkError("httpx.ConnectError: all attempts failed")),
        ("editMessageMedia", NetworkError("httpx.ReadError: ")),
        ("answerCallbackQuery", NetworkError("Internal Server Error (500)")),
    ],
)
async def test_a_hiccup_is_outlasted(throttle: Throttle, method: str, failure: TelegramError) -> None:
    calls = Failing(failure, failure)
    assert await throttle.process_request(calls, (), {}, method, {"chat_id": 1} if "send" in method else {}, None)
    assert len(calls.made) == 3


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("failure", [NetworkError("httpx.ReadError: "), TimedOut(), BadRequest("chat not found")])
async def test_what_may_have_been_sent_is_not_sent_again(throttle: Throttle, failure: TelegramError) -> None:
    calls = Failing(failure)
    with pytest.raises(type(failure)):
        await send(throttle, calls, 1)
    assert len(calls.made) == 1


@pytest.mark.usefixtures("at_once")
async def test_servers_that_stay_away_are_told_of(throttle: Throttle) -> None:
    calls = Failing(*[NetworkError("Bad Gateway")] * 100)
    with pytest.raises(NetworkError):
        await send(throttle, calls, 1)
    assert 2 <= len(calls.made) <= 5
