"""What Telegram says of somebody: the facts by which the core decides who may take part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import ChatMember, Message, User
from telegram.error import BadRequest

from bot.challenges.model import Person
from bot.telegram.asker import chat_key, user_key
from bot.telegram.challenges.said import SaidError

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

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
