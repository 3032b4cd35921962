"""Telegram's limits kept before they are met, and its "retry after" honoured, chat by chat.

A flood limit is a chat's own: others are not held up by it (python-telegram-bot's own limiter
stops them all, and retries nothing by default).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from typing import Any

from aiolimiter import AsyncLimiter
from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

log = logging.getLogger(__name__)

PROGRESS = "progress"  # for ``rate_limit_args``: may be left out, is never repeated
_FREE = frozenset({"answerCallbackQuery", "answerInlineQuery", "sendChatAction", "getChat", "getChatMember"})
_OVERALL_PER_S = 30
_GROUP = (20, 60)
_PRIVATE = (5, 5)  # one a second, with room for the first few of a conversation
_KEPT_FOR_RESULTS = 8  # of a group's twenty
_TRIES = 8
_CHATS = 4096

Answer = bool | dict[str, Any] | list[dict[str, Any]]


class TooBusyError(Exception):
    """Something that may be left out was left out."""


class _Window:
    """So many in any stretch of so many seconds; ``AsyncLimiter`` would let twice as many through in the first one.

    Args:
        most: How many.
        per_s: In how many seconds.
    """

    def __init__(self, most: int, per_s: float) -> None:
        self._most, self._per_s = most, per_s
        self._times: deque[float] = deque()
        self._turn = asyncio.Lock()

    def has_capacity(self, amount: int) -> bool:
        """Whether so many could enter now."""
        return self._taken() + amount <= self._most

    async def acquire(self) -> None:
        """Enter, in turn, when there is room."""
        async with self._turn:
            if not self.has_capacity(1):  # nobody else enters meanwhile
                await asyncio.sleep(max(0.0, self._times[0] + self._per_s - time.monotonic()))
            self._times.append(time.monotonic())

    def _taken(self) -> int:
        while self._times and self._times[0] <= time.monotonic() - self._per_s:
            self._times.popleft()
        return len(self._times)


class _Gate:
    """One chat's share."""

    def __init__(self, group: bool) -> None:
        self._group = group
        self._limiter = _Window(*_GROUP) if group else AsyncLimiter(*_PRIVATE)
        self._opens_s = 0.0

    def close_for(self, seconds: float) -> None:
        self._opens_s = max(self._opens_s, time.monotonic() + seconds)

    async def enter(self, may_wait: bool) -> None:
        if may_wait:
            await asyncio.sleep(max(0.0, self._opens_s - time.monotonic()))
        elif time.monotonic() < self._opens_s or not self._limiter.has_capacity(
            _KEPT_FOR_RESULTS if self._group else 1
        ):
            raise TooBusyError
        await self._limiter.acquire()


class Throttle(BaseRateLimiter[str]):
    """For ``ApplicationBuilder.rate_limiter``."""

    def __init__(self) -> None:
        self._gates: OrderedDict[str, _Gate] = OrderedDict()
        self._overall: AsyncLimiter | None = None

    async def initialize(self) -> None:
        """Begin: limiters belong to the running loop."""
        self._overall = AsyncLimiter(_OVERALL_PER_S, 1)

    async def shutdown(self) -> None:
        """Nothing to end."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Answer]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: str | None,
    ) -> Answer:
        """Send a request when its chat may have it, again after each "retry after".

        Raises:
            TooBusyError: Progress that was left out.
            RetryAfter: Of progress, or after many tries.
        """
        chat = data.get("chat_id")
        if chat is None or endpoint in _FREE or self._overall is None:
            return await callback(*args, **kwargs)
        gate, patient = self._gate(str(chat)), rate_limit_args != PROGRESS
        for tries_left in reversed(range(_TRIES)):
            await gate.enter(patient)
            await self._overall.acquire()
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as error:
                wait_s = _seconds(error)
                log.warning("%s: asked to wait %g s", endpoint, wait_s)
                gate.close_for(wait_s)
                if not patient or not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _gate(self, chat: str) -> _Gate:
        gate = self._gates.pop(chat, None) or _Gate(chat.startswith(("-", "@")))
        self._gates[chat] = gate
        if len(self._gates) > _CHATS:
            self._gates.popitem(last=False)
        return gate


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return float(wait) if isinstance(wait, int | float) else wait.total_seconds()
