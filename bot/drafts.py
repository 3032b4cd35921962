"""Drafts of orders and last choices in Redis, so that buttons work after a restart.

A draft belongs to one message of one user in one chat. Two people in one group never see each
other's, because the user is part of every name.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import cast

import redis

from bot.conversation import Choice, Draft
from workers import keys
from workers.contract import ContractError, fill, read_object

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
