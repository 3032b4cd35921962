"""Calls people to results that were long in coming: an edit makes no sound. Once for all that come together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram.error import TelegramError

from bot.telegram.posting import Post
from bot.texts import say
from nst.errors import PasticheError

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

_LOOKS_S = 1.0
_LONGEST_S = 30  # what comes later than that is worth a call of its own


@dataclass(frozen=True, kw_only=True)
class Call:
    """One result that somebody should look at.

    Attributes:
        chat_id: Where it is.
        thread_id: The forum topic, or 0.
        user_id: Telegram's id of who waits; a channel's cannot be called.
        user: The same one's key.
        answers: The message that the call replies to.
        done: Whether there is a picture.
        language: Theirs.
    """

    chat_id: int
    thread_id: int
    user_id: int
    user: str
    answers: int
    done: bool
    language: str


class Bell:
    """Collects calls for each person and chat until nothing more is to come.

    Args:
        front: The bot's belongings.
        delivering: How many results of a user are on their way to their chats.
    """

    def __init__(self, front: Frontend, delivering: Mapping[str, int]) -> None:
        self._front, self._delivering = front, delivering
        self._calls: dict[tuple[int, str], list[Call]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def ring(self, call: Call) -> None:
        """Call somebody soon; a process that ends before loses the sound, never the picture."""
        name = (call.chat_id, call.user)
        if name in self._calls:
            self._calls[name].append(call)
            return
        self._calls[name] = [call]
        task = asyncio.create_task(self._ring(name), name="bell")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """End all of it."""
        for task in self._tasks:
            task.cancel()

    async def _ring(self, name: tuple[int, str]) -> None:
        for _ in range(_LONGEST_S):
            if not await self._more_to_come(name[1]):
                break
            await asyncio.sleep(_LOOKS_S)
        calls = self._calls.pop(name)
        last, done = calls[-1], sum(call.done for call in calls)
        key = "telegram.ready_many" if done > 1 else "telegram.ready" if done else "telegram.ready_failed"
        calls_user = last.user_id if last.chat_id < 0 and last.user_id > 0 else 0
        post = Post(say(key, last.language, count=done), calls=calls_user)
        if await self._front.is_closed(last.chat_id):
            return
        with contextlib.suppress(TelegramError):  # the results themselves are there
            await self._front.posting.send(last.chat_id, post, last.answers, last.thread_id)

    async def _more_to_come(self, user: str) -> bool:
        if self._delivering.get(user):
            return True
        try:
            return bool(await self._front.service.jobs_of(user))
        except PasticheError:
            return False
