"""Albums: pictures that arrive one by one, in any order, and belong together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from telegram import Message
from telegram.error import TelegramError

_QUIET_S = 2.2  # items come up to two seconds apart
_MOST = 10

Whole = Callable[[list[Message]], Awaitable[None]]


class Albums:
    """Collects them; a single picture never comes here.

    Args:
        whole: Gets each album once, in the order of its messages.
        quiet_s: Seconds without another item after which an album is whole.
    """

    def __init__(self, whole: Whole, quiet_s: float = _QUIET_S) -> None:
        self._whole = whole
        self._quiet_s = quiet_s
        self._open: dict[tuple[int, str], dict[int, Message]] = {}
        self._timers: dict[tuple[int, str], asyncio.TimerHandle] = {}
        self._ends: dict[tuple[int, str], asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, message: Message) -> asyncio.Future[None]:
        """One item of an album; the same one twice counts once.

        Returns:
            Done, or failed, when the whole album is.
        """
        name = (message.chat.id, message.media_group_id or "")
        ends = self._ends.setdefault(name, asyncio.get_running_loop().create_future())
        items = self._open.setdefault(name, {})
        items[message.message_id] = message
        if name in self._timers:
            self._timers.pop(name).cancel()
        if len(items) >= _MOST:
            self._close(name)
        else:
            self._timers[name] = asyncio.get_running_loop().call_later(self._quiet_s, self._close, name)
        return ends

    def add_if_open(self, message: Message) -> asyncio.Future[None] | None:
        """An item that is for us only because another item of its album is."""
        return self.add(message) if (message.chat.id, message.media_group_id or "") in self._open else None

    async def flush(self) -> None:
        """Hand over what is there: the process is about to end."""
        for name in list(self._open):
            self._close(name)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _close(self, name: tuple[int, str]) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
        items, ends = self._open.pop(name, {}), self._ends.pop(name, None)
        if items and ends:
            task = asyncio.ensure_future(self._hand_over([items[number] for number in sorted(items)], ends))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _hand_over(self, items: list[Message], ends: asyncio.Future[None]) -> None:
        try:
            await self._whole(items)
        except TelegramError as error:  # what the boundary leaves: every item's own handler asks again
            ends.set_exception(error)
            ends.exception()  # the last item's handler may be gone
        else:
            ends.set_result(None)
