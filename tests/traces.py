"""What a Redis still tells of somebody: all keys and all that is in them, searched for traces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import redis


def everything(connection: redis.Redis) -> dict[bytes, bytes]:
    """All keys, each with its name and all that is in it as bytes."""
    readers: dict[Any, Callable[[Any], Any]] = {
        b"string": connection.get,
        b"hash": connection.hgetall,
        b"list": lambda name: connection.lrange(name, 0, -1),
        b"set": connection.smembers,
        b"zset": lambda name: connection.zrange(name, 0, -1, withscores=True),
        b"stream": connection.xrange,
    }
    names = list(connection.scan_iter(count=1000))
    kinds = {name: connection.type(name) for name in names}
    return {name: name + b" " + _flat(readers[kind](name)) for name, kind in kinds.items() if kind in readers}


def traces_left(connection: redis.Redis, traces: Iterable[str | bytes], but: Iterable[str] = ()) -> list[str]:
    """Which of the traces are found, and where.

    Args:
        connection: To the Redis to be searched.
        traces: Names, words, digests, ids or bytes.
        but: Keys that may keep them.
    """
    kept = {name.encode() for name in but}
    found = everything(connection)
    wanted = {trace if isinstance(trace, bytes) else trace.encode() for trace in traces}
    return [
        f"{name!r}: {trace[:64]!r}"
        for name, text in found.items()
        if name not in kept
        for trace in wanted
        if trace in text
    ]


def _flat(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple | set):
        return b" ".join(map(_flat, value))
    return str(value).encode()
