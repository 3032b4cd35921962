"""What was asked and has no answer yet, written down before anything slow: after a kill the next process goes on.

A question is the platform's own update. It is handled again from its beginning, so handlers find out what of it was
done already: an order by its job's id, a message by its note. One process for each bot's token, as platforms want it.
"""

from __future__ import annotations

from typing import cast

import redis

_LIFE_S = 86_400  # later nobody waits for an answer
_ANSWERED_S = 3600  # platforms that doubt that a question came send it again within that
_ANSWERED = b""


class Journal:
    """A frontend's open questions in Redis; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis.
        frontend: Whose.
    """

    def __init__(self, connection: redis.Redis, frontend: str) -> None:
        self._connection = connection
        self._prefix = f"pastiche:asked:{frontend}:"
        self._mine: set[str] = set()

    def open(self, name: str, question: str) -> bool:
        """Write a question down.

        Args:
            name: The same when it comes again.
            question: All of it.

        Returns:
            False if it was answered, or is just being answered here.

        Raises:
            OperatorError, BusyError: The store takes nothing.
        """
        if name in self._mine:
            return False
        fresh = self._connection.set(self._prefix + name, question, nx=True, ex=_LIFE_S)
        if not fresh and self._connection.get(self._prefix + name) == _ANSWERED:
            return False
        self._mine.add(name)
        return True

    def close(self, name: str) -> None:
        """A question has its answer: what it said is forgotten, and that it was asked is known for an hour."""
        self._connection.set(self._prefix + name, _ANSWERED, ex=_ANSWERED_S)
        self._mine.discard(name)

    def earlier(self) -> dict[str, bytes]:
        """Questions that another process left open, by name; the oldest first where names count up."""
        keys = [key.decode() for key in self._connection.scan_iter(match=f"{self._prefix}*", count=1000)]
        texts = cast("list[bytes | None]", self._connection.mget(keys)) if keys else []
        left = {key.removeprefix(self._prefix): text for key, text in zip(keys, texts, strict=True) if text}
        ordered = sorted(left, key=lambda name: (len(name), name))
        return {name: left[name] for name in ordered if name not in self._mine}
