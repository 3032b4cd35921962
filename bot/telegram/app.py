"""The Telegram bot as a process in the foreground: ``pastiche telegram``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from telegram import Update
from telegram.error import Conflict, InvalidToken, NetworkError, TelegramError
from telegram.ext import InlineQueryHandler, TypeHandler

from bot.challenges.clock import keep_time
from bot.chat.memory_budget import return_freed_memory, settle_down
from bot.telegram.announcing import announce_commands
from bot.telegram.challenges.announcer import Herald
from bot.telegram.courier import Courier
from bot.telegram.frontend import FRONTEND, Frontend
from bot.telegram.inline import answer_inline
from bot.telegram.intake import resume_lines
from bot.telegram.messages import Messages
from bot.telegram.presses import take_press
from bot.telegram.questions import Questions
from bot.telegram.requests import App, Polls, build_application, certificates
from bot.telegram.webhook import Webhook
from nst.errors import OperatorError
from workers.client.reaper import keep_reaping
from workers.store.connection import connect, connect_async

if TYPE_CHECKING:
    from bot.chat.fetching import Reach
    from bot.settings import Settings

log = logging.getLogger(__name__)

_UPDATES = [Update.MESSAGE, Update.CALLBACK_QUERY, Update.INLINE_QUERY, Update.MY_CHAT_MEMBER]
_POLL_S = 30
_FINISH_S = 10.0
_LONGEST_PAUSE_S = 30.0


def run(settings: Settings, reach: Reach | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: Of this process.
        reach: Where addresses that people give may lead; the public internet if None.

    Raises:
        OperatorError: ``setting_missing`` or ``bad_setting`` for the token, ``queue_unavailable``.
    """
    token = settings.telegram_token.get_secret_value()
    if not token:
        raise OperatorError("setting_missing", {"setting": "TELEGRAM_TOKEN"})
    return_freed_memory()
    asyncio.run(_serve(settings, token, reach))


async def _serve(settings: Settings, token: str, reach: Reach | None) -> None:
    webhook = Webhook.of(settings)
    connection = await asyncio.to_thread(connect, settings.redis_url)
    stream = await connect_async(settings.redis_url)
    polls = Polls(connection_pool_size=2, read_timeout=_POLL_S / 3, httpx_kwargs={"verify": certificates()})
    app = build_application(settings.telegram_api_url, token, polls)
    try:
        await Service(app, Frontend(app.bot, settings, connection, stream, reach), polls, webhook).run()
    except InvalidToken:
        detail = {"setting": "TELEGRAM_TOKEN", "received": "(hidden)", "allowed": "the token that @BotFather gave"}
        raise OperatorError("bad_setting", detail) from None
    finally:
        await stream.aclose()
        connection.close()


class Service:
    """One process' life: begin, listen, end in order.

    Args:
        app: python-telegram-bot's application.
        front: The bot's belongings.
        polls: Asks for updates.
        webhook: How updates come, or None for polling.
    """

    def __init__(self, app: App, front: Frontend, polls: Polls, webhook: Webhook | None) -> None:
        self._app, self._front, self._polls, self._webhook = app, front, polls, webhook
        self._messages, self._courier = Messages(front), Courier(front)
        self._ended = asyncio.Event()
        self._questions = Questions(front, self._ended)
        self._listen()

    async def run(self) -> None:
        """Serve until asked to end.

        Raises:
            InvalidToken: Telegram does not know the token.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ended.set)
        if not await self._until_reached(self._app.initialize):
            return
        try:
            await self._listen_and_work()
        finally:
            await self._app.shutdown()

    def _listen(self) -> None:
        """Connect the kinds of updates with what handles them; each has its own boundary."""

        async def on_question(update: Update, context: object) -> None:
            await self._questions.ask(update, self._handle)

        async def on_inline(update: Update, context: object) -> None:
            if update.inline_query is not None:
                await answer_inline(self._front, update.inline_query)

        self._app.add_handler(InlineQueryHandler(on_inline))  # answered now or never
        self._app.add_handler(TypeHandler(Update, on_question))
        self._app.add_error_handler(_failed)

    async def _handle(self, update: Update) -> None:
        if update.message is not None:
            await self._messages.take(update.message)
        elif update.callback_query is not None:
            await take_press(self._front, update.callback_query)
        elif update.my_chat_member is not None:
            await self._messages.membership(update.my_chat_member)

    async def _listen_and_work(self) -> None:
        front, app = self._front, self._app
        background = [
            asyncio.create_task(self._courier.run(), name="courier"),
            asyncio.create_task(keep_reaping(front.connection), name="reaper"),
            asyncio.create_task(front.service.held.watch(), name="held"),
            asyncio.create_task(keep_time(front.challenges.clock), name="challenges"),
            asyncio.create_task(Herald(front).run(), name="herald"),
        ]
        essential = tuple(background)
        await app.start()
        try:
            if await self._until_reached(self._start_updates):
                settle_down()
                log.info("Telegram: ready")
                background.append(asyncio.create_task(announce_commands(front.bot), name="announce"))
                background.append(asyncio.create_task(_resume(front), name="resume"))
                background.append(asyncio.create_task(self._questions.take_up(self._handle), name="take-up"))
                await self._until_ended(essential)
        finally:
            await self._wind_up()
            for task in background:
                task.cancel()
            await self._courier.finish(_FINISH_S)
            front.actions.stop()

    async def _wind_up(self) -> None:
        """No more updates; what came is handled to its end."""
        updater = self._app.updater
        if updater and updater.running:
            with contextlib.suppress(TelegramError):  # why the polling ended is told by our own run
                await updater.stop()
        await self._messages.albums.flush()
        await self._app.stop()

    async def _start_updates(self) -> None:
        updater = self._app.updater
        if updater is None:
            return
        if self._webhook is not None:
            await self._webhook.start(updater, _UPDATES)
        else:
            await updater.start_polling(
                timeout=_POLL_S, allowed_updates=_UPDATES, bootstrap_retries=-1, error_callback=_poll_failed
            )

    async def _until_ended(self, essential: Sequence[asyncio.Task[None]]) -> None:
        """Serve; a token that is revoked ends it too, and so does a mishap of what goes on behind."""
        waits = [asyncio.create_task(event.wait()) for event in (self._ended, self._polls.refused)]
        try:
            done, _ = await asyncio.wait([*waits, *essential], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        for task in done:
            task.result()
        if self._polls.refused.is_set():
            raise InvalidToken("Telegram does not know the token any more")

    async def _until_reached(self, step: Callable[[], Awaitable[Any]]) -> bool:
        """Try until Telegram answers; False if we were asked to end first."""
        pause_s = 1.0
        while not self._ended.is_set():
            try:
                await step()
            except NetworkError as error:
                log.warning("Telegram cannot be reached yet: %s", type(error).__name__)
                await _wait(self._ended, pause_s)
                pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
            else:
                return True
        return False


async def _resume(front: Frontend) -> None:
    """Lines of jobs from before the restart: without them the results still come."""
    try:
        await resume_lines(front, FRONTEND)
    except OperatorError as error:
        log.warning("Waiting jobs are not told about: %s", error)


async def _failed(update: object, context: Any) -> None:
    """Outside of every conversation: nobody to tell."""
    log.error("An update failed", exc_info=context.error)


def _poll_failed(error: TelegramError) -> None:
    if isinstance(error, Conflict):
        log.error("Another process asks for this bot's updates with the same token: end one of them")
    else:
        log.warning("Updates cannot be had now: %s", type(error).__name__)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
