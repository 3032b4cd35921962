"""Pictures of Discord's: attachments, embeds, stickers and avatars, read at once because their links expire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import aiohttp
import discord

from nst.errors import UserError
from nst.image_header import DEFAULT_LIMITS

_KINDS = ("image/", "video/mp4", "video/quicktime")


_AVATAR_BYTES = 2 * 1024 * 1024


class Readable(Protocol):
    """What has bytes behind an address of Discord's CDN."""

    async def read(self) -> bytes:
        """The bytes."""


def check_declared(attachment: discord.Attachment) -> None:
    """Refuse what Discord already says is too large, before it is downloaded.

    Raises:
        UserError: ``image_too_many_bytes``.
    """
    if attachment.size > DEFAULT_LIMITS.max_bytes:
        detail = {"received_bytes": attachment.size, "allowed_bytes": DEFAULT_LIMITS.max_bytes}
        raise UserError("image_too_many_bytes", detail)


def size_bytes(picture: object) -> int:
    """What Discord says a picture weighs; a guess for avatars, nothing for what is stored already."""
    if isinstance(picture, discord.Attachment):
        return picture.size
    return 0 if isinstance(picture, str) else _AVATAR_BYTES


async def read_picture(picture: Readable) -> bytes:
    """Download a picture.

    Raises:
        UserError: ``image_not_received``: Discord does not have it any more, or cannot be reached.
    """
    try:
        return await picture.read()
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
        raise UserError("image_not_received") from error


def pictures_of(message: discord.Message) -> Sequence[discord.Attachment]:
    """The picture attachments of a message and of what it forwards, in order."""
    attachments = [*message.attachments, *(a for snapshot in message.message_snapshots for a in snapshot.attachments)]
    return [attachment for attachment in attachments if _is_picture(attachment)]


def _is_picture(attachment: discord.Attachment) -> bool:
    """By what Discord says of it; a file without a type is tried, and told apart by its bytes."""
    return attachment.content_type is None or attachment.content_type.startswith(_KINDS)
