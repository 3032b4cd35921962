"""What was acknowledged and is not answered yet: a bot that is killed in between leaves nobody with "thinking …".

A promise is written to Redis while Discord is told that an answer will come, without waiting for
either, and deleted once the answer stands or a job was queued that will bring it. What a bot that
starts finds of its predecessor's promises, it cannot keep (pictures in private answers cannot be read
again), so it says so in the message that is waiting, and takes back what was counted.

What is left: a bot killed in the instant before Redis has the promise, and a private answer whose
interaction is older than the 15 minutes for which Discord takes answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, cast

import discord
import redis

from bot.discord.address import Address
from bot.discord.boundary import language_of
from bot.discord.keys import user_key
from bot.discord.several import MOST
from bot.strips import part_ids, strip_job_ids
from bot.texts import say
from nst.errors import PasticheError, UserError
from workers import keys
from workers.connection import speaking_redis
from workers.contract import ContractError, Job, fill, read_object

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

log = logging.getLogger(__name__)

_LIFE_S = 86_400
_PREFIX = "pastiche:discord:promise:"


@dataclass(frozen=True, kw_only=True)
class Promise:
    """An answer that somebody waits for.

    Attributes:
        job_id: Of the job that will bring it, if there will be one: unique for each question.
        user: Whose question.
        address: The message that waits; its ``message_id`` is 0 until Discord told it.
        chat: The chat whose quota was taken, or "" while none was.
    """

    job_id: str
    user: str
    address: Address
    chat: str = ""

    def to_json(self) -> str:
        """For Redis."""
        values = {"job_id": self.job_id, "user": self.user, "chat": self.chat}
        return json.dumps(values | {"address": self.address.to_reply_to()})

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """The inverse of ``to_json``.

        Raises:
            ContractError: It is none.
        """
        return fill(cls, read_object(text))


class Promises:
    """The promises of this process.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._writing: dict[str, asyncio.Future[None]] = {}

    def make(self, promise: Promise) -> None:
        """Begin to write a promise; nobody waits for a slow Redis here."""
        self._writing[promise.job_id] = asyncio.get_running_loop().run_in_executor(None, self._write, promise)

    async def complete(self, promise: Promise) -> None:
        """Write it again, where more is known of it."""
        before = self._writing.get(promise.job_id)
        if before is not None:
            await before
        self.make(promise)
        await self._writing[promise.job_id]

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
        with speaking_redis():
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

    def _write(self, promise: Promise) -> None:
        with contextlib.suppress(PasticheError), speaking_redis():
            self._connection.set(_PREFIX + promise.job_id, promise.to_json(), ex=_LIFE_S)

    def _delete(self, job_id: str) -> None:
        with contextlib.suppress(PasticheError), speaking_redis():
            self._connection.delete(_PREFIX + job_id)


async def acknowledge(bot: PasticheClient, interaction: discord.Interaction, ephemeral: bool = False) -> Address:
    """Tell Discord within its three seconds that an answer will come, and remember it over a restart.

    Args:
        bot: The client.
        interaction: What is being answered; ``boundary.spoken`` ends the promise.
        ephemeral: Whether only the one who asks sees the answer.

    Returns:
        Where the answer goes.
    """
    address = Address.of(interaction, 0, language_of(interaction, bot.language))
    promise = Promise(job_id=bot.job_id(interaction), user=user_key(interaction.user), address=address)
    bot.promises.make(promise)
    interaction.extras["ephemeral"] = ephemeral
    answer = await interaction.response.defer(thinking=True, ephemeral=ephemeral)
    known = answer.message_id if answer is not None else None
    if known is None and not ephemeral:
        known = (await interaction.original_response()).id
    return replace(address, message_id=known or 0)


async def redeem(bot: PasticheClient) -> None:
    """Answer for what an earlier process promised: its job goes on by itself, or the user is told.

    Raises:
        OperatorError: ``queue_unavailable``.
    """
    for promise in await asyncio.to_thread(bot.promises.earlier):
        if not await asyncio.to_thread(_goes_on, bot, promise):
            await bot.posting.settle(promise.address, say("discord.interrupted", promise.address.language))
            log.info("A question was interrupted by a restart")
        await bot.promises.forget(promise)


def _goes_on(bot: PasticheClient, promise: Promise) -> bool:
    """Whether everything was queued; else nothing of it is left, and the quota is given back."""
    strip, parts = strip_job_ids(promise.job_id), part_ids(promise.job_id, MOST)
    with speaking_redis():
        known = {job_id for job_id in (promise.job_id, *strip, *parts) if bot.connection.exists(keys.record(job_id))}
    if promise.job_id in known or known.issuperset(strip) or (known and known == set(_parts(bot, next(iter(known))))):
        return True
    for job_id in known:
        with contextlib.suppress(UserError):
            bot.queue.cancel(job_id, promise.user)
    if promise.chat:
        bot.chats.give_back(promise.chat, promise.user, bot.chats.read(promise.chat))
    return False


def _parts(bot: PasticheClient, job_id: str) -> list[str]:
    """All jobs of several pictures, by what one of them says of its message."""
    with speaking_redis():
        text = cast("bytes | None", bot.connection.hget(keys.record(job_id), "job"))
    try:
        address = Address.from_reply_to(Job.from_json(text).reply_to) if text else None
    except ContractError:
        return []  # of a release that is not our neighbour
    return part_ids(address.strip, address.parts) if address and address.parts else []
