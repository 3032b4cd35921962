"""The way out: results from the outbox to the messages that wait for them, each once.

A result is acknowledged after it was posted, never before. One that was read before and not
acknowledged (we were killed in between) is posted again only if Discord does not show it yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import discord
from redis.exceptions import RedisError

from bot.challenges.model import State
from bot.chat.captions import alt_text, caption, failure
from bot.chat.strips import part_ids, strip_results, strip_sheet
from bot.discord.address import Address
from bot.discord.keys import channel_key
from bot.discord.posting import MessageGoneError, Picture, Post
from bot.discord.several import several_post
from bot.discord.views import result_view, strip_view
from bot.texts import explain, say
from nst.errors import JobError, OperatorError
from workers.client.outbox import Delivery, OutboxReader
from workers.contract import ContractError, Job, Result
from workers.worker.job_log import bind_job

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

log = logging.getLogger(__name__)

_BYTES_PER_PX = {"image/png": 3, "image/jpeg": 1}  # at most, but for noise
_LONGEST_PAUSE_S = 60.0
_PASSING = (
    OSError,
    TimeoutError,
    aiohttp.ClientError,
    discord.DiscordServerError,
    discord.RateLimited,
    OperatorError,
    RedisError,
)
_TOO_MANY, _PAYLOAD_TOO_LARGE = 429, 413
_TOO_LARGE = frozenset({40005})
_SHRINK = 0.5
_FILM_BYTES = 3 * 2**20  # what a time-lapse may well have


class Courier:
    """Posts results.

    Args:
        bot: The client whose service and messages are used.
        reader: The outbox of this frontend.
    """

    def __init__(self, bot: PasticheClient, reader: OutboxReader) -> None:
        self._bot = bot
        self._reader = reader
        self._strips: dict[str, asyncio.Lock] = {}
        self._shown_strips: set[str] = set()
        self._rounds: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async for delivery in self._reader.deliveries():
            task = asyncio.create_task(self._deliver(delivery), name=f"deliver-{delivery.result.job_id}")
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        """Post one result, however often Discord or the network fail, and acknowledge it."""
        job_id = delivery.result.job_id
        bind_job(job_id)
        pause_s = 1.0
        while not await self._attempt(delivery):
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
        reason = (delivery.result.error or {}).get("code", "")
        log.info("Job %s: %s %s", job_id, delivery.result.outcome, reason, extra={"job_id": job_id})

    async def _attempt(self, delivery: Delivery) -> bool:
        """Post and acknowledge; False where another try makes sense."""
        job_id = delivery.result.job_id
        try:
            async with self._bot.results_room.take(_weight_bytes(delivery.result)):
                await self._post(delivery)
        except ContractError as error:
            log.error("Job %s has a result that cannot be read: %s", job_id, error, extra={"job_id": job_id})
            await self._apologise(delivery.result)
        except Exception as error:  # one result that cannot be posted must not stop the others
            if _passes(error):
                log.warning("Job %s cannot be posted now: %s", job_id, type(error).__name__)
                return False
            log.error("Job %s cannot be posted", job_id, exc_info=error, extra={"job_id": job_id})
            await self._apologise(delivery.result)
        try:
            await self._reader.ack(delivery)
        except RedisError:
            return False
        return True

    async def _apologise(self, result: Result) -> None:
        try:
            address = Address.from_reply_to(result.reply_to)
        except ContractError:
            return  # nobody can be told, and the log has it
        error = JobError("job_failed", {"job_id": result.job_id[:8]})
        await self._bot.posting.settle(address, explain(error, address.language))

    async def _post(self, delivery: Delivery) -> None:
        result = delivery.result
        address = Address.from_reply_to(result.reply_to)
        await self._bot.lines.close(result.job_id)
        if await asyncio.to_thread(self._bot.places.closed, channel_key(address.channel_id), address.chat):
            return
        if address.strip:
            await self._post_strip(delivery, address)
        else:
            await self._put(address, await self._content(result, address), result.job_id, delivery.redelivered)

    async def _post_strip(self, delivery: Delivery, address: Address) -> None:
        async with self._strips.setdefault(address.strip, asyncio.Lock()):
            results = await asyncio.to_thread(strip_results, self._bot.queue, address.strip, address.parts)
            if results is None or address.strip in self._shown_strips:
                return  # another one of them shows them all
            await self._bot.lines.close(address.strip)
            if address.parts:
                content = await several_post(self._bot, results, address)
            else:
                content = await self._strip_content(results, address)
            await self._put(address, content, part_ids(address.strip, address.parts)[0], delivery.redelivered)
            self._shown_strips.add(address.strip)

    async def _put(self, address: Address, post: Post, key: str, redelivered: bool) -> None:
        """Wherever it can be; smaller, where Discord says that it is too large: only it knows what a place takes."""
        try:
            await self._place(address, post, key, redelivered)
        except discord.HTTPException as error:
            if error.status != _PAYLOAD_TOO_LARGE and error.code not in _TOO_LARGE:
                raise
            await self._put(_with_less_room(address), post, key, redelivered)

    async def _place(self, address: Address, post: Post, key: str, redelivered: bool) -> None:
        """Into the message that said "queued"; below it when that can no longer be; else in private."""
        if redelivered and post.picture and await self._bot.posting.shows_picture(address):
            return
        try:
            if address.token_lives or not address.token:
                await self._bot.posting.edit(address, post)
                return
        except MessageGoneError:
            pass
        if redelivered and await self._bot.posting.has_reply(address, key):
            return
        await self._below(address, post, key)

    async def _below(self, address: Address, post: Post, key: str) -> None:
        try:
            await self._bot.posting.reply(address, post, key)
        except (discord.Forbidden, discord.NotFound):
            await self._in_private(address, post, key)
            return
        await self._bot.posting.settle(address, say("discord.done_below", address.language))

    async def _in_private(self, address: Address, post: Post, key: str) -> None:
        """To the one who asked, with the way back to where they did; what waits there says where it went."""
        text = "\n".join([say("discord.from_elsewhere", address.language, link=address.link), post.text])
        try:
            await self._bot.posting.tell(address, replace(post, text=text))
        except (discord.Forbidden, discord.NotFound):
            log.warning("Job %s: neither the channel nor the user can be reached", key)
            await self._bot.posting.settle(address, say("discord.done_nowhere", address.language))
        else:
            await self._bot.posting.settle(address, say("discord.done_in_private", address.language))

    async def _content(self, result: Result, address: Address) -> Post:
        if result.outcome != "done":
            return Post(failure(result, address.language))
        try:
            data = await self._bot.service.picture(result.picture)
        except JobError as error:
            error.detail.setdefault("job_id", result.job_id[:8])
            return Post(explain(error, address.language))
        post = result_post(self._bot, result, data, address.language, await may_enter(self._bot, address))
        return replace(post, film=await self._film(result, address))

    async def _film(self, result: Result, address: Address) -> Picture | None:
        """The result's time-lapse, unless there is none, or no longer."""
        if not result.time_lapse:
            return None
        with contextlib.suppress(JobError):
            data = await self._bot.service.picture(result.time_lapse)
            alt = say("discord.time_lapse_alt", address.language)
            return Picture(data, result.time_lapse_type, alt, name=f"time-lapse-{result.job_id[-8:]}")
        return None

    async def _strip_content(self, results: list[Result], address: Address) -> Post:
        done = [result for result in results if result.outcome == "done"]
        if not done:
            return Post(failure(results[0], address.language))
        data = await asyncio.to_thread(strip_sheet, self._bot.blobs, done)
        text = say("discord.strip", address.language)
        picture = Picture(data, "image/jpeg", say("discord.strip_alt", address.language), name="strip")
        return Post(text, picture, strip_view(done, address.language))


async def may_enter(bot: PasticheClient, address: Address) -> bool:
    """Whether a challenge is open where a result goes."""
    return bool(address.chat and await asyncio.to_thread(bot.challenges.life.in_chat, address.chat, {State.OPEN}))


def result_post(bot: PasticheClient, result: Result, data: bytes, language: str, enter: bool = False) -> Post:
    """What a result looks like.

    Args:
        bot: For its presets.
        result: ``done``.
        data: Its picture.
        language: Whom to speak to.
        enter: Whether it can be entered in a challenge.
    """
    alt = alt_text(Job.from_json(result.job), bot.presets, language)
    picture = Picture(data, result.media_type, alt, name=f"pastiche-{result.job_id[-8:]}")
    return Post(caption(result, bot.presets, language), picture, result_view(result, language, enter))


def _passes(error: Exception) -> bool:
    """Whether the same post may succeed later."""
    if isinstance(error, discord.HTTPException) and error.status == _TOO_MANY:
        return True
    return isinstance(error, _PASSING)


def _weight_bytes(result: Result) -> int:
    """What a result's file may have, before it is read."""
    picture_bytes = result.width_px * result.height_px * _BYTES_PER_PX.get(result.media_type, 3)
    return picture_bytes + (_FILM_BYTES if result.time_lapse else 0)


def _with_less_room(address: Address) -> Address:
    return replace(address, limit_bytes=int(address.limit_bytes * _SHRINK))
