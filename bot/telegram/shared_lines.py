"""One line for all orders of a busy group: where its messages run short, an order has no line of its own.

A group gets twenty messages a minute, and an order with a line takes two of them: the line, and the edit that makes it
the picture. Near the limit orders share one line, and each picture comes as one new message.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import cast

import redis
from telegram import Bot
from telegram.error import TelegramError

from bot.telegram.posting import Post, Posting
from bot.telegram.throttle import Throttle
from bot.texts import say

_ROOM = 18  # messages of a group's twenty that have to be free for a line of one's own
_LIFE_S = 86_400


class SharedLines:
    """The lines of all groups; which message is one, and for which jobs, is kept in Redis.

    Args:
        bot: Telegram's.
        posting: Writes messages.
        connection: To the queue's Redis.
    """

    def __init__(self, bot: Bot, posting: Posting, connection: redis.Redis) -> None:
        self._bot, self._posting, self._connection = bot, posting, connection
        self._throttle = getattr(bot, "rate_limiter", None)
        self._to_come: Counter[int] = Counter()
        self._turns: dict[int, asyncio.Lock] = {}

    def has_room(self, chat_id: int) -> bool:
        """Whether an order may have a line of its own; one message for its end is held ready in any case."""
        free = self._throttle.free(chat_id) if isinstance(self._throttle, Throttle) else _ROOM
        room = chat_id > 0 or free - self._to_come[chat_id] >= _ROOM
        self._to_come[chat_id] += 1
        return room

    def ended(self, chat_id: int) -> None:
        """An order of a chat has had its last message."""
        self._to_come[chat_id] = max(0, self._to_come[chat_id] - 1)

    async def join(self, chat_id: int, thread_id: int, job_id: str, language: str) -> None:
        """Let an order share the line of its group."""
        async with self._turns.setdefault(chat_id, asyncio.Lock()):
            if await asyncio.to_thread(self._joined, chat_id, job_id):
                return
            post = Post(say("telegram.shared_line", language))
            with contextlib.suppress(TelegramError):  # the pictures come all the same
                sent = await self._posting.send(chat_id, post, thread_id=thread_id)
                await asyncio.to_thread(self._keep, chat_id, sent.message_id)

    async def leave(self, chat_id: int, job_id: str) -> None:
        """An order has its end; the line goes with the last one."""
        async with self._turns.setdefault(chat_id, asyncio.Lock()):
            message_id = await asyncio.to_thread(self._left, chat_id, job_id)
            if message_id:
                with contextlib.suppress(TelegramError):  # gone already
                    await self._bot.delete_message(chat_id, message_id)
                await asyncio.to_thread(self._connection.delete, _message(chat_id))

    def _joined(self, chat_id: int, job_id: str) -> bool:
        """Whether there is a line already."""
        with self._connection.pipeline() as pipe:
            pipe.sadd(_jobs(chat_id), job_id)
            pipe.expire(_jobs(chat_id), _LIFE_S)
            pipe.exists(_message(chat_id))
            return bool(pipe.execute()[-1])

    def _keep(self, chat_id: int, message_id: int) -> None:
        self._connection.set(_message(chat_id), message_id, ex=_LIFE_S)

    def _left(self, chat_id: int, job_id: str) -> int:
        """The line, where this was the last order that shared it; else 0."""
        if not self._connection.srem(_jobs(chat_id), job_id) or self._connection.scard(_jobs(chat_id)):
            return 0
        return int(cast("bytes | None", self._connection.get(_message(chat_id))) or 0)


def _jobs(chat_id: int) -> str:
    return f"pastiche:telegram:sharing:{chat_id}"


def _message(chat_id: int) -> str:
    return f"pastiche:telegram:shared:{chat_id}"
