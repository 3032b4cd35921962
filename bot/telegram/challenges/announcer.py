"""Announcements of challenges: what a chat has to be told, each thing once.

A short line is sent first, its number is noted, then it is edited into the announcement; an edit done
twice is the same as one done once. Killed in between, the next process edits the message that was noted.
What Telegram gives no means against: killed in the instant between sending that line and noting it,
one more short line stands in the chat; it is never a second announcement.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError

from bot.challenges.announcements import Announcement
from bot.challenges.wording import clock_time
from bot.chat.memory_budget import let_go
from bot.telegram.challenges.buttons import link_button, spoken_button
from bot.telegram.challenges.context import keyboard
from bot.telegram.pictures import as_photo
from bot.telegram.posting import MessageGoneError, NoMediaError, Picture, Post
from bot.texts import say
from nst.errors import OperatorError, PasticheError

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_AGAIN_S = 5.0
_AT_ONCE, _TRIES = 8, 5
_PLATFORM = "telegram"
_CLOSED = (
    "chat not found",
    "kicked",
    "not enough rights",
    "have no rights",
    "deactivated",
    "not a member",
    "need administrator",
)
_ENTER = frozenset({"opened", "closing_soon", "extended"})
_VOTE = frozenset({"voting", "voting_soon", "run_off"})


class Herald:
    """Posts announcements.

    Args:
        front: The bot's belongings.
    """

    def __init__(self, front: Frontend) -> None:
        self._front = front
        self._outbox = front.challenges.announcements
        self._in_hand: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._easel = asyncio.Lock()  # a poster takes some 60 MiB while it is drawn

    async def run(self) -> None:
        """Post what comes until cancelled; waits while Redis is away. A slow chat holds no other one up."""
        resumed = False
        async with asyncio.TaskGroup() as posts:
            while True:
                try:
                    if not resumed:
                        await asyncio.to_thread(self._outbox.resume, _PLATFORM)
                        resumed = True
                    while len(self._in_hand) < _AT_ONCE and (found := await self._claim()) is not None:
                        posts.create_task(self._handle(found), name=f"announce-{found.key}")
                except OperatorError as error:
                    log.warning("Announcements wait for Redis: %s", error.code)
                await asyncio.sleep(_LOOK_EVERY_S)

    async def _claim(self) -> Announcement | None:
        """The next one, unless it is in our hands already: waiting for a flood limit may take longer than its claim."""
        found = await asyncio.to_thread(self._outbox.claim, _PLATFORM)
        return None if found is None or found.key in self._in_hand else found

    async def _handle(self, announcement: Announcement) -> None:
        """One announcement, whatever goes wrong with it: the others go on."""
        self._in_hand.add(announcement.key)
        try:
            await self._tell(announcement)
        except OperatorError as error:
            log.warning("An announcement waits for Redis: %s", error.code)  # its claim runs out, then it comes again
        except Exception as error:  # the frontend's boundary: one that cannot be posted must not stop the others
            log.error("An announcement cannot be posted", exc_info=error)
            await self._fail(announcement, error)
        finally:
            self._in_hand.discard(announcement.key)

    async def _fail(self, announcement: Announcement, error: Exception) -> None:
        """Something unforeseen, or nothing left to show: a few more tries, then the chat's next one has its turn."""
        self._failures[announcement.key] += 1
        with contextlib.suppress(OperatorError):
            if isinstance(error, PasticheError) or self._failures[announcement.key] >= _TRIES:
                await asyncio.to_thread(self._outbox.drop, announcement, "failed")
            else:
                await self._put_off(announcement, _AGAIN_S)

    async def _tell(self, announcement: Announcement) -> None:
        """One announcement: posted, put off, or given up."""
        try:
            message_id = await self._post(announcement)
        except ChatMigrated as moved:
            await self._front.move(int(announcement.chat.chat_id), moved.new_chat_id)
            await asyncio.to_thread(self._outbox.later, announcement, 0.0)
        except Forbidden as error:
            await asyncio.to_thread(self._outbox.drop, announcement, "closed")
            await self._front.forbidden((await self._place(announcement))[0], error)
        except RetryAfter as error:
            wait = error.retry_after
            await self._put_off(announcement, wait if isinstance(wait, int | float) else wait.total_seconds())
        except BadRequest as error:
            await self._refused(announcement, error)
        except (NetworkError, TelegramError) as error:
            log.warning("An announcement cannot be posted now: %s", type(error).__name__)
            await self._put_off(announcement, _AGAIN_S)
        else:
            await asyncio.to_thread(self._outbox.posted, announcement, str(message_id))
            log.info("Challenge %s: %s announced", announcement.challenge_id, announcement.kind)

    async def _refused(self, announcement: Announcement, error: BadRequest) -> None:
        """Telegram will not take it: not here, or not as it is."""
        words = error.message.lower()
        if not any(closed in words for closed in _CLOSED):
            log.error("An announcement is refused: %s", error.message)
        await asyncio.to_thread(self._outbox.drop, announcement, "refused")

    async def _put_off(self, announcement: Announcement, after_s: float) -> None:
        # Whether it stands there or not, the next try does the same: it edits what was noted, or begins anew.
        await asyncio.to_thread(self._outbox.later, announcement, after_s)

    async def _post(self, announcement: Announcement) -> int:
        chat_id, thread_id = await self._place(announcement)
        if await self._front.is_closed(chat_id):
            raise Forbidden("the bot is not a member any more")
        message_id = int(announcement.placed or 0)
        if not message_id:
            message_id = await self._begin(announcement, chat_id, thread_id)
        post = await self._content(announcement, chat_id)
        try:
            await self._front.posting.edit(chat_id, message_id, post)
        except NoMediaError:
            message_id = await self._instead(announcement, chat_id, thread_id, message_id, post)
        except MessageGoneError:  # somebody deleted it, or the group moved away from it
            message_id = await self._begin(announcement, chat_id, thread_id)
            await self._front.posting.edit(chat_id, message_id, post)
        return message_id

    async def _place(self, announcement: Announcement) -> tuple[int, int]:
        """The chat where it is now, and the forum topic; in private for a moderator."""
        if announcement.user:
            return int(announcement.user.rpartition(":")[2]), 0
        chat_id = await asyncio.to_thread(self._front.memory.home, int(announcement.chat.chat_id))
        return chat_id, int(announcement.chat.channel_id or 0)

    async def _begin(self, announcement: Announcement, chat_id: int, thread_id: int) -> int:
        """The short line that becomes the announcement."""
        theme = str(announcement.facts.get("theme", ""))
        post = Post(say("telegram_challenge.news", announcement.chat.language, theme=theme))
        sent = await self._front.posting.send(chat_id, post, 0, thread_id)
        await asyncio.to_thread(self._outbox.place, announcement, str(sent.message_id))
        return sent.message_id

    async def _instead(
        self, announcement: Announcement, chat_id: int, thread_id: int, message_id: int, post: Post
    ) -> int:
        """A new message in the line's place, on servers where a text stays a text."""
        sent = await self._front.posting.send(chat_id, post, 0, thread_id)
        await asyncio.to_thread(self._outbox.place, announcement, str(sent.message_id))
        with contextlib.suppress(BadRequest):  # gone already
            await self._front.bot.delete_message(chat_id, message_id)
        return sent.message_id

    async def _content(self, announcement: Announcement, chat_id: int) -> Post:
        chat, challenges = announcement.chat, self._front.challenges

        def when(at_s: float) -> str:
            return clock_time(at_s, chat.time_zone, chat.language)

        text = await asyncio.to_thread(challenges.text, announcement, when)
        rows = keyboard([self._buttons(announcement, chat_id)])
        if announcement.kind != "results":
            return Post(text, keyboard=rows)
        async with self._easel:
            picture, alt = await asyncio.to_thread(self._poster, announcement.challenge_id, chat.language)
            let_go()
        return Post(f"{text}\n\n{alt}", picture, rows)  # Telegram has no other place for an alternative text

    def _poster(self, name: str, language: str) -> tuple[Picture, str]:
        """The poster and what it shows in words; takes a second: call it in a thread."""
        poster = self._front.challenges.gallery.poster(name, language)
        return as_photo(poster.data, poster.media_type, f"challenge-{name}", poster.spoiler), poster.alt

    def _buttons(self, announcement: Announcement, chat_id: int) -> list[InlineKeyboardButton]:
        name, kind, language = announcement.challenge_id, announcement.kind, announcement.chat.language
        group, bot_name = int(announcement.chat.chat_id), self._front.bot.username
        if announcement.user:
            return [spoken_button("m", name, group, language)]
        if kind in _ENTER:
            return [link_button(say("telegram_challenge.mine_button", language), bot_name, "mine", name, chat_id)]
        if kind in _VOTE:
            return [link_button(say("telegram_challenge.vote_button", language), bot_name, "vote", name, chat_id)]
        if kind == "results":
            return [spoken_button("g", name, chat_id, language, 1, "new"), spoken_button("lb", name, chat_id, language)]
        return []
