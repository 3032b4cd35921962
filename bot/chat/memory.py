"""Drafts of orders and last choices in Redis, so that buttons work after a restart.

A draft belongs to one message of one user in one chat. Two people in one group never see each
other's, because the user is part of every name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import cast

import redis

from bot.chat.conversation import Choice, Draft
from workers.contract import ContractError, fill, read_object
from workers.store import keys

# What a chat remembers of a user for a day: the picture they named as their style.
#
# Kept by chat and user, so that two people in one group never get each other's pictures.
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


_WAITING_S = 600  # a second picture after that is a new beginning


class Drafts:
    """All drafts; synchronous, call it in a thread. ``Sessions.forget`` deletes them with the rest.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def write(self, chat: str, user: str, message: str, draft: Draft) -> None:
        """Keep a draft for a day."""
        self._connection.set(_draft(chat, user, message), draft.to_json(), ex=keys.RESULT_TTL_S)

    def read(self, chat: str, user: str, message: str) -> Draft | None:
        """The draft of a message, if it is this user's and still kept."""
        text = cast("bytes | None", self._connection.get(_draft(chat, user, message)))
        try:
            return Draft.from_json(text) if text else None
        except ContractError:
            return None  # of a release that is not our neighbour

    def take(self, chat: str, user: str, message: str) -> bool:
        """Delete a draft; False if another press was faster."""
        return bool(self._connection.delete(_draft(chat, user, message)))

    def wait_in(self, chat: str, user: str, message: str) -> None:
        """Note that a draft waits for its style: a second picture may be that."""
        self._connection.set(_waiting(chat, user), message, ex=_WAITING_S)

    def waiting(self, chat: str, user: str) -> Draft | None:
        """The draft that waits for its style, or None."""
        message = cast("bytes | None", self._connection.get(_waiting(chat, user)))
        return self.read(chat, user, message.decode()) if message else None

    def wait_no_more(self, chat: str, user: str) -> None:
        """The style was found."""
        self._connection.delete(_waiting(chat, user))

    def note_choice(self, user: str, choice: Choice) -> None:
        """Remember what a user chose, in all chats, for a day."""
        self._connection.set(_choice(user), json.dumps(asdict(choice)), ex=keys.RESULT_TTL_S)

    def last_choice(self, user: str) -> Choice | None:
        """What a user chose last, or None."""
        text = cast("bytes | None", self._connection.get(_choice(user)))
        try:
            return fill(Choice, read_object(text)) if text else None
        except ContractError:
            return None


def _draft(chat: str, user: str, message: str) -> str:
    return f"pastiche:session:{chat}:{user}:draft:{message}"


def _waiting(chat: str, user: str) -> str:
    return f"pastiche:session:{chat}:{user}:waiting"


def _choice(user: str) -> str:
    return f"pastiche:session:every:{user}:choice"
