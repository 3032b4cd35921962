"""Connections to Redis that survive its restart and never show its password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import redis.asyncio
import redis.client
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError, NoScriptError, RedisError, ResponseError

from nst.errors import BusyError, OperatorError
from nst.secrecy import HIDDEN, SOUND, Secrets, is_sound, secrets_in
from workers.store import sentinel
from workers.store.refusals import FULL, UNSAVING, AsyncWaitingRetry, WaitingRetry, refusal, said

SCHEMES = ("redis", "rediss", "unix", *sentinel.SCHEMES)
PATIENT = 60  # tries of a worker: about 110 s, long enough for a restart of Redis
POLITE = 6  # tries of a frontend: about 2 s, then its user is told
_REFUSED_S, _REFUSED_POLITELY_S = 15.0, 2.0  # so long what Redis refuses is tried again; less than a job may take
SOCKET_TIMEOUT_S = 15.0  # above every BLOCK that is used here; redis-py's own 5 s would cut them off
_POLITE_TIMEOUT_S = 5.0  # of one answer, where nobody blocks and somebody waits; a host that vanished answers nothing
_PROBE = 2
_CONNECT_TIMEOUT_S = 3.0
_HEALTH_CHECK_S = 15


class StoreError(OperatorError, RedisError):
    """Redis is away, or cannot save: for handlers of either tree."""


class StoreBusyError(BusyError, RedisError):
    """Redis has no memory left."""


class _Spoken(redis.Redis):
    """Redis as frontends have it: what goes wrong with the store is one of the project's own errors."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        with _translated():
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> redis.client.Pipeline:
        return _SpokenPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class _SpokenPipeline(redis.client.Pipeline):
    def execute(self, raise_on_error: bool = True) -> list[Any]:
        with _translated():
            return super().execute(raise_on_error)


def connect(redis_url: str, retries: int = POLITE) -> redis.Redis:
    """Connect and check that Redis answers.

    Args:
        redis_url: ``redis://``, ``rediss://`` (TLS), ``unix://``, or the master that sentinels name
            (``workers.store.sentinel``), with password where needed.
        retries: Tries of every command while Redis is away, 0.05 s to 2 s apart. Up to ``POLITE``, an answer
            that does not come is not waited for again: whoever asked has waited long enough, and is told what
            ``speaking_redis`` says.

    Raises:
        OperatorError: ``bad_setting`` for an address of another kind, ``queue_unavailable`` if
            Redis does not answer; neither shows the password.
    """
    _check(redis_url)
    with speaking_redis(redis_url), _open(redis_url, _PROBE, redis.Redis) as probe:
        # A first connection fails soon even where later commands are patient: an address may be wrong.
        probe.ping()
    return _open(redis_url, retries, _Spoken if retries <= POLITE else redis.Redis)


async def connect_async(redis_url: str, retries: int = PATIENT) -> redis.asyncio.Redis:
    """The asynchronous twin of ``connect``, for the long-lived readers of a frontend.

    Args:
        redis_url: As in ``connect``.
        retries: As in ``connect``; patient by default, because readers wait in the background.

    Raises:
        OperatorError: As in ``connect``.
    """
    await asyncio.to_thread(lambda: connect(redis_url).close())
    options = _options(redis_url) | {"retry": AsyncWaitingRetry(_backoff(), retries, _REFUSED_S)}
    if _behind_sentinel(redis_url):
        return sentinel.SentinelAddress.parse(redis_url).async_client(options)
    return redis.asyncio.Redis.from_url(redis_url, **options)


@contextmanager
def speaking_redis(redis_url: str = "") -> Iterator[None]:
    """Turn redis-py's errors into the project's own; a polite connection's commands do so by themselves.

    Args:
        redis_url: Its password is struck out of the reason.

    Raises:
        BusyError: ``store_full``: Redis has no memory left.
        OperatorError: ``queue_unavailable`` or ``queue_cannot_save`` (its disk is full, or closed to it) with the
            reason.
    """
    try:
        yield
    except (StoreError, StoreBusyError):
        raise
    except (RedisError, OSError) as error:
        raise _told(error, redis_url) from None


def _told(error: RedisError | OSError, redis_url: str) -> StoreError | StoreBusyError:
    word = refusal(error)
    told: StoreError | StoreBusyError
    if word == FULL:
        told = StoreBusyError("store_full")
    else:
        code = "queue_cannot_save" if word == UNSAVING else "queue_unavailable"
        told = StoreError(code, {"reason": _reason(error, redis_url)})
    told.status_code = word or None  # it stays a refusal
    return told


@contextmanager
def _translated() -> Iterator[None]:
    """``speaking_redis`` for single commands: what is no trouble of the store stays what it is."""
    try:
        yield
    except NoScriptError:  # redis-py loads the script then
        raise
    except (RedisError, OSError) as error:
        if isinstance(error, ResponseError) and not refusal(error):
            raise
        with speaking_redis():
            raise


def _open(redis_url: str, retries: int, kind: type[redis.Redis]) -> redis.Redis:
    try:
        options = _options(redis_url) | {"retry": WaitingRetry(_backoff(), retries, _REFUSED_S)}
        if retries <= POLITE:
            retry = WaitingRetry(_backoff(), retries, _REFUSED_POLITELY_S, (ConnectionError,))
            options |= {"retry": retry, "socket_timeout": _POLITE_TIMEOUT_S}
        if _behind_sentinel(redis_url):
            return sentinel.SentinelAddress.parse(redis_url).client(options, kind)
        return kind.from_url(redis_url, **options)
    except ValueError:  # a port that is no number, say; what it is stays unsaid
        raise OperatorError("queue_unavailable", {"reason": "its address cannot be read"}) from None


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
    """Refuse an address that somebody may read in another way than its owner: the pieces would be in errors."""
    allowed = ", ".join(f"{name}://" for name in SCHEMES)
    if redis_url.partition("://")[0] in SCHEMES:
        if is_sound(redis_url):
            return
        allowed = SOUND
    raise OperatorError("bad_setting", {"setting": "REDIS_URL", "received": HIDDEN, "allowed": allowed})


def _reason(error: Exception, redis_url: str) -> str:
    return Secrets(secrets_in(redis_url)).strike(f"{type(error).__name__}: {said(error)}")[:200]
