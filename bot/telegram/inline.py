"""Inline queries: ``@bot style`` in any chat lists one's own recent results. Nothing slow happens here."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from telegram import InlineQuery, InlineQueryResultCachedDocument, InlineQueryResultCachedPhoto
from telegram.error import TelegramError

from bot.telegram.asker import user_key
from bot.telegram.memory import RecentResult
from nst.errors import PasticheError

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

log = logging.getLogger(__name__)

_MOST = 50
_CACHE_S = 5


async def answer_inline(front: Frontend, query: InlineQuery) -> None:
    """Offer the asker's results whose caption has all of the query's words."""
    words = query.query.lower().split()
    try:
        results = await asyncio.to_thread(front.memory.results, user_key(query.from_user.id))
    except PasticheError as error:
        log.error("%s", error)
        results = []
    if words == ["style"]:  # "@bot style" is how one asks for all
        words = []
    found = [result for result in results if all(word in result.caption.lower() for word in words)]
    try:
        await query.answer([_shown(result) for result in found[:_MOST]], cache_time=_CACHE_S, is_personal=True)
    except TelegramError as error:
        log.info("An inline query was not answered: %s", type(error).__name__)


def _shown(result: RecentResult) -> InlineQueryResultCachedDocument | InlineQueryResultCachedPhoto:
    name, line = result.job_id[-64:], result.caption.split("\n")[0]
    if result.document:
        return InlineQueryResultCachedDocument(name, line[:100], result.file_id, caption=line)
    return InlineQueryResultCachedPhoto(name, result.file_id, caption=line)
