"""Totals for the metrics, in Redis: a restart resets none, a year in which nothing is counted resets all."""

from __future__ import annotations

import redis

from workers.store import keys


def count(connection: redis.Redis, name: str) -> None:
    """Count one more.

    Args:
        connection: To the queue's Redis.
        name: Of the total, and its labels, with colons between: ``retries:fast``.
    """
    with connection.pipeline() as pipe:
        pipe.hincrby(keys.COUNTERS, name, 1)
        pipe.expire(keys.COUNTERS, keys.LASTING_TTL_S)
        pipe.execute()
