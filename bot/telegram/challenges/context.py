"""Somebody at a challenge's door or button, and how they are answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, User
from telegram.error import TelegramError

from bot.challenges.model import Challenge, Person
from bot.challenges.wording import clock_time
from bot.telegram.asker import Asker, chat_key
from bot.telegram.challenges.buttons import Pressed
from bot.telegram.posting import TOAST, MessageGoneError, Picture, Post, clipped
from nst.errors import UserError

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend
from typing import TYPE_CHECKING

from telegram import ChatMember
from telegram.error import BadRequest

from bot.telegram.asker import user_key


# What this room tells people that is no error of the whole project's.
class SaidError(Exception):
    """Something that the user is told.

    Args:
        name: Of the sentence, in the catalogue's table ``telegram_challenge``.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


_SHORT = 60  # beyond that people could not read it in passing


@dataclass(frozen=True)
class Visit:
    """One press, or one coming through a link.

    Attributes:
        front: The bot's belongings.
        asker: Who, and where they are.
        user: Who, as Telegram has them.
        pressed: What the button or link says.
        message: The message with the button; None where they came through a link.
        query: The press; None where they came through a link.
    """

    front: Frontend
    asker: Asker
    user: User
    pressed: Pressed
    message: Message | None = None
    query: CallbackQuery | None = None
    _known: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def language(self) -> str:
        """Theirs."""
        return self.asker.language

    @property
    def challenge_id(self) -> str:
        """Of the challenge."""
        return self.pressed.challenge_id

    async def chat_id(self) -> int:
        """The group that they belong to, where it is now."""
        return await asyncio.to_thread(self.front.memory.home, self.pressed.chat_id)

    async def person(self) -> Person:
        """Who they are in that group, by what Telegram says now: asked once."""
        if "person" not in self._known:
            self._known["person"] = await person_in(self.front, self.user, await self.chat_id())
        person: Person = self._known["person"]
        return person

    async def challenge(self) -> Challenge:
        """The challenge as it stands.

        Raises:
            UserError: ``challenge_unknown``.
        """
        return await asyncio.to_thread(self.front.challenges.life.read, self.challenge_id)

    async def check_here(self) -> None:
        """Whether they may look at a challenge: see ``check_member``.

        Raises:
            UserError: ``challenge_unknown``, ``challenge_not_here`` or ``not_a_member``.
        """
        if (await self.challenge()).chat(chat_key(await self.chat_id())) is None:
            raise UserError("challenge_not_here")
        await self.check_member()

    async def check_member(self) -> None:
        """Whether they may look at what is that group's: in the group itself, or as a member in private.

        Raises:
            UserError: ``not_a_member``.
        """
        chat_id = await self.chat_id()
        if self.asker.chat_id == chat_id:
            return
        if not self.asker.private or (await self.person()).is_member is not True:
            raise UserError("not_a_member")

    @property
    def told(self) -> bool:
        """Whether the press was answered."""
        return "told" in self._known

    async def tell(self, text: str = "") -> None:
        """Answer the press, with a toast that nobody else sees; the first answer is the one that counts."""
        if self.query is None or self.told:
            return
        self._known["told"] = True
        with contextlib.suppress(TelegramError):  # "query is too old": the press counts all the same
            words = clipped(text, TOAST) if text else None
            await self.query.answer(words, show_alert=len(text) > _SHORT)

    async def show(self, post: Post, new: bool = False) -> None:
        """Turn the message with the button into ``post``, or send it where there is none or a new one is wanted."""
        posting = self.front.posting
        if self.message is not None and not new:
            try:
                await posting.edit(self.asker.chat_id, self.message.message_id, post)
                return
            except MessageGoneError:
                pass  # or a text on a server that cannot make a picture of it
        await posting.send(self.asker.chat_id, post, self.asker.message_id, self.asker.thread_id)


def when(challenge: Challenge, chat_id: int, at_s: float, language: str) -> str:
    """A moment in a group's own time."""
    chat = challenge.chat(chat_key(chat_id)) or challenge.chats[0]
    return clock_time(at_s, chat.time_zone, language)


def picture_post(text: str, picture: Picture, rows: Sequence[Sequence[InlineKeyboardButton]]) -> Post:
    """A post with a sheet of entries."""
    return Post(text, picture, keyboard(rows))


def keyboard(rows: Sequence[Sequence[InlineKeyboardButton]]) -> InlineKeyboardMarkup | None:
    """Rows of buttons; empty ones are left out."""
    full = [list(row) for row in rows if row]
    return InlineKeyboardMarkup(full) if full else None


# What Telegram says of somebody: the facts by which the core decides who may take part.
_MANAGERS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)
_HIDDEN = ("inaccessible", "admin_required")  # the group shows its members to administrators only
_MEMBERS = (*_MANAGERS, ChatMember.MEMBER)


async def person_in(front: Frontend, user: User, chat_id: int, message: Message | None = None) -> Person:
    """Somebody, as a member of a group.

    Args:
        front: The bot's belongings.
        user: Who.
        chat_id: The group whose challenge it is; it may have moved since.
        message: What they wrote there, where that is how they act: it may be in the name of a chat.

    Raises:
        SaidError: The group hides its members from us.
        TelegramError: Telegram does not answer.
    """
    who, where = user_key(user.id), chat_key(chat_id)
    kind = _kind(user, message)
    if kind != "person":
        return Person(user=who, chat=where, name=user.full_name, kind=kind)
    status, inside = await _standing(front, user.id, chat_id)
    manages = status in _MANAGERS
    return Person(user=who, chat=where, name=user.full_name, manages=manages, is_member=inside)


def _kind(user: User, message: Message | None) -> str:
    if message is not None and message.sender_chat is not None:
        return "anonymous" if message.sender_chat.id == message.chat.id else "sender_chat"
    return "bot" if user.is_bot else "person"


async def _standing(front: Frontend, user_id: int, chat_id: int) -> tuple[str, bool]:
    """Somebody's status in a chat, and whether they are in it."""
    try:
        member = await front.bot.get_chat_member(chat_id, user_id)
    except BadRequest as error:
        if any(words in error.message.lower() for words in _HIDDEN):
            raise SaidError("members_hidden") from error
        return ChatMember.LEFT, False  # the chat does not know them
    inside = member.status in _MEMBERS or bool(getattr(member, "is_member", False))
    return member.status, inside
