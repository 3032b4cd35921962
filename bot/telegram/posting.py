"""Messages: sent once, then only edited. Editing twice is the same as editing once, sending is not."""

from __future__ import annotations

import asyncio
import io
import logging
import zipfile
from collections import OrderedDict
from dataclasses import dataclass, replace

from telegram import (
    InlineKeyboardMarkup,
    InputMediaAnimation,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    Message,
    MessageEntity,
    ReplyParameters,
    User,
)
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError
from telegram.ext import ExtBot

from bot.chat.progress import Shown
from bot.telegram.throttle import PROGRESS, TooBusyError

log = logging.getLogger(__name__)

ANIMATION, VIDEO = "animation", "video"
CAPTION_LIMIT, TEXT_LIMIT = 1024, 4096
TOAST = 200  # what a press can be answered with
_PROGRESS_TIMEOUT_S = 8.0
_REMEMBERED = 4096
_UNCHANGED = "message is not modified"
_NO_TEXT = "no text in the message"
_NO_MEDIA = "no media in the message"
_GONE = (
    "to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "no caption in",
)


class MessageGoneError(Exception):
    """The message cannot be written any more: deleted, or left behind in another chat."""


class NoMediaError(MessageGoneError):
    """A text cannot become a picture: a self-hosted Bot API server from before that was possible."""


@dataclass(frozen=True)
class Picture:
    """A picture to be posted.

    Attributes:
        data: Its bytes, or Telegram's own id of a file that it has already.
        name: File name.
        as_document: Nothing of it is recompressed.
        spoiler: Hidden until tapped; a document, which Telegram cannot hide, is then within a ZIP.
        motion: ``animation`` or ``video``: an MP4 without sound, and one with; "" for a photo.
    """

    data: bytes | str
    name: str = "pastiche.jpg"
    as_document: bool = False
    spoiler: bool = False
    motion: str = ""


@dataclass(frozen=True)
class Post:
    """What a message is to show.

    Attributes:
        text: Its words.
        picture: Its picture, or None.
        keyboard: Its buttons, or None.
        calls: Telegram's id of somebody whom a new text calls: the words are a mention of them.
    """

    text: str
    picture: Picture | None = None
    keyboard: InlineKeyboardMarkup | None = None
    calls: int = 0


class Posting:
    """Writes messages.

    Args:
        bot: Telegram's.
    """

    def __init__(self, bot: ExtBot[str]) -> None:
        self._bot = bot
        self._with_media: OrderedDict[tuple[int, int], bool] = OrderedDict()

    async def send(self, chat_id: int, post: Post, answers: int = 0, thread_id: int = 0) -> Message:
        """Post a new message.

        Args:
            chat_id: Where.
            post: What.
            answers: The message that it replies to, or 0; it may be gone.
            thread_id: The forum topic, or 0.

        Raises:
            TelegramError: ``Forbidden`` where the bot may not write.
        """
        sent = await self._send(chat_id, post, answers, thread_id)
        self._learn(chat_id, sent.message_id, post.picture is not None)
        return sent

    async def _send(self, chat_id: int, post: Post, answers: int, thread_id: int) -> Message:
        reply = ReplyParameters(answers, allow_sending_without_reply=True) if answers else None
        thread, keyboard = thread_id or None, post.keyboard
        if post.picture is None:
            return await self._bot.send_message(
                chat_id,
                clipped(post.text, TEXT_LIMIT),
                entities=_mention(post) if post.calls else None,
                reply_parameters=reply,
                message_thread_id=thread,
                reply_markup=keyboard,
            )
        caption = clipped(post.text, CAPTION_LIMIT)
        if post.picture.as_document:
            document = _covered(post.picture)
            return await self._bot.send_document(
                chat_id,
                document.data,
                caption=caption,
                filename=_name(document),
                reply_parameters=reply,
                message_thread_id=thread,
                reply_markup=keyboard,
                disable_content_type_detection=True,
            )
        if post.picture.motion:
            return await self._send_clip(chat_id, post, post.picture, reply, thread)
        return await self._bot.send_photo(
            chat_id,
            post.picture.data,
            caption=caption,
            filename=_name(post.picture),
            reply_parameters=reply,
            message_thread_id=thread,
            reply_markup=keyboard,
            has_spoiler=post.picture.spoiler or None,
        )

    async def _send_clip(
        self, chat_id: int, post: Post, picture: Picture, reply: ReplyParameters | None, thread: int | None
    ) -> Message:
        send = self._bot.send_animation if picture.motion == ANIMATION else self._bot.send_video
        return await send(
            chat_id,
            picture.data,
            caption=clipped(post.text, CAPTION_LIMIT),
            filename=_name(picture),
            reply_parameters=reply,
            message_thread_id=thread,
            reply_markup=post.keyboard,
            has_spoiler=picture.spoiler or None,
        )

    async def sticker(self, chat_id: int, sticker: Picture, answers: int, thread_id: int = 0) -> None:
        """Post a sticker below a message; what it is read from is in ``sticker.data``.

        Raises:
            TelegramError: As in ``send``.
        """
        reply = ReplyParameters(answers, allow_sending_without_reply=True) if answers else None
        thread = thread_id or None
        await self._bot.send_sticker(chat_id, sticker.data, reply_parameters=reply, message_thread_id=thread)

    async def edit(self, chat_id: int, message_id: int, post: Post, droppable: bool = False) -> Message | None:
        """Turn a message into ``post``; twice is as good as once.

        Args:
            chat_id: Where it is.
            message_id: Which.
            post: What it is to show; without a picture, the one that is there stays.
            droppable: Leave it out rather than wait for a flood limit.

        Returns:
            The message where it was changed; None where it was like that already.

        Raises:
            MessageGoneError: There is no such message any more.
            NoMediaError: The message is a text, and the server cannot make a picture of it.
            TooBusyError: It was left out.
            TelegramError: Telegram does not answer well.
        """
        limits = PROGRESS if droppable else None
        try:
            if post.picture is not None:
                return _message(await self._edit_media(chat_id, message_id, post, post.picture, limits))
            return _message(await self._edit_words(chat_id, message_id, post, limits))
        except BadRequest as error:
            words = error.message.lower()
            if _UNCHANGED in words:
                return None
            if _NO_MEDIA in words:
                raise NoMediaError from error
            if any(gone in words for gone in _GONE):
                raise MessageGoneError from error
            raise

    async def progress(self, chat_id: int, message_id: int, post: Post) -> Shown:
        """Show how a job stands; never waited for, never repeated."""
        try:
            async with asyncio.timeout(_PROGRESS_TIMEOUT_S):
                await self.edit(chat_id, message_id, post, droppable=True)
        except (TooBusyError, TimeoutError):
            return Shown.NOT_NOW
        except MessageGoneError:
            return Shown.NEVER
        except TelegramError as error:
            log.info("Progress was not shown: %s", type(error).__name__)
            passes = isinstance(error, RetryAfter | NetworkError) and not isinstance(error, BadRequest)
            return Shown.NOT_NOW if passes else Shown.NEVER
        return Shown.YES

    async def _edit_words(self, chat_id: int, message_id: int, post: Post, limits: str | None) -> Message | bool:
        """A text is edited one way, a caption another, and after a restart we do not know which it is."""
        if not self._with_media.get((chat_id, message_id)):
            try:
                return await self._bot.edit_message_text(
                    clipped(post.text, TEXT_LIMIT),
                    chat_id,
                    message_id,
                    reply_markup=post.keyboard,
                    rate_limit_args=limits,
                )
            except BadRequest as error:
                if _NO_TEXT not in error.message.lower():
                    raise
            self._learn(chat_id, message_id, True)
        return await self._bot.edit_message_caption(
            chat_id,
            message_id,
            caption=clipped(post.text, CAPTION_LIMIT),
            reply_markup=post.keyboard,
            rate_limit_args=limits,
        )

    async def _edit_media(
        self, chat_id: int, message_id: int, post: Post, picture: Picture, limits: str | None
    ) -> Message | bool:
        caption = clipped(post.text, CAPTION_LIMIT)
        media: InputMediaDocument | InputMediaPhoto | InputMediaAnimation | InputMediaVideo
        if picture.as_document:
            document = _covered(picture)
            media = InputMediaDocument(
                document.data, caption=caption, filename=_name(document), disable_content_type_detection=True
            )
        elif picture.motion:
            kind = InputMediaAnimation if picture.motion == ANIMATION else InputMediaVideo
            media = kind(picture.data, caption=caption, filename=_name(picture), has_spoiler=picture.spoiler or None)
        else:
            media = InputMediaPhoto(
                picture.data, caption=caption, filename=_name(picture), has_spoiler=picture.spoiler or None
            )
        edited = await self._bot.edit_message_media(
            media, chat_id, message_id, reply_markup=post.keyboard, rate_limit_args=limits
        )
        self._learn(chat_id, message_id, True)
        return edited

    def _learn(self, chat_id: int, message_id: int, with_media: bool) -> None:
        self._with_media[chat_id, message_id] = with_media
        if len(self._with_media) > _REMEMBERED:
            self._with_media.popitem(last=False)


def _mention(post: Post) -> list[MessageEntity]:
    whom = User(post.calls, first_name="-", is_bot=False)  # the name is not shown: the words are there instead
    return [MessageEntity(MessageEntity.TEXT_MENTION, 0, len(post.text.encode("utf-16-le")) // 2, user=whom)]


def clipped(text: str, limit: int) -> str:
    """A text in at most ``limit`` UTF-16 units, which is how Telegram counts."""
    if len(text.encode("utf-16-le")) // 2 <= limit:
        return text
    return text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore") + "…"


def _covered(document: Picture) -> Picture:
    """A document that shows nothing of itself, where it is to be hidden: Telegram would make a small picture of it."""
    if not document.spoiler or isinstance(document.data, str):
        return document
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as opened:
        opened.writestr(document.name, document.data)
    return replace(document, data=archive.getvalue(), name=document.name.rpartition(".")[0] + ".zip")


def _name(picture: Picture) -> str | None:
    """Only what is uploaded has one."""
    return None if isinstance(picture.data, str) else picture.name


def _message(answer: Message | bool) -> Message | None:
    return answer if isinstance(answer, Message) else None
