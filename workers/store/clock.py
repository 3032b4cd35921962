"""The one clock: Redis' own.

Clocks of hosts may be days apart. So whatever is compared in Redis is written and compared by Redis' clock: in a
script by its ``TIME``, elsewhere by ``server_time_s``.
"""

from __future__ import annotations

import redis

from workers.store.connection import speaking_redis


def server_time_s(connection: redis.Redis) -> float:
    """Unix time by the clock of Redis, in one round trip.

    Args:
        connection: To the queue's Redis.

    Raises:
        OperatorError: ``queue_unavailable``.
    """
    with speaking_redis():
        seconds, microseconds = connection.time()
    return seconds + microseconds / 1e6
