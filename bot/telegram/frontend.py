"""What every handler of this frontend needs, in one place."""

from __future__ import annotations

import asyncio
import logging
import weakref
from functools import cached_property
from typing import TYPE_CHECKING

import redis
import redis.asyncio
from telegram.error import Forbidden
from telegram.ext import ExtBot

from bot.challenges.service import Challenges
from bot.chat.access import Access, Viewer
from bot.chat.chat_settings import ChatSettings, ChatSettingsStore
from bot.chat.journal import Journal
from bot.chat.memory import Drafts, Sessions
from bot.chat.memory_budget import PictureRoom
from bot.chat.places import Places
from bot.chat.progress import ProgressLines
from bot.chat.recipe_codes import RecipeCodes
from bot.chat.service import StyleService, job_id_from
from bot.chat.twice import Twice
from bot.presets.catalogue import contact_sheet, load_presets
from bot.settings import Settings
from bot.telegram.asker import Asker, chat_key
from bot.telegram.challenges.memory import Notebook
from bot.telegram.chat_actions import ChatActions
from bot.telegram.memory import Memory
from bot.telegram.posting import Posting
from bot.telegram.rights import Rights, is_out
from bot.telegram.shared_lines import SharedLines
from nst.errors import PasticheError
from workers.client.client import QueueClient
from workers.client.outbox import OutboxReader
from workers.store.blobs import Blobs

if TYPE_CHECKING:
    from bot.chat.fetching import Fetcher, Reach

log = logging.getLogger(__name__)

FRONTEND = "telegram"
_PICTURES_BYTES = 12 * 1024 * 1024  # on their way to the queue at once: what keeps the process small
_SEEN = 20_000  # people of groups whom this process noted already
_SHEET_COLUMNS, _SHEET_CELL_PX = 4, 240


class Frontend:
    """The bot's belongings.

    Args:
        bot: Telegram's.
        settings: Of this process.
        connection: To the queue's Redis, for threads.
        stream: To the same, for the outbox.
        reach: Where addresses that people give may lead; the public internet if None.
    """

    def __init__(
        self,
        bot: ExtBot[str],
        settings: Settings,
        connection: redis.Redis,
        stream: redis.asyncio.Redis,
        reach: Reach | None = None,
    ) -> None:
        self.bot, self.language, self.connection = bot, settings.language, connection
        self.presets = load_presets(settings.presets_dir)
        self.service = StyleService(connection, self.presets, FRONTEND, settings.limits)
        self.queue, self.blobs = QueueClient(connection, settings.limits), Blobs(connection)
        self.chats, self.sessions = ChatSettingsStore(connection), Sessions(connection)
        self.drafts, self.recipes, self.memory = Drafts(connection), RecipeCodes(connection), Memory(connection)
        self.journal = Journal(connection, FRONTEND)
        self.challenges = Challenges(connection, self.presets, self.blobs, limits=settings.limits)
        self.notebook, self.access = Notebook(connection), Access(connection, self._home)
        self.twice = Twice(connection, FRONTEND)
        self.places = Places(connection, self.queue)
        self.posting, self.lines = Posting(bot), ProgressLines()
        self.shared_lines = SharedLines(bot, self.posting, connection)
        self.actions, self.rights = ChatActions(bot), Rights(bot)
        self.outbox = OutboxReader(stream, FRONTEND)
        self.picture_room, self._reach = PictureRoom(_PICTURES_BYTES), reach
        self._turns: weakref.WeakValueDictionary[tuple[str, str], asyncio.Lock] = weakref.WeakValueDictionary()
        self._seen: dict[tuple[str, str], None] = {}
        self._open: set[int] = set()
        self._sheets: dict[str, bytes | str] = {}

    @cached_property
    def fetcher(self) -> Fetcher:
        """Fetches what is behind links; loaded with the first one, since nothing else here speaks aiohttp."""
        from bot.chat.fetching import Fetcher

        return Fetcher(self._reach)

    def job_id(self, *words: object) -> str:
        """The job of a message or a press: the same one, should Telegram deliver it twice; nobody can work it out."""
        return "t" + job_id_from(self.bot.token, *map(str, words))

    def viewer(self, asker: Asker, settings: ChatSettings) -> Viewer:
        """The one who asks, as the access rules know them."""
        return Viewer(user=asker.user, place=asker.chat, others_may=settings.others_may_vary)

    def turn(self, chat: str, user: str) -> asyncio.Lock:
        """One user's updates in one chat are handled in their order; nobody waits for anybody else."""
        return self._turns.setdefault((chat, user), asyncio.Lock())

    async def sheet(self, language: str) -> bytes | str:
        """The presets' contact sheet: its bytes, or Telegram's id of it once it was sent."""
        if language not in self._sheets:
            self._sheets[language] = await asyncio.to_thread(
                contact_sheet, self.presets, _SHEET_COLUMNS, _SHEET_CELL_PX, True, language
            )
        return self._sheets[language]

    def sheet_is(self, language: str, file_id: str) -> None:
        """Telegram has the contact sheet now: it need not be sent again."""
        self._sheets[language] = file_id

    async def saw(self, asker: Asker) -> None:
        """Somebody did something: in a group, who was there before a challenge came may vote in it."""
        await self.enter(asker.chat_id)
        known = (asker.chat, asker.user)
        if asker.private or known in self._seen:
            return
        await asyncio.to_thread(self.challenges.life.saw, asker.chat, asker.user)
        if len(self._seen) >= _SEEN:
            self._seen.clear()
        self._seen[known] = None

    async def move(self, old_chat: int, new_chat: int) -> None:
        """A group became a supergroup: its settings, its pending jobs' answers and its challenges follow."""
        await asyncio.to_thread(self.memory.note_move, old_chat, new_chat)
        await asyncio.to_thread(self.chats.move, chat_key(old_chat), chat_key(new_chat))
        await asyncio.to_thread(self.access.shown.move, chat_key(old_chat), chat_key(new_chat))
        await asyncio.to_thread(self.challenges.life.move_chat, FRONTEND, str(old_chat), str(new_chat))
        log.info("A group became a supergroup")

    def _home(self, place: str) -> str:
        platform, _, chat = place.partition(":")
        return chat_key(self.memory.home(int(chat))) if platform == FRONTEND and chat else place

    async def leave(self, chat_id: int) -> None:
        """A chat is closed to us: we were blocked or removed. Nothing more is painted for it or sent there."""
        self._open.discard(chat_id)
        for job_id in await asyncio.to_thread(self.places.leave, chat_key(chat_id)):
            await self.lines.close(job_id)
        log.info("A chat is closed to us")

    async def forbidden(self, chat_id: int, error: Forbidden) -> None:
        """Telegram lets nothing through to a chat: perhaps because we are out of it."""
        log.info("Telegram forbids it: %s", error.message)
        if is_out(error):
            try:
                await self.leave(chat_id)
            except PasticheError as away:
                log.warning("The jobs of a chat that is closed to us could not be stopped: %s", away)

    async def enter(self, chat_id: int) -> None:
        """Something came from a chat: it is open."""
        if chat_id in self._open:
            return
        await asyncio.to_thread(self.places.enter, chat_key(chat_id))
        if len(self._open) >= _SEEN:
            self._open.clear()
        self._open.add(chat_id)

    async def is_closed(self, chat_id: int) -> bool:
        """Whether nothing can be sent to a chat any more."""
        return await asyncio.to_thread(self.places.closed, chat_key(chat_id))
