"""The way out: results from the outbox to the messages that wait for them, each once.

A result is an edit of the message that said "queued". An edit done twice is the same as one done
once, so a result that was shown and not acknowledged (we were killed in between) cannot double.
Edits make no sound, so a result that was long in coming is followed by a short reply that does.
Where that message is gone, a new one is made first, noted, and then edited.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from telegram import Message
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError

from bot.chat.access import offered_under
from bot.chat.captions import caption, failure
from bot.chat.fitting import fit_bytes, suffix
from bot.chat.memory_budget import let_go
from bot.chat.strips import strip_job_ids, strip_results, strip_sheet
from bot.chat.variations import CLIPS
from bot.telegram.address import Address
from bot.telegram.bell import Bell, Call
from bot.telegram.challenges.entering import open_here
from bot.telegram.keyboards import result_keyboard, strip_keyboard
from bot.telegram.memory import RecentResult
from bot.telegram.pictures import as_document, as_photo, as_sticker
from bot.telegram.posting import ANIMATION, MessageGoneError, NoMediaError, Picture, Post
from bot.telegram.rights import missing_right
from bot.texts import explain, say
from nst.errors import JobError, OperatorError, UserError
from workers.client.outbox import Delivery
from workers.contract import ContractError, Job, Result
from workers.store.clock import server_time_s
from workers.worker.job_log import bind_job

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

log = logging.getLogger(__name__)

_AT_ONCE = 2  # pictures in memory
_LONGEST_PAUSE_S = 60.0
_LONG_S = 20.0  # from here on people have put the telephone away
_TOO_LARGE = "too large"


class Courier:
    """Posts results.

    Args:
        front: The bot's belongings.
    """

    def __init__(self, front: Frontend) -> None:
        self._front = front
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._strips: dict[str, asyncio.Lock] = {}
        self._rounds: set[asyncio.Task[None]] = set()
        self._delivering: Counter[str] = Counter()
        self._bell = Bell(front, self._delivering)

    async def run(self) -> None:
        """Deliver until cancelled."""
        async for delivery in self._front.outbox.deliveries():
            self._delivering[delivery.result.user] += 1
            task = asyncio.create_task(self._deliver(delivery), name=f"deliver-{delivery.result.job_id}")
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)
            task.add_done_callback(partial(self._delivered, delivery.result.user))

    def _delivered(self, user: str, _: asyncio.Task[None]) -> None:
        self._delivering[user] -= 1
        if not self._delivering[user]:
            del self._delivering[user]

    async def finish(self, within_s: float) -> None:
        """Let what is under way come to its end; what does not is delivered by the next process."""
        if self._rounds:
            await asyncio.wait(self._rounds, timeout=within_s)
        for task in self._rounds:
            task.cancel()
        self._bell.stop()

    async def _deliver(self, delivery: Delivery) -> None:
        """Post one result, however often Telegram or the network fail, and acknowledge it."""
        job_id, pause_s = delivery.result.job_id, 1.0
        bind_job(job_id)
        while not await self._attempt(delivery):
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
        log.info("Job %s: %s", job_id, delivery.result.outcome, extra={"job_id": job_id})

    async def _attempt(self, delivery: Delivery) -> bool:
        """Post and acknowledge; False where another try makes sense."""
        job_id = delivery.result.job_id
        try:
            async with self._room:
                await self._post(delivery)
                let_go()
        except Forbidden as error:
            log.info("Job %s: its chat is closed to us", job_id, extra={"job_id": job_id})
            address = Address.from_reply_to(delivery.result.reply_to)
            await self._front.forbidden(await self._home(address), error)
        except ContractError as error:
            log.error("Job %s has a result that cannot be read: %s", job_id, error, extra={"job_id": job_id})
            if not await self._apologise(delivery.result, None):
                return False
        except Exception as error:  # one result that cannot be posted must not stop the others
            if _passes(error):
                log.warning("Job %s cannot be posted now: %s", job_id, type(error).__name__)
                return False
            lacks = missing_right(error) if isinstance(error, TelegramError) else None
            if lacks is None:
                log.error("Job %s cannot be posted", job_id, exc_info=error, extra={"job_id": job_id})
            if not await self._apologise(delivery.result, lacks):
                return False
        try:
            await self._front.outbox.ack(delivery)
        except RedisError:
            return False
        return True

    async def _home(self, address: Address) -> int:
        return await asyncio.to_thread(self._front.memory.home, address.chat_id)

    async def _apologise(self, result: Result, lacks: UserError | None) -> bool:
        """Say why there is no picture; False where another try makes sense."""
        try:
            address = Address.from_reply_to(result.reply_to)
        except ContractError:
            return True  # nobody can be told, and the log has it
        if lacks:
            self._front.rights.forget(address.chat_id)
        text = explain(lacks or JobError("job_failed", {"job_id": result.job_id[:8]}), address.language)
        try:
            await self._put(address, Post(text), result.job_id)
        except (MessageGoneError, TelegramError) as error:
            return not _passes(error)
        if not address.message_id:
            await self._front.shared_lines.leave(address.chat_id, result.job_id)
        return True

    async def _post(self, delivery: Delivery) -> None:
        result = delivery.result
        address = Address.from_reply_to(result.reply_to)
        await self._front.lines.close(result.job_id)
        self._front.actions.end(address.chat_id, address.thread_id)
        if await self._front.is_closed(await self._home(address)):
            return
        if address.strip:
            await self._post_strip(result, address)
            return
        if not await asyncio.to_thread(self._front.memory.shown, result.job_id):
            post = await self._content(result, address)
            message = await self._put(address, post, result.job_id)
            await asyncio.to_thread(self._front.memory.note_shown, result.job_id)
            self._front.shared_lines.ended(address.chat_id)
            if not address.message_id:
                await self._front.shared_lines.leave(address.chat_id, result.job_id)
            await self._note(result, address, post, message)
            if not result.time_lapse:  # that makes a sound itself
                await self._ring(result, address, message)
        if result.time_lapse and result.outcome == "done":
            await self._post_film(result, address)
        if address.sticker and not address.spoiler and result.outcome == "done" and result.media_type not in CLIPS:
            await self._post_sticker(result, address)

    async def _post_sticker(self, result: Result, address: Address) -> None:
        """The result as a sticker too, below itself: a message cannot become one by an edit.

        Noted before it is sent: killed in between, it is missed rather than there twice.
        """
        key = f"{result.job_id}-sticker"
        if await asyncio.to_thread(self._front.memory.shown, key):
            return
        await asyncio.to_thread(self._front.memory.note_shown, key)
        below = await asyncio.to_thread(self._front.memory.place, result.job_id) or address.message_id
        try:
            sticker = await asyncio.to_thread(as_sticker, await self._front.service.picture(result.picture))
            await self._front.posting.sticker(address.chat_id, sticker, below, address.thread_id)
        except (JobError, TelegramError) as error:  # the picture itself is there
            log.warning("Job %s: its sticker cannot be posted: %s", result.job_id, type(error).__name__)

    async def _post_film(self, result: Result, address: Address) -> None:
        """The time-lapse as a reply to its picture: a line of its own, noted, and then edited, as all that is new."""
        key = f"{result.job_id}-film"
        if await asyncio.to_thread(self._front.memory.shown, key):
            return
        below = await asyncio.to_thread(self._front.memory.place, result.job_id) or address.message_id
        try:
            data = await self._front.service.picture(result.time_lapse)
            name = f"time-lapse-{result.job_id[-8:]}{suffix(result.time_lapse_type)}"
            film = Picture(data, name, spoiler=address.spoiler, motion=ANIMATION)
            post = Post(say("telegram.time_lapse", address.language), film)
            await self._put(replace(address, answers=below), post, key, anew=True)
        except (JobError, BadRequest, MessageGoneError) as error:  # the picture itself is there
            log.warning("Job %s: its time-lapse cannot be posted: %s", result.job_id, type(error).__name__)
        await asyncio.to_thread(self._front.memory.note_shown, key)

    async def _post_strip(self, result: Result, address: Address) -> None:
        """The last one of the five shows them all."""
        key = strip_job_ids(address.strip)[0]
        async with self._strips.setdefault(address.strip, asyncio.Lock()):
            results = await asyncio.to_thread(strip_results, self._front.queue, address.strip)
            if results is None or await asyncio.to_thread(self._front.memory.shown, key):
                return
            await self._put(address, await self._strip_content(results, address), key)
            await asyncio.to_thread(self._front.memory.note_shown, key)
        self._strips.pop(address.strip, None)

    async def _put(self, address: Address, post: Post, key: str, anew: bool = False) -> Message | None:
        """Into the message that said "queued", or into a new one where that is gone, or where one is wanted."""
        try:
            home = await asyncio.to_thread(self._front.memory.home, address.chat_id)
            if home != address.chat_id:
                return await self._into_new_message(replace(address, chat_id=home, answers=0), post, key)
            if anew:
                return await self._anew(address, post, key)
            if not address.message_id:
                return await self._at_once(address, post, key)
            try:
                return await self._edit(address, address.message_id, post)
            except NoMediaError:
                return await self._instead(address, post, key)
            except MessageGoneError:
                return await self._into_new_message(address, post, key)
        except ChatMigrated as moved:
            await self._front.move(address.chat_id, moved.new_chat_id)
            return await self._put(address, post, key, anew)

    async def _at_once(self, address: Address, post: Post, key: str) -> Message | None:
        """One message and no line before it: killed in the instant between sending and noting, it is there twice."""
        if not await asyncio.to_thread(self._front.memory.place, key):
            try:
                sent = await self._front.posting.send(address.chat_id, post, address.answers, address.thread_id)
            except BadRequest as error:
                log.warning("A picture was refused and goes by way of a line: %s", error.message)
            else:
                await asyncio.to_thread(self._front.memory.note_place, key, sent.message_id)
                return sent
        return await self._into_new_message(address, post, key)

    async def _into_new_message(self, address: Address, post: Post, key: str) -> Message | None:
        message_id = await asyncio.to_thread(self._front.memory.place, key)
        if not message_id:
            words = Post(say("telegram.received", address.language))
            sent = await self._front.posting.send(address.chat_id, words, address.answers, address.thread_id)
            message_id = sent.message_id
            await asyncio.to_thread(self._front.memory.note_place, key, message_id)
        return await self._edit(address, message_id, post)

    async def _anew(self, address: Address, post: Post, key: str) -> Message | None:
        try:
            return await self._into_new_message(address, post, key)
        except NoMediaError:
            line = await asyncio.to_thread(self._front.memory.place, key)
            return await self._instead(replace(address, message_id=line), post, f"{key}-itself")

    async def _instead(self, address: Address, post: Post, key: str) -> Message | None:
        """A new message in the old one's place, on servers where a text stays a text."""
        sent = None
        if not await asyncio.to_thread(self._front.memory.place, key):
            sent = await self._front.posting.send(address.chat_id, post, address.answers, address.thread_id)
            await asyncio.to_thread(self._front.memory.note_place, key, sent.message_id)
        with contextlib.suppress(BadRequest):  # gone already
            await self._front.bot.delete_message(address.chat_id, address.message_id)
        return sent

    async def _edit(self, address: Address, message_id: int, post: Post) -> Message | None:
        """Edit, as a document or smaller where Telegram does not take it as it is."""
        try:
            return await self._front.posting.edit(address.chat_id, message_id, post)
        except BadRequest as error:
            picture = post.picture
            if picture is None or picture.as_document or not isinstance(picture.data, bytes):
                raise
            log.warning("A photo was refused and goes as a document: %s", error.message)
            as_file = replace(picture, as_document=True)
            return await self._front.posting.edit(address.chat_id, message_id, replace(post, picture=as_file))
        except NetworkError as error:
            picture = post.picture
            if picture is None or isinstance(picture.data, str) or _TOO_LARGE not in error.message.lower():
                raise
            smaller = await asyncio.to_thread(_halved, picture, picture.data)
            return await self._edit(address, message_id, replace(post, picture=smaller))

    async def _content(self, result: Result, address: Address) -> Post:
        if result.outcome != "done":
            return Post(failure(result, address.language))
        try:
            data = await self._front.service.picture(result.picture)
        except JobError as error:
            error.detail.setdefault("job_id", result.job_id[:8])
            return Post(explain(error, address.language))
        name = f"pastiche-{result.job_id[-8:]}"
        as_file = address.full_quality and not address.spoiler  # nothing hides a document
        if as_file:
            picture = await asyncio.to_thread(as_document, data, result.media_type, name)
        else:
            picture = await asyncio.to_thread(as_photo, data, result.media_type, name, address.spoiler)
        challenge = bool(await open_here(self._front, address.chat_id, address.user_id))
        keyboard = result_keyboard(result, address.language, offered_under(result), as_file, challenge)
        return Post(caption(result, self._front.presets, address.language), picture, keyboard)

    async def _strip_content(self, results: list[Result], address: Address) -> Post:
        done = [result for result in results if result.outcome == "done"]
        if not done:
            return Post(failure(results[0], address.language))
        data = await asyncio.to_thread(strip_sheet, self._front.blobs, done)
        text = say("telegram.strip", address.language)
        sheet = Picture(data, "strip.jpg", spoiler=address.spoiler)
        return Post(text, sheet, strip_keyboard(done, address.language))

    async def _ring(self, result: Result, address: Address, message: Message | None) -> None:
        """An edit makes no sound: whoever waited for long, and looks elsewhere now, is called.

        At most once: a call that is lost is better than two.
        """
        if result.outcome == "cancelled" or not result.job:
            return
        now_s = await asyncio.to_thread(server_time_s, self._front.connection)
        if now_s - Job.from_json(result.job).submitted_at_s < _LONG_S:
            return
        if not await asyncio.to_thread(self._front.memory.first_ring, result.job_id):
            return
        place = message.chat_id if message else address.chat_id
        shown = message.message_id if message else address.message_id
        self._bell.ring(
            Call(
                chat_id=place,
                thread_id=address.thread_id,
                user_id=address.user_id,
                user=result.user,
                answers=shown if place > 0 else address.answers or shown,
                done=result.outcome == "done",
                language=address.language,
            )
        )

    async def _note(self, result: Result, address: Address, post: Post, message: Message | None) -> None:
        """For inline queries, whose photos cannot be hidden."""
        if message is None or result.outcome != "done" or address.spoiler:
            return
        if message.photo:
            recent = RecentResult(result.job_id, message.photo[-1].file_id, post.text)
        elif message.document and not message.animation:  # an animation is both
            recent = RecentResult(result.job_id, message.document.file_id, post.text, document=True)
        else:
            return
        await asyncio.to_thread(self._front.memory.note_result, result.user, recent)


def _passes(error: Exception) -> bool:
    """Whether waiting helps."""
    if isinstance(error, BadRequest):
        return False
    return isinstance(error, NetworkError | RetryAfter | OperatorError | RedisError | OSError | TimeoutError)


def _halved(picture: Picture, data: bytes) -> Picture:
    kind = "image/png" if picture.name.endswith(".png") else "image/jpeg"
    data, kind = fit_bytes(data, kind, len(data) // 2)
    return replace(picture, data=data, name=picture.name.rpartition(".")[0] + suffix(kind))
