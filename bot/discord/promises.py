"""What was asked and is not answered yet: a bot that is killed in between leaves nobody with "thinking …".

A promise is written to Redis while Discord is told that an answer will come, without waiting for either, and deleted
once the answer stands or a job was queued that will bring it. It holds the question as Discord sent it. A bot that
starts asks itself again what its predecessor left open: handlers begin anew, find the message that waits, and queue
jobs by the same names, so nothing is there twice. Where an interaction is older than the 15 minutes for which Discord
takes answers, the message that waits says that it was interrupted, as far as it can still be written.

What is left: a bot killed in the instant before Redis has the promise; Discord itself says then that nobody answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, cast

import discord
import redis

from bot.chat.strips import part_ids, strip_job_ids
from bot.discord.address import Address
from bot.discord.boundary import language_of
from bot.discord.keys import user_key
from bot.discord.several import MOST
from bot.texts import say
from nst.errors import PasticheError, UserError
from workers.contract import ContractError, Job, fill, read_object
from workers.store import keys

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

log = logging.getLogger(__name__)

_LIFE_S = 86_400
_PREFIX = "pastiche:discord:promise:"
ACKNOWLEDGED = 40060
_QUESTIONS = ("INTERACTION_CREATE", "MESSAGE_CREATE")
_QUESTION: ContextVar[tuple[str, Any]] = ContextVar("question", default=("", None))


@dataclass(frozen=True, kw_only=True)
class Promise:
    """An answer that somebody waits for.

    Attributes:
        job_id: Of the job that will bring it, if there will be one: unique for each question.
        user: Whose question.
        address: The message that waits; its ``message_id`` is 0 until Discord told it.
        chat: The chat whose quota was taken, or "" while none was.
        counted: How many pictures were taken from it.
        question: What Discord sent: the event's name and its data, as JSON.
    """

    job_id: str
    user: str
    address: Address
    chat: str = ""
    counted: int = 1
    question: str = ""

    def to_json(self) -> str:
        """For Redis."""
        values = {name: getattr(self, name) for name in ("job_id", "user", "chat", "counted", "question")}
        return json.dumps(values | {"address": self.address.to_reply_to()})

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """The inverse of ``to_json``.

        Raises:
            ContractError: It is none.
        """
        return fill(cls, read_object(text))

    @property
    def can_be_kept(self) -> bool:
        """Whether the question is known, and its answer can still be written."""
        return bool(self.question) and (self.address.token_lives or not self.address.token)


_EARLIER: ContextVar[Promise | None] = ContextVar("earlier", default=None)


class Promises:
    """The promises of this process.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._writing: dict[str, asyncio.Future[bool]] = {}

    def make(self, promise: Promise) -> None:
        """Begin to write a promise; nobody waits for a slow Redis here."""
        if promise.job_id not in self._writing:  # one of an earlier process is there already
            self._begin(promise, fresh=True)

    async def complete(self, promise: Promise) -> None:
        """Write it again, where more is known of it."""
        await self.is_mine(promise.job_id)
        await self._begin(promise, fresh=False)

    async def is_mine(self, job_id: str) -> bool:
        """Whether no other process wrote it down first."""
        writing = self._writing.get(job_id)
        return writing is not None and await writing

    def take_over(self, promise: Promise) -> None:
        """Keep what an earlier process promised; what it knew of the message that waits is kept as well."""
        self._begin(promise, fresh=False)

    async def end(self, job_id: str) -> None:
        """The answer stands."""
        writing = self._writing.pop(job_id, None)
        if writing is None:
            return
        await writing
        await asyncio.to_thread(self._delete, job_id)

    async def forget(self, promise: Promise) -> None:
        """An earlier process' promise was answered for."""
        await asyncio.to_thread(self._delete, promise.job_id)

    def earlier(self) -> list[Promise]:
        """Those that another process left; this blocks: call it in a thread.

        Raises:
            OperatorError: ``queue_unavailable``.
        """
        names = [name.decode() for name in self._connection.scan_iter(match=f"{_PREFIX}*", count=1000)]
        texts = cast("list[bytes | None]", self._connection.mget(names)) if names else []
        found = []
        for text in filter(None, texts):
            with contextlib.suppress(ContractError):  # it goes by itself, after a day
                found.append(Promise.from_json(text))
        return [promise for promise in found if promise.job_id not in self._writing]

    def forget_all(self, user: str) -> None:
        """Delete what an earlier process promised somebody; this blocks: call it in a thread."""
        for promise in self.earlier():
            if promise.user == user:
                self._delete(promise.job_id)

    def _begin(self, promise: Promise, fresh: bool) -> asyncio.Future[bool]:
        loop = asyncio.get_running_loop()
        self._writing[promise.job_id] = loop.run_in_executor(None, self._write, promise, fresh)
        return self._writing[promise.job_id]

    def _write(self, promise: Promise, fresh: bool) -> bool:
        with contextlib.suppress(PasticheError):
            return bool(self._connection.set(_PREFIX + promise.job_id, promise.to_json(), nx=fresh, ex=_LIFE_S))
        return False

    def _delete(self, job_id: str) -> None:
        with contextlib.suppress(PasticheError):
            self._connection.delete(_PREFIX + job_id)


def listen(bot: PasticheClient, parsers: dict[str, Callable[[Any], None]]) -> None:
    """Let what handles a question know it as Discord sent it.

    Args:
        bot: The client.
        parsers: discord.py's, by the event's name: they begin the handlers, which have the question with them.
    """

    def heard(event: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
        def hear(data: Any) -> None:
            before = _QUESTION.set((event, data))
            try:
                parse(data)
            finally:
                _QUESTION.reset(before)

        return hear

    for event in _QUESTIONS:
        parsers[event] = heard(event, parsers[event])


def question() -> str:
    """What Discord asked when this handler began, for ``Promise.question``."""
    return json.dumps(_QUESTION.get())


def earlier_promise() -> Promise | None:
    """What an earlier process promised for the question that is being handled."""
    return _EARLIER.get()


async def acknowledge(bot: PasticheClient, interaction: discord.Interaction, ephemeral: bool = False) -> Address:
    """Tell Discord within its three seconds that an answer will come, and remember it over a restart.

    Args:
        bot: The client.
        interaction: What is being answered; ``boundary.spoken`` ends the promise.
        ephemeral: Whether only the one who asks sees the answer.

    Returns:
        Where the answer goes.
    """
    address, job_id = Address.of(interaction, 0, language_of(interaction, bot.language)), bot.job_id(interaction)
    bot.promises.make(Promise(job_id=job_id, user=user_key(interaction.user), address=address, question=question()))
    interaction.extras["ephemeral"] = ephemeral
    known = None
    try:
        answer = await interaction.response.defer(thinking=True, ephemeral=ephemeral)
        known = answer.message_id if answer is not None else None
    except discord.HTTPException as error:
        if error.code != ACKNOWLEDGED or not await bot.promises.is_mine(job_id):
            raise
        # Told already: by the process before this one, or by a request whose answer was lost.
        interaction.response._response_type = discord.InteractionResponseType.deferred_channel_message
    if known is None and not ephemeral:
        known = (await interaction.original_response()).id
    return replace(address, message_id=known or 0)


async def redeem(bot: PasticheClient, ask: Callable[[str, Any], None]) -> None:
    """Keep what an earlier process promised: its job goes on by itself, or its question is asked again.

    Args:
        bot: The client.
        ask: Handles an event of Discord, by its name.

    Raises:
        OperatorError: ``queue_unavailable``.
    """
    for promise in await asyncio.to_thread(bot.promises.earlier):
        if await asyncio.to_thread(_goes_on, bot, promise):
            await bot.promises.forget(promise)
            continue
        await asyncio.to_thread(_give_back, bot, promise)
        if promise.can_be_kept:
            _ask_again(bot, promise, ask)
            continue
        await asyncio.to_thread(_stop, bot, promise)
        await bot.posting.settle(promise.address, say("discord.interrupted", promise.address.language))
        log.info("A question was interrupted by a restart")
        await bot.promises.forget(promise)


def _ask_again(bot: PasticheClient, promise: Promise, ask: Callable[[str, Any], None]) -> None:
    log.info("A question of an earlier process is taken up")
    bot.promises.take_over(replace(promise, chat=""))  # it is counted again
    before = _EARLIER.set(promise)
    try:
        ask(*json.loads(promise.question))
    finally:
        _EARLIER.reset(before)


def _goes_on(bot: PasticheClient, promise: Promise) -> bool:
    """Whether everything was queued."""
    known = _queued(bot, promise)
    strip = strip_job_ids(promise.job_id)
    if promise.job_id in known or known.issuperset(strip):
        return True
    return bool(known) and known == set(_parts(bot, next(iter(known))))


def _queued(bot: PasticheClient, promise: Promise) -> set[str]:
    names = (promise.job_id, *strip_job_ids(promise.job_id), *part_ids(promise.job_id, MOST))
    return {job_id for job_id in names if bot.connection.exists(keys.record(job_id))}


def _give_back(bot: PasticheClient, promise: Promise) -> None:
    if promise.chat:
        bot.chats.give_back(promise.chat, promise.user, bot.chats.read(promise.chat), promise.counted)


def _stop(bot: PasticheClient, promise: Promise) -> None:
    for job_id in _queued(bot, promise):
        with contextlib.suppress(UserError):
            bot.queue.cancel(job_id, promise.user)


def _parts(bot: PasticheClient, job_id: str) -> list[str]:
    """All jobs of several pictures, by what one of them says of its message."""
    text = cast("bytes | None", bot.connection.hget(keys.record(job_id), "job"))
    try:
        address = Address.from_reply_to(Job.from_json(text).reply_to) if text else None
    except ContractError:
        return []  # of a release that is not our neighbour
    return part_ids(address.strip, address.parts) if address and address.parts else []
