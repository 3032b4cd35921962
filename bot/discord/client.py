"""The client: what it holds, what it listens to, and the work that goes on behind it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import Any

import discord
import redis
import redis.asyncio
from discord import app_commands

from bot.challenges.clock import keep_time
from bot.challenges.service import Challenges
from bot.chat.access import Access, Viewer
from bot.chat.chat_settings import ChatSettings, ChatSettingsStore
from bot.chat.fetching import Fetcher, Reach
from bot.chat.memory import Sessions
from bot.chat.memory_budget import PictureRoom, settle_down
from bot.chat.places import Places
from bot.chat.progress import ProgressLines
from bot.chat.recipe_codes import RecipeCodes
from bot.chat.service import StyleService, job_id_from
from bot.chat.twice import Twice
from bot.discord.boundary import spoken
from bot.discord.buttons import press
from bot.discord.challenges.announcer import Herald
from bot.discord.challenges.commands import add_challenge_commands
from bot.discord.commands import add_picture_commands
from bot.discord.courier import Courier
from bot.discord.information import add_information_commands
from bot.discord.intake import resume_lines
from bot.discord.keys import channel_key, chat_key_of, user_key
from bot.discord.mentions import answer
from bot.discord.menus import add_menus
from bot.discord.own_jobs import add_job_commands
from bot.discord.pictures import PLATFORM
from bot.discord.posting import NOBODY, Posting
from bot.discord.promises import Promises, listen, redeem
from bot.discord.settings_command import add_settings_command
from bot.discord.throttle import trace
from bot.discord.words import Words
from bot.presets.catalogue import load_presets
from bot.settings import Settings
from nst.errors import OperatorError, PasticheError
from workers.client.client import QueueClient
from workers.client.outbox import OutboxReader
from workers.client.reaper import keep_reaping
from workers.store.blobs import Blobs

log = logging.getLogger(__name__)

FRONTEND = "discord"
_ROOM_BYTES = 12 * 1024 * 1024  # on each way: many small pictures, or one large one; what keeps the process small
_READY_TIMEOUT_S = 0.5  # nothing here needs every server's members


class PasticheClient(discord.Client):
    """The bot.

    Args:
        settings: Of this process.
        connection: To the queue's Redis, for threads.
        stream: To the same, for the outbox.
        reach: Where addresses that people give may lead; the public internet if None.
    """

    def __init__(
        self,
        settings: Settings,
        connection: redis.Redis,
        stream: redis.asyncio.Redis,
        reach: Reach | None = None,
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True),  # none is privileged
            proxy=settings.discord_proxy or None,
            http_trace=trace(),
            allowed_mentions=NOBODY,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            guild_ready_timeout=_READY_TIMEOUT_S,
        )
        self.language = settings.language
        self.connection = connection
        self.presets = load_presets(settings.presets_dir)
        self.service = StyleService(connection, self.presets, FRONTEND, settings.limits)
        self.queue, self.blobs = QueueClient(connection, settings.limits), Blobs(connection)
        self.chats, self.sessions = ChatSettingsStore(connection), Sessions(connection)
        self.challenges = Challenges(connection, self.presets, self.blobs, limits=settings.limits)
        self.recipes, self.access = RecipeCodes(connection), Access(connection)
        self.twice = Twice(connection, FRONTEND)
        self._secret = settings.discord_token.get_secret_value()
        self.places = Places(connection, self.queue)
        self.posting, self.lines = Posting(self), ProgressLines()
        self.promises = Promises(connection)
        self.sheets: dict[tuple[tuple[str, ...], str], bytes] = {}
        self.fetcher = Fetcher(replace(reach or Reach(), platform=PLATFORM, proxy=settings.discord_proxy))
        self.picture_room, self.results_room = PictureRoom(_ROOM_BYTES), PictureRoom(_ROOM_BYTES)
        self._courier = Courier(self, OutboxReader(stream, FRONTEND))
        self._background: list[asyncio.Task[Any]] = []
        self.tree = _tree(self)
        listen(self, self._connection.parsers)

    async def setup_hook(self) -> None:
        """Announce the commands, and start to deliver what came while we were away."""
        await self.tree.set_translator(Words())
        self._background = [
            asyncio.create_task(self._announce(), name="announce"),
            asyncio.create_task(self._courier.run(), name="courier"),
            asyncio.create_task(self._resume(), name="resume"),
            asyncio.create_task(Herald(self).run(), name="herald"),
            asyncio.create_task(keep_time(self.challenges.clock), name="clock"),
            asyncio.create_task(keep_reaping(self.connection), name="reaper"),
            asyncio.create_task(self.service.held.watch(), name="held"),
        ]

    async def close(self) -> None:
        """End what goes on behind, then the connection."""
        for task in self._background:
            task.cancel()
        await super().close()

    async def on_ready(self) -> None:
        """Say so in the log, for supervisors."""
        settle_down()
        log.info("Discord: ready")

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Buttons and selects; commands go through the tree."""
        if interaction.type is discord.InteractionType.component:
            async with spoken(interaction, self.language):
                await press(self, interaction)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """A server is closed to us."""
        await self._leave(chat_key_of(guild.id))

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """A server is open, perhaps again."""
        with contextlib.suppress(PasticheError):  # the store is away: the mark ends by itself
            await asyncio.to_thread(self.places.enter, chat_key_of(guild.id))

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """The same, where Discord was away meanwhile."""
        await self.on_guild_join(guild)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """A channel is gone."""
        await self._leave(chat_key_of(channel.guild.id), str(channel.id))

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """A thread is gone."""
        await self._leave(chat_key_of(payload.guild_id), str(payload.thread_id))

    async def _leave(self, chat: str, channel_id: str = "") -> None:
        try:
            for job_id in await asyncio.to_thread(self.places.leave, chat, channel_id):
                await self.lines.close(job_id)
        except PasticheError as error:
            log.warning("The jobs of a place that is closed to us could not be stopped: %s", error)

    async def on_message(self, message: discord.Message) -> None:
        """Mentions and private messages."""
        await answer(self, message)

    def job_id(self, asked: discord.Interaction | discord.Message) -> str:
        """The job of a question: the same one, should Discord send it twice; nobody can work it out."""
        return "d" + job_id_from(self._secret, str(asked.id))

    def viewer(self, interaction: discord.Interaction, settings: ChatSettings) -> Viewer:
        """The one who asks, as the access rules know them."""
        place = channel_key(interaction.channel_id)
        return Viewer(user=user_key(interaction.user), place=place, others_may=settings.others_may_vary)

    async def _resume(self) -> None:
        try:
            await resume_lines(self, FRONTEND)
            await self.wait_until_ready()  # what is asked again looks at servers and channels
            await redeem(self, lambda event, data: self._connection.parsers[event](data))
        except OperatorError as error:
            log.warning("Earlier questions and jobs are not spoken of: %s", error)

    async def _announce(self) -> None:
        """Not waited for: a slow answer must not keep the bot from its work."""
        try:
            await self.tree.sync()
        except (discord.HTTPException, app_commands.AppCommandError, OSError) as error:
            log.error("The commands could not be announced: %s", error)


class _Tree(app_commands.CommandTree[PasticheClient]):
    """Commands whose own boundary did not get the error: options that discord.py could not read."""

    async def on_error(
        self, interaction: discord.Interaction[PasticheClient], error: app_commands.AppCommandError
    ) -> None:
        """Tell the user."""
        async with spoken(interaction, interaction.client.language):
            raise error


def _tree(bot: PasticheClient) -> app_commands.CommandTree[PasticheClient]:
    tree = _Tree(
        bot,
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
    )
    add_picture_commands(bot, tree)
    add_information_commands(bot, tree)
    add_job_commands(bot, tree)
    add_settings_command(bot, tree)
    add_challenge_commands(bot, tree)
    add_menus(bot, tree)
    return tree
