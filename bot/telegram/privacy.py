"""``/privacy`` and what its button does."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.telegram.asker import Asker
from bot.telegram.keyboards import owner_code
from bot.telegram.posting import Post
from bot.texts import say

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend


async def explain_privacy(front: Frontend, asker: Asker) -> None:
    """Say what is kept and offer to forget it."""
    label = say("button.forget", asker.language)
    button = InlineKeyboardButton(label, callback_data=f"p.forget.{owner_code(asker.user_id)}")
    post = Post(say("telegram.privacy", asker.language), keyboard=InlineKeyboardMarkup([[button]]))
    await front.posting.send(asker.chat_id, post, asker.message_id, asker.thread_id)


async def forget_user(front: Frontend, asker: Asker, message_id: int) -> None:
    """Forget everything about the one who asks, and say so in the message with the button."""

    def besides(job_ids: Collection[str]) -> None:
        front.memory.forget(job_ids)
        front.chats.forget(asker.user)  # a private chat has its user's key

    count = await front.service.forget(asker.user, besides)
    await front.posting.edit(asker.chat_id, message_id, Post(say("telegram.forgotten", asker.language, count=count)))
