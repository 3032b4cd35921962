"""What a chat remembers of a user for a day: the picture they named as their style.

Kept by chat and user, so that two people in one group never get each other's pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import redis

from workers import keys

_SPOILER = b"spoiler"
_NOTHING = "-"


@dataclass(frozen=True)
class NotedStyle:
    """A picture that somebody named as their style.

    Attributes:
        picture: Its blob hash.
        spoiler: Whether it came hidden: then so is all that is painted in it.
    """

    picture: str
    spoiler: bool = False


class Sessions:
    """Sessions in Redis; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def note_style(self, chat: str, user: str, style: NotedStyle) -> None:
        """Remember a stored picture as the user's style in this chat.

        Args:
            chat: Opaque key of the chat.
            user: Opaque key of the user.
            style: The picture.
        """
        words = style.picture.encode() + (b" " + _SPOILER if style.spoiler else b"")
        self._connection.set(_style(chat, user), words, ex=keys.RESULT_TTL_S)

    def noted_style(self, chat: str, user: str) -> NotedStyle | None:
        """Find the user's style in this chat; None where there is none, or its picture is kept no longer."""
        style = _style_in(cast("bytes | None", self._connection.get(_style(chat, user))))
        return style if style and self._connection.exists(keys.blob(style.picture)) else None

    def note_pictures(self, chat: str, user: str, name: str, pictures: Sequence[str]) -> None:
        """Remember stored pictures that wait for a style together.

        Args:
            chat: Opaque key of the chat.
            user: Opaque key of the user.
            name: Of the question.
            pictures: Their blob hashes, "" in the place of one that cannot be painted.
        """
        words = " ".join(picture or _NOTHING for picture in pictures)
        self._connection.set(_pictures(chat, user, name), words, ex=keys.RESULT_TTL_S)

    def noted_pictures(self, chat: str, user: str, name: str) -> list[str]:
        """Find the pictures that wait for a style together, as noted; none where they are not remembered any more."""
        text = (cast("bytes | None", self._connection.get(_pictures(chat, user, name))) or b"").decode()
        return ["" if word == _NOTHING else word for word in text.split()]

    def forget(self, user: str) -> set[str]:
        """Delete everything that any chat remembers of a user.

        Returns:
            Hashes of the pictures that were remembered as styles: they are the caller's to delete.
        """
        styles = set()
        for name in self._connection.scan_iter(match=f"pastiche:session:*:{user}:*", count=1000):
            if name.endswith(b":style") and (style := _style_in(cast("bytes | None", self._connection.get(name)))):
                styles.add(style.picture)
            self._connection.delete(name)
        return styles


def _style_in(words: bytes | None) -> NotedStyle | None:
    picture, *marks = (words or b"").split() or [b""]
    return NotedStyle(picture.decode(), _SPOILER in marks) if picture else None


def _style(chat: str, user: str) -> str:
    return f"pastiche:session:{chat}:{user}:style"


def _pictures(chat: str, user: str, name: str) -> str:
    return f"pastiche:session:{chat}:{user}:pictures-{name}"
