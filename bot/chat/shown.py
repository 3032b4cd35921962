"""Which pictures were shown where: to a chat, to one person, to a browser session. In Redis, for a day each.

Synchronous, like the queue's client: call it in threads.
"""

from __future__ import annotations

import time
from collections.abc import Collection

import redis

from workers.store import keys

_TTL_S = keys.RESULT_TTL_S  # as long as results and pictures live (README, "What is kept")
_PREFIX = "pastiche:shown:"


class Shown:
    """What every place has seen.

    Args:
        connection: To the queue's Redis. Every method raises ``OperatorError("queue_unavailable")`` when it is away.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def note(self, place: str, *digests: str) -> None:
        """Note that pictures were shown somewhere.

        Args:
            place: Key of a chat or channel, of a person, of a browser session.
            digests: Blob hashes; "" is skipped.
        """
        now_s, name = time.time(), _PREFIX + place
        shown = {digest: now_s for digest in digests if digest}
        if not shown:
            return
        with self._connection.pipeline(transaction=False) as pipe:
            pipe.zadd(name, shown)
            pipe.zremrangebyscore(name, 0, now_s - _TTL_S)
            pipe.expire(name, _TTL_S)
            pipe.execute()

    def has(self, place: str, digest: str) -> bool:
        """Whether a picture was shown there within the last day."""
        with self._connection.pipeline(transaction=False) as pipe:
            pipe.zscore(_PREFIX + place, digest)
            pipe.sismember(_visible(place), digest)
            noted_s, visible = pipe.execute()
        return bool(visible) or (noted_s is not None and float(noted_s) > time.time() - _TTL_S)

    def hide(self, place: str, digest: str) -> None:
        """A picture was taken away from where it was shown."""
        with self._connection.pipeline(transaction=False) as pipe:
            pipe.zrem(_PREFIX + place, digest)
            pipe.srem(_visible(place), digest)
            pipe.execute()

    def move(self, old: str, new: str) -> None:
        """A place goes on under another key: what was shown there was shown here."""
        with self._connection.pipeline() as pipe:
            pipe.zunionstore(_PREFIX + new, [_PREFIX + old, _PREFIX + new], aggregate="MAX")
            pipe.expire(_PREFIX + new, _TTL_S)
            pipe.delete(_PREFIX + old)
            pipe.execute()

    def forget(self, user: str, digests: Collection[str]) -> None:
        """Forget what somebody has seen, and where pictures of theirs were shown.

        Args:
            user: Their key.
            digests: Blob hashes of their pictures.
        """
        self._connection.delete(_PREFIX + user, _visible(user))
        for name in self._connection.scan_iter(match=f"{_PREFIX}*", count=1000) if digests else ():
            self._connection.zrem(name, *digests)


def _visible(session: str) -> str:
    """Where releases before this one noted what a browser session may see."""
    return f"pastiche:web:visible:{session}"
