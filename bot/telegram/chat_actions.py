"""Telegram's "sending a photo …" while something is being painted."""

from __future__ import annotations

import asyncio
import time

from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import TelegramError

_EVERY_S = 4.5  # Telegram shows an action for five seconds


class ChatActions:
    """One action for a chat, however many jobs it has.

    Args:
        bot: Telegram's.
    """

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._until_s: dict[tuple[int, int], float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def show(self, chat_id: int, thread_id: int = 0, for_s: float = 6.0) -> None:
        """Show the action now and for some seconds more."""
        place, until_s = (chat_id, thread_id), time.monotonic() + for_s
        if place in self._until_s:
            self._until_s[place] = max(self._until_s[place], until_s)
            return
        self._until_s[place] = until_s
        task = asyncio.create_task(self._keep_showing(place), name="chat-action")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end(self, chat_id: int, thread_id: int = 0) -> None:
        """Not again; what is shown fades by itself, or with the next message."""
        if (chat_id, thread_id) in self._until_s:
            self._until_s[chat_id, thread_id] = 0.0

    def stop(self) -> None:
        """End all of it."""
        for task in self._tasks:
            task.cancel()

    async def _keep_showing(self, place: tuple[int, int]) -> None:
        chat_id, thread_id = place
        try:
            while time.monotonic() < self._until_s[place]:
                await self._bot.send_chat_action(chat_id, ChatAction.UPLOAD_PHOTO, message_thread_id=thread_id or None)
                await asyncio.sleep(_EVERY_S)
        except TelegramError:
            pass  # an ornament: never worth a second try
        finally:
            del self._until_s[place]
