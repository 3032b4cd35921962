"""What Redis refuses for a while without being away, and how that is waited out.

A replica is being promoted, too few replicas listen, memory or disk are full, a script or a start takes its time:
nothing was changed then, so the same command is right a moment later.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from prometheus_client import Gauge
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

T = TypeVar("T")
Fail = Callable[..., object]

WAITING = Gauge("pastiche_store_refuses", "Waits of this process for a Redis that refuses, by its word.", ["word"])
FULL, UNSAVING = "OOM", "MISCONF"
_LONG = frozenset({FULL, UNSAVING, "NOSCRIPT"})  # no use to ask the same again within seconds
_WORD = re.compile(
    r"(?:^|[\s-])(OOM|MISCONF|READONLY|NOREPLICAS|UNBLOCKED|BUSY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOSCRIPT) "
)
_DEMOTED = "The previous master is now a slave"  # redis-py's own words for READONLY behind Sentinel
_PAUSE_S = 1.0


def refusal(error: BaseException) -> str:
    """Redis' word for why it refused a command, or a script's, that will pass later.

    Returns:
        ``"READONLY"``, say; "" for any other error.
    """
    if not isinstance(error, RedisError):
        return ""
    text = said(error)
    found = _WORD.search(f"{error.status_code or ''} {text}")
    return found[1] if found else "READONLY" if text == _DEMOTED else ""


def wait_out(error: RedisError, pause_s: float = _PAUSE_S) -> None:
    """Say what Redis refuses, and let a moment pass.

    Args:
        error: What a command raised.
        pause_s: How long.

    Raises:
        RedisError: ``error`` itself, if that is no refusal.
    """
    word = refusal(error)
    if not word:
        raise error
    log.error("Redis takes nothing now (%s); nothing is lost, and nothing is done until it does", _sentence(error))
    with WAITING.labels(word).track_inprogress():
        time.sleep(pause_s)


class _Spell:
    """How long one command has been refused so far."""

    def __init__(self, patience_s: float) -> None:
        self._ends_s = time.monotonic() + patience_s
        self._backoff = ExponentialWithJitterBackoff(base=0.05, cap=1)
        self._failures = 0

    def pause_s(self, error: RedisError) -> float:
        """Seconds to wait before the command is tried again; the error is raised where that is of no use."""
        if refusal(error) in _LONG | {""} or time.monotonic() >= self._ends_s:
            raise error
        if not self._failures:
            log.warning("Redis takes nothing now (%s): the same is tried again", _sentence(error))
        self._failures += 1
        return self._backoff.compute(self._failures)

    def failed(self, fail: Fail, error: RedisError, counted: bool) -> object:
        """Tell redis-py, which closes the connection: the next one may lead to another master."""
        return fail(error, self._failures) if counted else fail(error)


class WaitingRetry(Retry):
    """redis-py's ``Retry``, for refusals as well as for lost connections.

    Args:
        backoff: Between two tries while Redis is away.
        retries: As many while it is away.
        patience_s: So long a refused command is tried again; shorter than any job's timeout.
        more: As ``Retry``'s.
    """

    def __init__(
        self, backoff: ExponentialWithJitterBackoff, retries: int, patience_s: float, *more: tuple[type[Exception], ...]
    ) -> None:
        super().__init__(backoff, retries, *more)
        self._patience_s = patience_s

    def call_with_retry(
        self,
        do: Callable[[], T],
        fail: Fail,
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """As the parent's."""
        spell: _Spell | None = None
        while True:
            try:
                return super().call_with_retry(do, fail, is_retryable, with_failure_count)
            except RedisError as error:
                spell = spell or _Spell(self._patience_s)
                pause_s = spell.pause_s(error)
                spell.failed(fail, error, with_failure_count)
                with WAITING.labels(refusal(error)).track_inprogress():
                    time.sleep(pause_s)


class AsyncWaitingRetry(AsyncRetry):
    """The asynchronous twin of ``WaitingRetry``.

    Args:
        backoff: As there.
        retries: As there.
        patience_s: As there.
    """

    def __init__(self, backoff: ExponentialWithJitterBackoff, retries: int, patience_s: float) -> None:
        super().__init__(backoff, retries)
        self._patience_s = patience_s

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[T]],
        fail: Fail,
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """As the parent's."""
        spell: _Spell | None = None
        while True:
            try:
                return await super().call_with_retry(do, fail, is_retryable, with_failure_count)
            except RedisError as error:
                spell = spell or _Spell(self._patience_s)
                pause_s = spell.pause_s(error)
                await spell.failed(fail, error, with_failure_count)  # type: ignore[misc]
                with WAITING.labels(refusal(error)).track_inprogress():
                    await asyncio.sleep(pause_s)


def said(error: BaseException) -> str:
    """What Redis said, without the command that a pipeline puts before it: that may hold a picture, or words."""
    return str(error).rpartition("caused error: ")[2]


def _sentence(error: RedisError) -> str:
    return f"{refusal(error)}: {said(error)}"[:120]
