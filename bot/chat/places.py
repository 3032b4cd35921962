"""Places that are closed to the bot: it was removed or blocked, or they are gone. Nothing more is made for them."""

from __future__ import annotations

import contextlib

import redis

from nst.errors import UserError
from workers.client.client import QueueClient
from workers.store import keys


class Places:
    """Which places are closed; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis.
        queue: Where their jobs are.
    """

    def __init__(self, connection: redis.Redis, queue: QueueClient) -> None:
        self._connection, self._queue = connection, queue

    def leave(self, chat: str, channel_id: str = "") -> list[str]:
        """A place was closed: its unfinished jobs end, and their results are told to nobody.

        Args:
            chat: The chat's key, as the queue counts its jobs.
            channel_id: The channel, where only that one was closed and not the whole chat.

        Returns:
            The jobs that ended.
        """
        place = f"{chat.partition(':')[0]}:{channel_id}" if channel_id else chat
        self._connection.set(_closed(place), 1, ex=keys.OUTBOX_TTL_S)  # as long as results are kept for it
        ended = []
        for job in self._queue.jobs_in(chat):
            if channel_id in ("", job.reply_to.get("channel_id")):
                with contextlib.suppress(UserError):  # it ended meanwhile
                    if self._queue.cancel(job.job_id, job.user):
                        ended.append(job.job_id)
        return ended

    def enter(self, place: str) -> None:
        """A place is open, perhaps again."""
        self._connection.delete(_closed(place))

    def closed(self, *places: str) -> bool:
        """Whether one of these places is closed."""
        return bool(self._connection.exists(*map(_closed, places)))


def _closed(place: str) -> str:
    return f"pastiche:closed:{place}"
