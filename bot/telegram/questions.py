"""Updates on their way to an answer: written down first, asked again while Telegram is away, taken up after a kill."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from telegram import Update
from telegram.error import NetworkError, RetryAfter

from bot.telegram.boundary import last_try
from nst.errors import OperatorError, PasticheError

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

log = logging.getLogger(__name__)

Act = Callable[[Update], Awaitable[None]]
_PAUSES_S = (2.0, 5.0, 15.0, 30.0, 60.0)  # what Telegram's servers are given to come back, after a request's own tries


class Questions:
    """Carries updates out.

    Args:
        front: The bot's belongings.
        ended: Set when the process is about to end: what is not answered then, the next one answers.
    """

    def __init__(self, front: Frontend, ended: asyncio.Event) -> None:
        self._front, self._ended = front, ended

    async def ask(self, update: Update, act: Act) -> None:
        """Do what an update asks for; an update that comes twice is done once."""
        journal, name = self._front.journal, str(update.update_id)
        try:
            if not await asyncio.to_thread(journal.open, name, update.to_json()):
                return
        except PasticheError as error:  # nothing can be kept now: the answer will say so
            log.warning("An update is not written down: %s", error)
        if await self._done(update, act):
            with contextlib.suppress(PasticheError):
                await asyncio.to_thread(journal.close, name)

    async def take_up(self, act: Act) -> None:
        """Carry out what a process before this one left: begun as they came, an album's items together."""
        try:
            left = await asyncio.to_thread(self._front.journal.earlier)
        except OperatorError as error:
            log.warning("What was left open is not taken up: %s", error)
            return
        if left:
            log.info("%d updates of an earlier process are taken up", len(left))
        updates = []
        for name, text in left.items():
            try:
                updates.append(Update.de_json(json.loads(text), self._front.bot))
            except (RecursionError, LookupError, TypeError, ValueError, AttributeError) as error:
                log.error("An update that cannot be read is not taken up: %s", type(error).__name__)
                with contextlib.suppress(PasticheError):
                    await asyncio.to_thread(self._front.journal.close, name)
        await asyncio.gather(*(self.ask(update, act) for update in updates))

    async def _done(self, update: Update, act: Act) -> bool:
        """Whether it came to its end, well or not."""
        for pause_s in _PAUSES_S:
            try:
                await act(update)
            except (RetryAfter, NetworkError) as error:
                log.warning("Telegram cannot be reached: %s", type(error).__name__)
            else:
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), pause_s)
                return False
        last_try.set(True)
        await act(update)
        return True
