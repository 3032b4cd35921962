"""Connections to Redis that survive its restart and never show its password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError, OutOfMemoryError, RedisError
from redis.retry import Retry

from nst.errors import BusyError, OperatorError
from workers import sentinel

SCHEMES = ("redis", "rediss", "unix", *sentinel.SCHEMES)
PATIENT = 60  # tries of a worker: about 110 s, long enough for a restart of Redis
POLITE = 6  # tries of a frontend: about 2 s, then its user is told
SOCKET_TIMEOUT_S = 15.0  # above every BLOCK that is used here; redis-py's own 5 s would cut them off
_POLITE_TIMEOUT_S = 5.0  # of one answer, where nobody blocks and somebody waits; a host that vanished answers nothing
_PROBE = 2
_CONNECT_TIMEOUT_S = 3.0
_HEALTH_CHECK_S = 15


def connect(redis_url: str, retries: int = POLITE) -> redis.Redis:
    """Connect and check that Redis answers.

    Args:
        redis_url: ``redis://``, ``rediss://`` (TLS), ``unix://``, or the master that sentinels name
            (``workers.sentinel``), with password where needed.
        retries: Tries of every command while Redis is away, 0.05 s to 2 s apart. Up to ``POLITE``, an answer
            that does not come is not waited for again: whoever asked has waited long enough.

    Raises:
        OperatorError: ``bad_setting`` for an address of another kind, ``queue_unavailable`` if
            Redis does not answer; neither shows the password.
    """
    _check(redis_url)
    with speaking_redis(redis_url), _open(redis_url, _PROBE) as probe:
        # A first connection fails soon even where later commands are patient: an address may be wrong.
        probe.ping()
    return _open(redis_url, retries)


async def connect_async(redis_url: str, retries: int = PATIENT) -> redis.asyncio.Redis:
    """The asynchronous twin of ``connect``, for the long-lived readers of a frontend.

    Args:
        redis_url: As in ``connect``.
        retries: As in ``connect``; patient by default, because readers wait in the background.

    Raises:
        OperatorError: As in ``connect``.
    """
    await asyncio.to_thread(lambda: connect(redis_url).close())
    options = _options(redis_url) | {"retry": AsyncRetry(_backoff(), retries)}
    if _behind_sentinel(redis_url):
        return sentinel.SentinelAddress.parse(redis_url).async_client(options)
    return redis.asyncio.Redis.from_url(redis_url, **options)


@contextmanager
def speaking_redis(redis_url: str = "") -> Iterator[None]:
    """Turn redis-py's errors into the project's own.

    Args:
        redis_url: Its password is struck out of the reason.

    Raises:
        BusyError: ``store_full``: Redis has no memory left.
        OperatorError: ``queue_unavailable`` or ``queue_cannot_save`` (its disk is full, or closed to it) with the
            reason.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        if out_of_memory(error):
            raise BusyError("store_full") from None
        if cannot_save(error):
            raise OperatorError("queue_cannot_save", {"reason": _reason(error, redis_url)}) from None
        raise OperatorError("queue_unavailable", {"reason": _reason(error, redis_url)}) from None


def out_of_memory(error: BaseException) -> bool:
    """Whether Redis refused a command, or a script's, because it has no memory left (``noeviction``)."""
    return isinstance(error, OutOfMemoryError) or "OOM command not allowed" in str(error)


def cannot_save(error: BaseException) -> bool:
    """Whether Redis refused a command, or a script's, because it could not write its file (``MISCONF``)."""
    return isinstance(error, RedisError) and "MISCONF" in str(error)


def _open(redis_url: str, retries: int) -> redis.Redis:
    try:
        options = _options(redis_url) | {"retry": Retry(_backoff(), retries)}
        if retries <= POLITE:
            retry = Retry(_backoff(), retries, supported_errors=(ConnectionError,))
            options |= {"retry": retry, "socket_timeout": _POLITE_TIMEOUT_S}
        if _behind_sentinel(redis_url):
            return sentinel.SentinelAddress.parse(redis_url).client(options)
        return redis.Redis.from_url(redis_url, **options)
    except ValueError as error:  # a port that is no number, say
        raise OperatorError("queue_unavailable", {"reason": _reason(error, redis_url)}) from None


def _behind_sentinel(redis_url: str) -> bool:
    return redis_url.startswith(sentinel.SCHEMES)


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(base=0.05, cap=2)


def _options(redis_url: str) -> dict[str, Any]:
    options: dict[str, Any] = {"socket_timeout": SOCKET_TIMEOUT_S, "health_check_interval": _HEALTH_CHECK_S}
    if not redis_url.startswith("unix:"):
        options |= {"socket_connect_timeout": _CONNECT_TIMEOUT_S, "socket_keepalive": True}
    return options


def _check(redis_url: str) -> None:
    scheme = redis_url.partition("://")[0] if "://" in redis_url else ""
    if scheme not in SCHEMES:
        allowed = ", ".join(f"{name}://" for name in SCHEMES)
        raise OperatorError("bad_setting", {"setting": "REDIS_URL", "received": scheme[:20], "allowed": allowed})


def _reason(error: Exception, redis_url: str) -> str:
    reason = f"{type(error).__name__}: {error}"
    try:
        parts = urlsplit(redis_url)
        password, others = parts.password, parse_qs(parts.query).get("sentinel_password", [])
    except ValueError:
        password, others = redis_url, []
    for secret in {password, unquote(password or ""), *others} - {None, ""}:
        reason = reason.replace(str(secret), "…")
    return reason[:200]
