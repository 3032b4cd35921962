"""``/privacy`` and what its button does."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.chat.privacy import noted_jobs
from bot.telegram.asker import Asker
from bot.telegram.keyboards import owner_code
from bot.telegram.posting import Post
from bot.texts import say

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend


async def explain_privacy(front: Frontend, asker: Asker) -> None:
    """Say what is kept and offer to forget it."""
    post = Post(say("telegram.privacy", asker.language), keyboard=_buttons(asker, "forget"))
    await front.posting.send(asker.chat_id, post, asker.message_id, asker.thread_id)


async def ask_to_forget(front: Frontend, asker: Asker, message_id: int) -> None:
    """Turn the message with the button into the question whether they are sure, which says what goes."""
    count = len(await asyncio.to_thread(noted_jobs, front.connection, asker.user))
    question = say("privacy.ask", asker.language, count=count)
    await front.posting.edit(
        asker.chat_id, message_id, Post(question, keyboard=_buttons(asker, "forget_sure", "forget_stay"))
    )


async def keep_user(front: Frontend, asker: Asker, message_id: int) -> None:
    """They think better of it."""
    await front.posting.edit(asker.chat_id, message_id, Post(say("privacy.kept", asker.language)))


async def forget_user(front: Frontend, asker: Asker, message_id: int) -> None:
    """Forget everything about the one who asks, and say so in the question's place."""

    def besides(job_ids: Collection[str]) -> None:
        front.memory.forget(job_ids)
        front.chats.forget(asker.user)  # a private chat has its user's key

    count = await front.service.forget(asker.user, besides)
    await front.posting.edit(asker.chat_id, message_id, Post(say("telegram.forgotten", asker.language, count=count)))


def _buttons(asker: Asker, *verbs: str) -> InlineKeyboardMarkup:
    owner = owner_code(asker.user_id)
    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(say(f"button.{verb}", asker.language), callback_data=f"p.{verb}.{owner}")]
            for verb in verbs
        ]
    )
