"""What only Telegram needs to be remembered: requests seen, places of answers, moved groups, recent results."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import cast

import redis

from workers.client.forgetting import note_of
from workers.contract import ContractError, fill, read_object
from workers.store import keys

CALLED_OFF = -1
_RECENT = 50  # what an inline query may show
_MOVED_TTL_S = 30 * 86_400
_OF_JOBS = ("asked", "shown", "rung", "place")
_PARTS = ("-film-itself", "-film", "-itself")  # of an answer: messages of their own


@dataclass(frozen=True)
class RecentResult:
    """A result of one's own, as inline queries show it.

    Attributes:
        job_id: Its job.
        file_id: Telegram's id of the picture.
        caption: The line under it.
        document: Whether it was sent as a document.
    """

    job_id: str
    file_id: str
    caption: str
    document: bool = False


class Memory:
    """In Redis; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def asked(self, job_id: str) -> int | None:
        """What is known of a request that is not queued yet: its message, 0 for none, None if it is new."""
        noted = cast("bytes | None", self._connection.get(_name("asked", job_id)))
        return None if noted is None else int(noted)

    def note_asked(self, job_id: str, message_id: int = 0) -> None:
        """A request was admitted, and shown in a message: whoever takes it up again does neither twice."""
        self._connection.set(_name("asked", job_id), message_id, ex=keys.RESULT_TTL_S)

    def call_off(self, job_id: str) -> bool:
        """Somebody wants a request no more; False if it is not on its way."""
        return bool(self._connection.set(_name("asked", job_id), CALLED_OFF, xx=True, ex=keys.RESULT_TTL_S))

    def never_mind(self, job_id: str) -> None:
        """A request came to nothing: it may be made again."""
        self._connection.delete(_name("asked", job_id))

    def note_shown(self, key: str) -> None:
        """A result is to be seen."""
        self._note("shown", key, 1)

    def shown(self, key: str) -> bool:
        """Whether a result was to be seen already."""
        return bool(self._connection.exists(_name("shown", key)))

    def first_ring(self, key: str) -> bool:
        """Whether nobody was called to a result yet; true once only."""
        return self._note("rung", key, 1, "NX")

    def note_place(self, key: str, message_id: int) -> None:
        """A new message was made for a result whose own is gone."""
        self._note("place", key, message_id)

    def place(self, key: str) -> int:
        """The message that was made for a result, or 0."""
        return int(cast("bytes | None", self._connection.get(_name("place", key))) or 0)

    def forget(self, job_ids: Collection[str]) -> None:
        """Delete what is noted of jobs, and of the strips that they are part of."""
        about = sorted({*job_ids, *(job_id.rpartition("-")[0] for job_id in job_ids)} - {""})
        names = [_name(what, key + more) for key in about for what in _OF_JOBS for more in ("", *_PARTS)]
        for first in range(0, len(names), 1000):
            self._connection.delete(*names[first : first + 1000])

    def note_move(self, old_chat: int, new_chat: int) -> None:
        """A group became a supergroup."""
        self._connection.set(_name("moved", str(old_chat)), new_chat, ex=_MOVED_TTL_S)

    def home(self, chat: int) -> int:
        """Where a chat is now."""
        return int(cast("bytes | None", self._connection.get(_name("moved", str(chat)))) or chat)

    def note_recipe(self, user: str, code: str) -> None:
        """The user's next picture is to be painted by a recipe."""
        self._connection.set(_recipe(user), code, ex=keys.RESULT_TTL_S)

    def take_recipe(self, user: str) -> str:
        """The recipe that waited for a picture, once; or ""."""
        return (cast("bytes | None", self._connection.getdel(_recipe(user))) or b"").decode()

    def note_result(self, user: str, result: RecentResult) -> None:
        """Keep a user's newest results at hand for a day; ``Sessions.forget`` deletes them."""
        name = _results(user)
        note_of(
            self._connection,
            result.job_id,
            ("LPUSH", name, json.dumps(asdict(result))),
            ("LTRIM", name, 0, _RECENT - 1),
            ("EXPIRE", name, keys.RESULT_TTL_S),
        )

    def _note(self, what: str, key: str, value: int, *more: str) -> bool:
        job_id = re.sub(f"({'|'.join(_PARTS)})$", "", key)
        return note_of(self._connection, job_id, ("SET", _name(what, key), value, "EX", keys.OUTBOX_TTL_S, *more))

    def results(self, user: str) -> list[RecentResult]:
        """A user's results, the newest first, each once."""
        texts = cast("list[bytes]", self._connection.lrange(_results(user), 0, -1))
        found = []
        for text in texts:
            with contextlib.suppress(ContractError):  # of a release that is not our neighbour
                found.append(fill(RecentResult, read_object(text)))
        return list({result.job_id: result for result in reversed(found)}.values())[::-1]


def _name(what: str, key: str) -> str:
    return f"pastiche:telegram:{what}:{key}"


def _results(user: str) -> str:
    return f"pastiche:session:every:{user}:results"


def _recipe(user: str) -> str:
    return f"pastiche:session:every:{user}:recipe"
