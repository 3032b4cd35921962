"""Announcements: what the core has to tell this server's channels, each posted once.

A post carries a nonce that Discord takes once, for some minutes, and a button whose ``custom_id``
names the announcement, for ever: one that may stand already is looked for before it is posted again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
from discord.utils import escape_markdown

from bot.challenges.announcements import Announcement
from bot.discord.address import limit_in
from bot.discord.challenges.views import announcement_view
from bot.discord.keys import channel_key
from bot.discord.posting import NOBODY, Picture, names, to_file
from bot.texts import say
from nst.errors import OperatorError

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

log = logging.getLogger(__name__)

PLATFORM = "discord"
_INTERVAL_S = 1.0
_AGAIN_S = 10.0
_HISTORY = 500
_POSTER_BYTES = 12 * 1024 * 1024  # while it is drawn
_PASSING = (OSError, TimeoutError, aiohttp.ClientError, discord.DiscordServerError, discord.RateLimited)
_CLOSED = (discord.Forbidden, discord.NotFound)


class Herald:
    """Posts announcements.

    Args:
        bot: The client.
    """

    def __init__(self, bot: PasticheClient) -> None:
        self._bot = bot
        self._announcements = bot.challenges.announcements

    async def run(self) -> None:
        """Announce until cancelled; waits while Redis is away."""
        await self._bot.wait_until_ready()
        resumed = False
        while True:
            try:
                if not resumed:
                    await asyncio.to_thread(self._announcements.resume, PLATFORM)
                    resumed = True
                announcement = await asyncio.to_thread(self._announcements.claim, PLATFORM)
                if announcement is not None:
                    await self._deliver(announcement)
                    continue
            except OperatorError as error:
                log.warning("Announcements wait for Redis: %s", error.code)
            await asyncio.sleep(_INTERVAL_S)

    async def _deliver(self, announcement: Announcement) -> None:
        try:
            if await self._is_closed(announcement):
                await asyncio.to_thread(self._announcements.drop, announcement, "closed")
                return
            channel = await self._channel(announcement)
            message_id = await self._standing(announcement, channel) if announcement.redelivered else 0
            message_id = message_id or await self._post(announcement, channel)
        except _CLOSED:
            log.info("An announcement was dropped: its channel is closed to us")
            await asyncio.to_thread(self._announcements.drop, announcement, "closed")
        except _PASSING as error:
            log.warning("An announcement cannot be posted now: %s", type(error).__name__)
            await asyncio.to_thread(self._announcements.later, announcement, _AGAIN_S, False)
        except OperatorError:
            raise
        except Exception:  # one that cannot be posted must not stop the others
            log.exception("An announcement was dropped")
            await asyncio.to_thread(self._announcements.drop, announcement, "failed")
        else:
            await asyncio.to_thread(self._announcements.posted, announcement, str(message_id))
            log.info("Challenge %s: %s", announcement.challenge_id, announcement.event)

    async def _is_closed(self, announcement: Announcement) -> bool:
        places = (announcement.chat.key, channel_key(int(announcement.chat.channel_id)))
        return not announcement.user and await asyncio.to_thread(self._bot.places.closed, *places)

    async def _channel(self, announcement: Announcement) -> discord.abc.Messageable:
        if not announcement.user:
            return self._bot.get_partial_messageable(int(announcement.chat.channel_id))
        user = await self._bot.fetch_user(int(announcement.user.partition(":")[2]))
        return await user.create_dm()

    async def _standing(self, announcement: Announcement, channel: discord.abc.Messageable) -> int:
        """The message in which it stands already, or 0."""
        mark = f"{announcement.challenge_id}:{announcement.event}"
        try:
            async for message in channel.history(limit=_HISTORY):
                if self._bot.user and message.author.id == self._bot.user.id and names(message, mark):
                    return message.id
        except discord.Forbidden:
            pass  # without Read Message History the nonce alone keeps it single
        return 0

    async def _post(self, announcement: Announcement, channel: discord.abc.Messageable) -> int:
        language = announcement.chat.language
        text = await asyncio.to_thread(self._bot.challenges.text, announcement, when, escape_markdown)
        if announcement.user:
            look = say("discord_challenge.look", language, channel=f"<#{announcement.chat.channel_id}>")
            text = f"{text}\n{look}"
        view = announcement_view(announcement.challenge_id, announcement.kind, announcement.event, language)
        content: dict[str, Any] = {"content": text[:2000], "view": view, "nonce": announcement.nonce}
        if announcement.kind == "results":
            content["file"] = await self._poster(announcement)
        message = await channel.send(**content, allowed_mentions=NOBODY)
        return message.id

    async def _poster(self, announcement: Announcement) -> discord.File:
        async with self._bot.results_room.take(_POSTER_BYTES):
            gallery, chat = self._bot.challenges.gallery, announcement.chat
            poster = await asyncio.to_thread(gallery.poster, announcement.challenge_id, chat.language)
        picture = Picture(poster.data, poster.media_type, poster.alt, "poster")
        return await to_file(picture, limit_in(self._bot.get_guild(int(chat.chat_id))), poster.spoiler)


def when(at_s: float) -> str:
    """A time as everybody sees it in their own zone: "in 3 hours"."""
    return f"<t:{int(at_s)}:R>"
