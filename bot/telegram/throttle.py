"""Telegram's limits kept before they are met, its "retry after" honoured chat by chat, and its hiccups outlasted.

A flood limit is a chat's own: others are not held up by it (python-telegram-bot's own limiter
stops them all, and retries nothing by default). A request that failed for a moment's reason is made
again where that cannot do its work twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from aiolimiter import AsyncLimiter
from telegram.error import BadRequest, NetworkError, RetryAfter, TimedOut
from telegram.ext import BaseRateLimiter

log = logging.getLogger(__name__)

PROGRESS = "progress"  # for ``rate_limit_args``: may be left out, is never repeated
_FREE = frozenset({"answerCallbackQuery", "answerInlineQuery", "sendChatAction", "getChat", "getChatMember"})
_ORNAMENT = "sendChatAction"
_OVERALL_PER_S = 30
_GROUP = (20, 60)
_PRIVATE = (5, 5)  # one a second, with room for the first few of a conversation
_KEPT_FOR_RESULTS = 8  # of a group's twenty
_TRIES = 8
_PAUSES_S = (0.5, 1.0, 2.0)  # between the tries of one request while Telegram's servers fail
_CHATS = 4096

T = TypeVar("T")
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
        return self.free() >= amount

    def free(self) -> int:
        """How many could enter now."""
        return self._most - self._taken()

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

    def free(self) -> int:
        """How many requests need not wait; of a private chat's there are always enough."""
        return self._limiter.free() if isinstance(self._limiter, _Window) else _GROUP[0]

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
        """Send a request when its chat may have it, again after each "retry after" and each hiccup.

        Raises:
            TooBusyError: Progress that was left out.
            RetryAfter: Of progress, or after many tries.
            NetworkError: After some tries, or at once where nobody knows whether a message was sent.
        """
        if self._overall is None or endpoint == _ORNAMENT:
            return await callback(*args, **kwargs)
        chat = data.get("chat_id")
        gate = None if chat is None or endpoint in _FREE else self._gate(str(chat))
        patient = rate_limit_args != PROGRESS
        for tries_left in reversed(range(_TRIES)):
            if gate is not None:
                await gate.enter(patient)
                await self._overall.acquire()
            try:
                if not patient:
                    return await callback(*args, **kwargs)
                return await outlast(endpoint, lambda: callback(*args, **kwargs))
            except RetryAfter as error:
                wait_s = _seconds(error)
                log.warning("%s: asked to wait %g s", endpoint, wait_s)
                if gate is not None:
                    gate.close_for(wait_s)
                if not patient or not tries_left:
                    raise
                await asyncio.sleep(0 if gate else wait_s)
        raise AssertionError("the last try returns or raises")

    def free(self, chat_id: int) -> int:
        """How many messages a chat may have now."""
        return self._gate(str(chat_id)).free()

    def _gate(self, chat: str) -> _Gate:
        gate = self._gates.pop(chat, None) or _Gate(chat.startswith(("-", "@")))
        self._gates[chat] = gate
        if len(self._gates) > _CHATS:
            self._gates.popitem(last=False)
        return gate


async def outlast(endpoint: str, ask: Callable[[], Awaitable[T]]) -> T:
    """Make a request, and again over the hiccups of Telegram's servers.

    Args:
        endpoint: The method of the Bot API.
        ask: Makes it.

    Raises:
        NetworkError: After some tries, or at once where the same thing could be done twice.
    """
    for pause_s in _PAUSES_S:
        try:
            return await ask()
        except NetworkError as error:
            if not _may_repeat(error, endpoint):
                raise
            log.info("%s: %s, once more", endpoint, type(error).__name__)
        await asyncio.sleep(pause_s)
    return await ask()


def _may_repeat(error: NetworkError, endpoint: str) -> bool:
    """Whether to ask again may help, and cannot do anything twice.

    Whether a message was sent is not known where the line broke before the answer.
    """
    if isinstance(error, BadRequest):
        return False
    answered = not isinstance(error, TimedOut) and not error.message.startswith("httpx.")
    unsent = "httpx.ConnectError" in error.message
    return answered or unsent or not endpoint.startswith("send")


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return float(wait) if isinstance(wait, int | float) else wait.total_seconds()
