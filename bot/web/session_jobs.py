"""What one browser session has: the jobs on its wall, and the pictures that it may see. In Redis, for a day.

Synchronous, like the queue's client: call it in threads.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import cast

import redis

from bot.chat.shown import Shown
from nst.errors import UserError
from workers.client.forgetting import note_of
from workers.contract import ContractError, Job, Result, read_object

_TTL_S = 86_400  # as long as results and pictures live (README, "What is kept")
STRIP = "strip"  # the name in ``reply_to`` of the strip that a job belongs to


def _wall(user: str) -> str:
    return f"pastiche:web:wall:{user}"


@dataclass(frozen=True)
class Entry:
    """A job on the wall.

    Attributes:
        job: The job.
        hung_at_s: Unix time since when it has a card of its own; 0 for one that is only a part of a strip.
    """

    job: Job
    hung_at_s: float

    @property
    def strip(self) -> str:
        """The strip that it belongs to, or ""."""
        return self.job.reply_to.get(STRIP, "")


class Album:
    """The walls of all sessions.

    Args:
        connection: To the queue's Redis. Every method raises ``OperatorError("queue_unavailable")`` when it is away.

    Attributes:
        shown: Which pictures each session may see.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self.shown = Shown(connection)

    def add(self, job: Job, result: Result | None = None) -> None:
        """Put a job on its user's wall, unless it is there.

        Args:
            job: Its user is the session's key; with ``reply_to["strip"]`` it becomes a part of that strip.
            result: What became of it, where that is known: its picture becomes visible.
        """
        hung_at_s = 0.0 if job.reply_to.get(STRIP) else job.submitted_at_s or time.time()
        wall = _wall(job.user)
        hung = ("HSETNX", wall, job.job_id, _packed(Entry(job, hung_at_s)))
        known = note_of(self._connection, job.job_id, hung, ("EXPIRE", wall, _TTL_S))
        if known:  # else it was forgotten
            self.shown.note(job.user, job.content, *((result.picture, result.time_lapse) if result else ()))

    def hang(self, user: str, job_id: str) -> Entry | None:
        """Give a part of a strip a card of its own.

        Returns:
            The entry as it is now, or None if the session has no such job.
        """
        entry = self.entry(user, job_id)
        if entry is None or entry.hung_at_s:
            return entry
        hung, wall = Entry(entry.job, time.time()), _wall(user)
        note_of(self._connection, job_id, ("HSET", wall, job_id, _packed(hung)), ("EXPIRE", wall, _TTL_S))
        return hung

    def entry(self, user: str, job_id: str) -> Entry | None:
        """One job of a session."""
        text = cast("bytes | None", self._connection.hget(_wall(user), job_id))
        return _unpacked(text) if text else None

    def entries(self, user: str) -> list[Entry]:
        """All jobs of a session, the oldest first."""
        texts = cast("list[bytes]", self._connection.hvals(_wall(user)))
        known = [entry for text in texts if (entry := _unpacked(text))]
        return sorted(known, key=lambda entry: (entry.job.submitted_at_s, entry.job.job_id))

    def forget(self, user: str) -> None:
        """Empty a session's wall."""
        self._connection.delete(_wall(user))

    def take_down(self, user: str, job_id: str, picture: str = "") -> None:
        """Take a job off the wall, and its picture out of sight.

        The bytes end with their time to live: another session may have painted the very same picture.

        Args:
            user: The session's key.
            job_id: Which job.
            picture: Its result's hash.
        """
        self._connection.hdel(_wall(user), job_id)
        self.shown.hide(user, picture)


def _packed(entry: Entry) -> str:
    return json.dumps({"hung_at_s": entry.hung_at_s, "job": entry.job.to_json()})


def _unpacked(text: bytes) -> Entry | None:
    """An entry; None for another release's that this one cannot read, so that the others hang all the same."""
    try:
        data = read_object(text)
        return Entry(Job.from_json(data["job"]), float(data["hung_at_s"]))
    except (ContractError, UserError, LookupError, TypeError):
        return None
