"""Pictures of Discord's: attachments, embeds, stickers and avatars, read at once because their links expire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

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


@dataclass(frozen=True, kw_only=True)
class Given:
    """A picture that somebody gave, before it is read.

    Attributes:
        source: Where its bytes are.
        size_bytes: What Discord says it weighs; a guess for avatars.
        spoiler: Whether it came hidden: then so is all that is made of it.
    """

    source: Readable
    size_bytes: int = _AVATAR_BYTES
    spoiler: bool = False

    @classmethod
    def attached(cls, attachment: discord.Attachment) -> Self:
        """An attachment."""
        return cls(source=attachment, size_bytes=attachment.size, spoiler=attachment.is_spoiler())


def check_declared(picture: Given | str) -> None:
    """Refuse what Discord already says is too large, before it is downloaded.

    Raises:
        UserError: ``image_too_many_bytes``.
    """
    if size_bytes(picture) > DEFAULT_LIMITS.max_bytes:
        detail = {"received_bytes": size_bytes(picture), "allowed_bytes": DEFAULT_LIMITS.max_bytes}
        raise UserError("image_too_many_bytes", detail)


def size_bytes(picture: Given | str) -> int:
    """What has to be downloaded for a picture; nothing for what is stored already."""
    return 0 if isinstance(picture, str) else picture.size_bytes


async def read_picture(picture: Given) -> bytes:
    """Download a picture.

    Raises:
        UserError: ``image_not_received``: Discord does not have it any more, or cannot be reached.
    """
    try:
        return await picture.source.read()
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
        raise UserError("image_not_received") from error


def pictures_of(message: discord.Message) -> Sequence[Given]:
    """The pictures of a message and of what it forwards, in order."""
    attachments = [*message.attachments, *(a for snapshot in message.message_snapshots for a in snapshot.attachments)]
    return [Given.attached(attachment) for attachment in attachments if _is_picture(attachment)]


def _is_picture(attachment: discord.Attachment) -> bool:
    """By what Discord says of it; a file without a type is tried, and told apart by its bytes."""
    return attachment.content_type is None or attachment.content_type.startswith(_KINDS)
