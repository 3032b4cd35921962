"""The boundary of this frontend: whatever goes wrong becomes a sentence in the user's language."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError

from bot.telegram.asker import Asker
from bot.telegram.posting import MessageGoneError, Post
from bot.telegram.rights import missing_right
from bot.texts import as_told, explain, say
from nst.errors import OperatorError, PasticheError

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

log = logging.getLogger(__name__)


last_try: ContextVar[bool] = ContextVar("last_try", default=False)  # nobody asks again after this one


class ToldError(Exception):
    """It went wrong, and the user knows already."""


@asynccontextmanager
async def spoken(front: Frontend, asker: Asker) -> AsyncIterator[None]:
    """Everything raised inside is told to the user, and logged where it is not theirs to mend.

    That Telegram cannot be reached goes on to ``Questions``, which asks again later.

    Args:
        front: Whose messages are used.
        asker: Whom to tell.
    """
    try:
        yield
    except (ToldError, MessageGoneError):
        return
    except PasticheError as error:
        if isinstance(error, OperatorError):
            log.error("%s", error)
        await _tell(front, asker, sentence(error, asker.language))
    except Forbidden as error:
        await front.forbidden(asker.chat_id, error)
    except TelegramError as error:
        if comes_back(error):
            raise
        log.error("Telegram refused: %s", error.message)
        if isinstance(error, BadRequest):
            lacks = missing_right(error)
            if lacks:
                front.rights.forget(asker.chat_id)
            text = explain(lacks, asker.language) if lacks else say("telegram.refused", asker.language)
            await _tell(front, asker, text)
    except Exception:  # the frontend's boundary: a sentence, not silence
        log.exception("An update failed")
        await _tell(front, asker, say("telegram.unforeseen", asker.language))


def comes_back(error: BaseException) -> bool:
    """Whether Telegram is away for a while, and ``Questions`` will carry the update out again."""
    away = isinstance(error, RetryAfter | NetworkError) and not isinstance(error, BadRequest)
    return away and not last_try.get()


def sentence(error: PasticheError, language: str) -> str:
    """What a user is told; what only the operator can mend is said without the operator's details."""
    told = as_told(error)
    if isinstance(told, OperatorError):
        return say("telegram.not_now", language)
    return explain(told, language)


async def _tell(front: Frontend, asker: Asker, text: str) -> None:
    with contextlib.suppress(TelegramError):
        await front.posting.send(asker.chat_id, Post(text), asker.message_id, asker.thread_id)
