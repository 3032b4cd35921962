"""How a message is written: by the interaction's token while that lives, by the channel afterwards.

Nobody is ever mentioned, every picture has its alt text, and every file fits.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import logging
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import discord

from bot.chat.fitting import fit_bytes, suffix
from bot.chat.progress import Shown
from bot.discord.address import Address
from bot.discord.throttle import TooManyRequestsError, impatiently
from bot.texts import say

log = logging.getLogger(__name__)

NOBODY = discord.AllowedMentions.none()
INVALID_TOKEN, UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION = 50027, 10015, 10062
UNKNOWN_MESSAGE, UNKNOWN_CHANNEL = 10008, 10003
_DEAD_TOKEN = frozenset({INVALID_TOKEN, UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION})
_GONE = frozenset({UNKNOWN_MESSAGE, UNKNOWN_CHANNEL})
_HISTORY = 100
_PROGRESS_TIMEOUT_S = 10
_REQUEST_BYTES = 24 * 1024 * 1024  # all files of one request; Discord takes 25 MiB


@dataclass(frozen=True)
class Picture:
    """A picture to be attached.

    Attributes:
        data: The file.
        media_type: Its type.
        alt: What a screen reader says.
        name: File name without its end.
    """

    data: bytes
    media_type: str
    alt: str
    name: str = "pastiche"


@dataclass(frozen=True)
class Post:
    """What a message says and shows.

    Attributes:
        text: Its words.
        picture: Its picture, or None.
        view: Its buttons, or None.
        film: A second file, which is left out, and said so, where it is too large.
        others: Further pictures.
    """

    text: str
    picture: Picture | None = None
    view: discord.ui.View | None = None
    film: Picture | None = None
    others: tuple[Picture, ...] = ()


class MessageGoneError(Exception):
    """The message that said "queued" cannot be written any more: deleted, or out of reach."""


class Posting:
    """Writes messages.

    Args:
        client: The bot.
    """

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def edit(self, address: Address, post: Post) -> None:
        """Turn the message into ``post``, by whichever way is open.

        Raises:
            MessageGoneError: It was deleted, or neither way is open.
            discord.HTTPException, OSError, aiohttp.ClientError: Discord does not answer well.
        """
        content = await self._content(post, address)
        if address.token_lives:
            try:
                await self._webhook(address).edit_message(_message_of(address), **content)
            except discord.HTTPException as error:
                if error.code in _GONE:
                    raise MessageGoneError from error
                if error.code not in _DEAD_TOKEN:
                    raise
                content = await self._content(post, address)  # a sent file cannot be sent again
            else:
                return
        await self._edit_by_channel(address, content)

    async def progress(self, address: Address, text: str, preview: bytes, view: discord.ui.View) -> Shown:
        """Show how the job stands; never tried twice.

        Args:
            address: The message that says "queued".
            text: The line.
            preview: A small JPEG of the picture as it stands, or b"" to leave what is there.
            view: The button that cancels.
        """
        content: dict[str, Any] = {"content": text, "allowed_mentions": NOBODY, "view": view}
        if preview:
            file = discord.File(io.BytesIO(preview), filename="preview.jpg", description=text, spoiler=address.spoiler)
            content["attachments"] = [file]
        try:
            async with asyncio.timeout(_PROGRESS_TIMEOUT_S):
                with impatiently():
                    if address.token_lives:
                        await self._webhook(address).edit_message(address.message_id, **content)
                    else:
                        await self._partial(address).edit(**content)
        except (TimeoutError, discord.DiscordServerError, OSError, aiohttp.ClientError) as error:
            log.info("Progress was not shown: %s", type(error).__name__)
            return Shown.NOT_NOW
        except (TooManyRequestsError, discord.HTTPException) as error:  # ten thousand refusals in ten minutes are a ban
            log.info("Progress ends here: %s", type(error).__name__)
            return Shown.NEVER
        return Shown.YES

    async def reply(self, address: Address, post: Post, key: str) -> None:
        """Post below the message; the same key does so once only.

        Args:
            address: The message that said "queued".
            post: What to say.
            key: Unique name of what is posted.

        Raises:
            discord.HTTPException: For instance ``Forbidden`` where the bot may not write.
        """
        content = await self._content(post, address)
        files = content.pop("attachments")
        nonce = hashlib.sha256(key.encode()).hexdigest()[:25]
        await self._channel(address).send(
            **content, files=files, nonce=nonce, reference=self._reference(address), mention_author=False
        )

    async def tell(self, address: Address, post: Post) -> None:
        """Say it to the user in private, where the channel is closed to us.

        Raises:
            discord.HTTPException: They do not take messages.
        """
        content = await self._content(post, address)
        user = await self._client.fetch_user(address.user_id)
        await user.send(files=content.pop("attachments"), **content)

    async def settle(self, address: Address, text: str) -> None:
        """Leave a last word in the message, if that is still possible."""
        with contextlib.suppress(MessageGoneError, discord.HTTPException, OSError, aiohttp.ClientError):
            await self.edit(address, Post(text))

    async def shows_picture(self, address: Address) -> bool:
        """Whether the message shows its picture already: asked before a result is posted a second time."""
        try:
            if address.token_lives:
                message: discord.Message = await self._webhook(address).fetch_message(address.message_id)
            else:
                message = await self._partial(address).fetch()
        except discord.HTTPException:
            return False
        return bool(message.attachments)

    async def has_reply(self, address: Address, mark: str) -> bool:
        """Whether one of our messages after this one has a button that names ``mark``."""
        after = discord.Object(address.message_id)
        try:
            async for message in self._channel(address).history(limit=_HISTORY, after=after, oldest_first=True):
                if self._client.user and message.author.id == self._client.user.id and names(message, mark):
                    return True
        except discord.HTTPException:
            pass  # without Read Message History the nonce alone keeps it single
        return False

    async def _edit_by_channel(self, address: Address, content: dict[str, Any]) -> None:
        if not address.message_id:
            raise MessageGoneError
        try:
            await self._partial(address).edit(**content)
        except (discord.Forbidden, discord.NotFound) as error:
            raise MessageGoneError from error

    async def _content(self, post: Post, address: Address) -> dict[str, Any]:
        pictures = [post.picture, *post.others] if post.picture else []
        limit_bytes = min(address.limit_bytes, _REQUEST_BYTES // len(pictures)) if post.others else address.limit_bytes
        files = [await to_file(picture, limit_bytes, address.spoiler) for picture in pictures]
        text = post.text
        if post.film and len(post.film.data) <= address.limit_bytes:
            files.append(await to_file(post.film, address.limit_bytes, address.spoiler))
        elif post.film:
            text += "\n" + say("discord.time_lapse_too_large", address.language)
        return {"content": text, "allowed_mentions": NOBODY, "view": post.view, "attachments": files}

    def _webhook(self, address: Address) -> discord.Webhook:
        webhook = discord.Webhook.partial(self._client.application_id or 0, address.token, client=self._client)
        webhook.proxy, webhook.proxy_auth = self._client.http.proxy, self._client.http.proxy_auth
        return webhook

    def _channel(self, address: Address) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(address.channel_id)

    def _partial(self, address: Address) -> discord.PartialMessage:
        return self._channel(address).get_partial_message(address.message_id)

    @staticmethod
    def _reference(address: Address) -> discord.MessageReference:
        return discord.MessageReference(
            message_id=address.message_id, channel_id=address.channel_id, fail_if_not_exists=False
        )


def _message_of(address: Address) -> int:
    """The interaction's own answer has a name as well, for when its number was never learned."""
    return address.message_id or cast("int", "@original")


async def to_file(picture: Picture, limit_bytes: int, spoiler: bool = False) -> discord.File:
    """A file that Discord takes, re-encoded if it must be.

    Args:
        picture: What to attach.
        limit_bytes: The interaction's ``attachment_size_limit``.
        spoiler: Hide it until clicked.
    """
    data, media_type = await asyncio.to_thread(fit_bytes, picture.data, picture.media_type, limit_bytes)
    name = f"{picture.name}{suffix(media_type)}"
    return discord.File(io.BytesIO(data), filename=name, description=picture.alt[:1024], spoiler=spoiler)


def names(message: discord.Message, mark: str) -> bool:
    """Whether a button of a message has ``mark`` in its ``custom_id``."""
    rows = (row for row in message.components if isinstance(row, discord.ActionRow))
    return any(mark in (item.custom_id or "") for row in rows for item in row.children)
