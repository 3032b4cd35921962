"""What the private chat about challenges remembers of a user: the wizard's form, and what was asked last.

``Sessions.forget`` deletes all of it with the rest.
"""

from __future__ import annotations

from typing import cast

import redis

from bot.telegram.challenges.form import Form
from workers.contract import ContractError
from workers.store import keys

_ASKED_S = 900  # what is written later than that answers something else
_NOTED_S = 60 * 86_400  # the longest that a challenge takes entries


class Notebook:
    """In Redis; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def write_form(self, user: str, form: Form) -> None:
        """Keep a form for a day."""
        self._connection.set(_name(user, "form"), form.to_json(), ex=keys.RESULT_TTL_S)

    def form(self, user: str) -> Form | None:
        """The form that a user fills in."""
        text = cast("bytes | None", self._connection.get(_name(user, "form")))
        try:
            return Form.from_json(text) if text else None
        except ContractError:
            return None  # of a release that is not our neighbour

    def drop_form(self, user: str) -> None:
        """It was handed in."""
        self._connection.delete(_name(user, "form"))

    def ask(self, user: str, what: str, *more: str) -> None:
        """The user's next message in private answers this."""
        self._connection.set(_name(user, "asked"), "|".join((what, *more)), ex=_ASKED_S)

    def asked(self, user: str) -> list[str]:
        """What was asked, and what belongs to it; empty if nothing was."""
        text = cast("bytes | None", self._connection.get(_name(user, "asked")))
        return text.decode().split("|") if text else []

    def answered(self, user: str) -> None:
        """Nothing is asked any more."""
        self._connection.delete(_name(user, "asked"))

    def note(self, user: str, challenge_id: str, chat_id: int) -> None:
        """The user came to a challenge from a chat: results in private can be entered there, too."""
        with self._connection.pipeline() as pipe:
            pipe.hset(_name(user, "noted"), challenge_id, chat_id)
            pipe.expire(_name(user, "noted"), _NOTED_S)
            pipe.execute()

    def noted(self, user: str) -> dict[str, int]:
        """Challenges that the user came to, and from which chat."""
        found = cast("dict[bytes, bytes]", self._connection.hgetall(_name(user, "noted")))
        return {name.decode(): int(chat) for name, chat in found.items()}


def _name(user: str, what: str) -> str:
    return f"pastiche:session:every:{user}:challenge-{what}"
