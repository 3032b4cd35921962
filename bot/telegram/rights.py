"""What the bot may do in a group: asked before anything is painted, not after."""

from __future__ import annotations

import time

from telegram import Bot, ChatMemberAdministrator, ChatMemberOwner, ChatMemberRestricted
from telegram.error import BadRequest, Forbidden, TelegramError

from nst.errors import UserError

_KNOWN_FOR_S = 300.0
_OUT = ("kicked", "blocked", "deactivated", "not a member", "deleted")
_CHATS = 1000


class Rights:
    """The bot's rights and the users', asked for now and then.

    Args:
        bot: Telegram's.
    """

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._good_until_s: dict[int, float] = {}

    async def check_photos(self, chat_id: int) -> None:
        """Whether results could be posted in a group.

        Raises:
            UserError: ``permission_missing``.
        """
        if self._good_until_s.get(chat_id, 0) > time.monotonic():
            return
        try:
            allowed = await self._may_send_photos(chat_id)
        except Forbidden:
            raise
        except TelegramError:
            return  # not known: the sending itself will tell
        if not allowed:
            raise UserError("permission_missing", {"missing": "can_send_photos"})
        if len(self._good_until_s) > _CHATS:
            self._good_until_s.clear()
        self._good_until_s[chat_id] = time.monotonic() + _KNOWN_FOR_S

    async def speaks_as(self, chat_id: int, user_id: int, identity: int) -> bool:
        """Whether somebody writes in a group as ``identity``: as the group itself, or as a channel that they run.

        Args:
            chat_id: The group.
            user_id: Who presses a button.
            identity: Telegram's id of the group or channel that wrote.
        """
        if identity == chat_id:
            return await self.manages(chat_id, user_id)
        try:
            return await self.manages(identity, user_id)
        except (BadRequest, Forbidden):
            return False  # a channel that we are not in: who runs it cannot be known

    async def manages(self, chat_id: int, user_id: int) -> bool:
        """Whether somebody is an administrator of a group, or speaks for the group itself."""
        if chat_id == user_id:
            return True
        member = await self._bot.get_chat_member(chat_id, user_id)
        return isinstance(member, ChatMemberAdministrator | ChatMemberOwner)

    def forget(self, chat_id: int) -> None:
        """What was known of a group is not so any more."""
        self._good_until_s.pop(chat_id, None)

    async def _may_send_photos(self, chat_id: int) -> bool:
        me = await self._bot.get_chat_member(chat_id, self._bot.id)
        if isinstance(me, ChatMemberAdministrator | ChatMemberOwner):
            return True
        if isinstance(me, ChatMemberRestricted):
            return me.can_send_photos and me.can_send_messages
        permissions = (await self._bot.get_chat(chat_id)).permissions
        return permissions is None or permissions.can_send_photos is not False


def is_out(error: Forbidden) -> bool:
    """Whether a refusal means that the bot was blocked or removed, or that the chat is gone."""
    return any(words in error.message.lower() for words in _OUT)


def missing_right(error: TelegramError) -> UserError | None:
    """What Telegram's refusal of a post means, where it means that the bot lacks a right; None otherwise."""
    words = error.message.lower()
    if "not enough rights to send" not in words and not ("chat_send_" in words and "_forbidden" in words):
        return None
    texts = "text" in words or "plain" in words
    return UserError("permission_missing", {"missing": "can_send_messages" if texts else "can_send_photos"})
