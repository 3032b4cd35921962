"""Deletes from the byte store what Redis knows no more: blobs that expired, and what killed processes left."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import redis
from redis.exceptions import RedisError

from nst.errors import OperatorError
from workers.store import keys
from workers.store.byte_stores import ByteStore

log = logging.getLogger(__name__)

EVERY_S = 3600
_GRACE_S = 3600.0  # bytes are written before Redis names them
_AT_ONCE = 500


def sweep(connection: redis.Redis, store: ByteStore, grace_s: float = _GRACE_S) -> int:
    """Look through the whole store once.

    Args:
        connection: To the queue's Redis.
        store: Whose names are asked for in Redis.
        grace_s: What is younger is left alone.

    Returns:
        How many were deleted.
    """
    old = (name for name, age_s in store.aged() if age_s > grace_s)
    count = 0
    for names in _batches(old):
        with connection.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.exists(keys.blob(name))
            unknown = [name for name, known in zip(names, pipe.execute(), strict=True) if not known]
        store.delete(*unknown)
        count += len(unknown)
    return count


def _batches(names: Iterator[str]) -> Iterator[Sequence[str]]:
    while batch := list(islice(names, _AT_ONCE)):
        yield batch


def sweep_in_turn(connection: redis.Redis, store: ByteStore, every_s: int = EVERY_S) -> int:
    """Sweep unless some process did so within ``every_s``; how many were deleted."""
    if not connection.set(keys.SWEEP_LOCK, 1, nx=True, ex=every_s):
        return 0
    return sweep(connection, store)


def keep_sweeping(connection: redis.Redis, store: ByteStore, ended: Callable[[float], bool]) -> threading.Thread:
    """Sweep in a thread until ``ended``, which waits so many seconds and says whether it is over."""

    def run() -> None:
        while not ended(EVERY_S / 10):
            try:
                sweep_in_turn(connection, store)
            except (RedisError, OperatorError, OSError) as error:
                log.warning("The byte store cannot be swept now: %s", type(error).__name__)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
