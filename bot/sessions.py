"""What a chat remembers of a user for a day: the picture they named as their style.

Kept by chat and user, so that two people in one group never get each other's pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import redis

from workers import keys
from workers.connection import speaking_redis


class Sessions:
    """Sessions in Redis; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def note_style(self, chat: str, user: str, digest: str) -> None:
        """Remember a stored picture as the user's style in this chat.

        Args:
            chat: Opaque key of the chat.
            user: Opaque key of the user.
            digest: The picture's blob hash.
        """
        with speaking_redis():
            self._connection.set(_style(chat, user), digest, ex=keys.RESULT_TTL_S)

    def noted_style(self, chat: str, user: str) -> str:
        """The blob hash of the user's style in this chat, as long as it is kept; or ""."""
        with speaking_redis():
            digest = (cast("bytes | None", self._connection.get(_style(chat, user))) or b"").decode()
            return digest if digest and self._connection.exists(keys.blob(digest)) else ""

    def note_pictures(self, chat: str, user: str, name: str, pictures: Sequence[str]) -> None:
        """Remember stored pictures that wait for a style together.

        Args:
            chat: Opaque key of the chat.
            user: Opaque key of the user.
            name: Of the question.
            pictures: Their blob hashes.
        """
        with speaking_redis():
            self._connection.set(_pictures(chat, user, name), " ".join(pictures), ex=keys.RESULT_TTL_S)

    def noted_pictures(self, chat: str, user: str, name: str) -> list[str]:
        """The blob hashes of pictures that wait for a style together; none where they are not remembered any more."""
        with speaking_redis():
            return (cast("bytes | None", self._connection.get(_pictures(chat, user, name))) or b"").decode().split()

    def forget(self, user: str) -> set[str]:
        """Delete everything that any chat remembers of a user.

        Returns:
            Hashes of the pictures that were remembered as styles: they are the caller's to delete.
        """
        styles = set()
        with speaking_redis():
            for name in self._connection.scan_iter(match=f"pastiche:session:*:{user}:*", count=1000):
                if name.endswith(b":style"):
                    styles.add((cast("bytes | None", self._connection.get(name)) or b"").decode())
                self._connection.delete(name)
        return styles - {""}


def _style(chat: str, user: str) -> str:
    return f"pastiche:session:{chat}:{user}:style"


def _pictures(chat: str, user: str, name: str) -> str:
    return f"pastiche:session:{chat}:{user}:pictures-{name}"
