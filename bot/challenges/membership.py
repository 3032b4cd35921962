"""Since when the bot knows somebody in a chat, for platforms that do not tell since when they are members."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import redis

from bot.challenges import keys
from bot.challenges.model import KEPT_S


class Seen:
    """Who was first seen when and where; one small write per sighting.

    Args:
        connection: To the queue's Redis.
        now_s: The time.
    """

    def __init__(self, connection: redis.Redis, now_s: Callable[[], float]) -> None:
        self._redis, self._now_s = connection, now_s

    def note(self, chat: str, user: str) -> None:
        """Somebody was seen in a chat; only the first time counts. Forgotten half a year after the last one."""
        with self._redis.pipeline() as pipe:
            pipe.hsetnx(keys.seen(user), chat, repr(self._now_s()))
            pipe.expire(keys.seen(user), KEPT_S)
            pipe.execute()

    def first(self, chat: str, user: str) -> float | None:
        """When somebody was first seen in a chat, or None."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.moved(chat))
            pipe.hgetall(keys.seen(user))
            before, seen = cast("tuple[bytes | None, dict[bytes, bytes]]", pipe.execute())
        times = [seen[name] for name in (chat.encode(), before) if name in seen]
        return min(map(float, times), default=None)

    def move(self, old: str, new: str) -> None:
        """A chat goes on under another key: for half a year, who was seen there was seen here."""
        self._redis.set(keys.moved(new), old, ex=KEPT_S)
