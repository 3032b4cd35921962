"""Which pictures somebody means on Discord: of a message and what it forwards, of words, of a channel.

Of a message in this order, all of them: attachments, media of its components, what Discord shows of its links, links
that it shows nothing of, stickers. Only where there is none of these, custom emoji. Links to Discord's own files
expire, so everything is read at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self

import aiohttp
import discord

from bot.chat.fetching import Fetcher
from bot.discord.throttle import outlast
from nst.errors import UserError
from nst.pictures.header import DEFAULT_LIMITS

PLATFORM = ("cdn.discordapp.com", "media.discordapp.net", "images-ext-1.discordapp.net", "images-ext-2.discordapp.net")
_NOT_WORDS = re.compile(r"<@!?\d+>|<a?:\w+:\d+>|https?://[^\s<>|]+")
_KINDS = ("image/", "video/mp4", "video/quicktime", "video/webm")
_AVATAR_PX, _AVATAR_BYTES = 1024, 2 * 1024 * 1024
_LINK = re.compile(r"https?://[^\s<>|]+", re.IGNORECASE)
_HIDDEN = re.compile(r"\|\|(.+?)\|\|", re.DOTALL)
_EMOJI = re.compile(r"<(a?):\w+:(\d+)>")
_PLACES = re.compile(r"https?://(?:\w+\.)?discord(?:app)?\.com/(?:channels|invite)/", re.IGNORECASE)
_CLOSING = ".,;:!?'\")]}"
_MOST = 10  # links of one message
_MESSAGES = 50  # through which the last picture of a channel is looked for
_OURS = re.compile(r"^(SPOILER_)?(pastiche-|original-)")  # no preview, no strip, no sheet
_BESIDE_OURS = re.compile(r"^(SPOILER_)?time-lapse-")  # comes with a result, and is not what anybody means


class Readable(Protocol):
    """What has bytes behind an address of Discord's CDN."""

    async def read(self) -> bytes:
        """The bytes."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """A picture that somebody gave, before it is read.

    Attributes:
        source: Where its bytes are: something of Discord's, or an address.
        size_bytes: What Discord says it weighs; 0 where only the answer will tell.
        spoiler: Whether it came hidden: then so is all that is made of it.
        still: Where it moves, the address of a picture that stands still for it, or "".
        format: Name of a format that is known and cannot be read, or "".
    """

    source: Readable | str
    size_bytes: int = 0
    spoiler: bool = False
    still: str = ""
    format: str = ""

    @classmethod
    def attached(cls, attachment: discord.Attachment) -> Self:
        """An attachment."""
        return cls(source=attachment, size_bytes=attachment.size, spoiler=attachment.is_spoiler())

    @classmethod
    def avatar(cls, user: discord.User | discord.Member) -> Self:
        """A person's avatar as it is seen where they are."""
        asset = user.display_avatar.replace(size=_AVATAR_PX, static_format="png")
        return cls(source=asset, size_bytes=_AVATAR_BYTES)

    @property
    def as_style(self) -> Given:
        """The picture to take a style from: what stands still for it."""
        return replace(self, source=self.still) if self.still else self


def check_declared(picture: Given | str) -> None:
    """Refuse what Discord already says cannot be used, before it is downloaded.

    Raises:
        UserError: ``image_too_many_bytes`` or ``image_format_unsupported``.
    """
    if isinstance(picture, Given) and picture.format:
        raise UserError("image_format_unsupported", {"found": picture.format})
    if size_bytes(picture) > DEFAULT_LIMITS.max_bytes:
        detail = {"received_bytes": size_bytes(picture), "allowed_bytes": DEFAULT_LIMITS.max_bytes}
        raise UserError("image_too_many_bytes", detail)


def size_bytes(picture: Given | str) -> int:
    """What room a picture takes here; none for what is stored already, or has the fetcher's."""
    return 0 if isinstance(picture, str) else picture.size_bytes


async def read_picture(fetcher: Fetcher, picture: Given) -> bytes:
    """Download a picture.

    Raises:
        UserError: ``image_not_received``: Discord does not have it any more, or cannot be reached; what
            ``Fetcher.fetch`` says.
    """
    if isinstance(picture.source, str):
        return await fetcher.fetch(picture.source)
    try:
        return await outlast(picture.source.read)
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
        raise UserError("image_not_received") from error


def pictures_of(message: discord.Message) -> list[Given]:
    """The pictures of a message and of what it forwards, in order; each once."""
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    found = [given for part in parts for given in _pictures_in(part)]
    found = found or [given for part in parts for given in _emoji_in(part.content)]
    return list({_place(given): given for given in reversed(found)}.values())[::-1]


def words_of(message: discord.Message) -> str:
    """The words of a message that are to be read as a recipe: no mention, no link, no emoji, no lone sign."""
    said = _NOT_WORDS.sub(" ", message.content).replace("||", " ").split()
    return " ".join(word for word in said if any(map(str.isalnum, word)))


def pictures_in(words: str) -> list[Given]:
    """The pictures that words name: links and custom emoji."""
    return [*_links_in(words), *_emoji_in(words)]


def named_people(message: discord.Message) -> list[discord.User | discord.Member]:
    """Whom the words of a message name, bots left out."""
    return [user for user in message.mentions if not user.bot and re.search(f"<@!?{user.id}>", message.content)]


async def last_pictures(bot: discord.ClientUser | None, channel: object) -> list[Given]:
    """Find the last pictures of a channel that the bot gets to see, all of one message; none where it may not read.

    Args:
        bot: Who we are: of our own messages only results are looked at.
        channel: Which.
    """
    if not isinstance(channel, discord.abc.Messageable):
        return []
    try:
        async for message in channel.history(limit=_MESSAGES):
            ours = bot is not None and message.author.id == bot.id
            names = [attachment.filename for attachment in message.attachments]
            found = [] if ours and not any(map(_OURS.match, names)) else pictures_of(message)
            if usable := [given for given in found if not given.format]:
                return usable
    except discord.HTTPException:
        pass
    return []


def _pictures_in(part: discord.Message | discord.MessageSnapshot) -> Iterator[Given]:
    result = any(_OURS.match(attachment.filename) for attachment in part.attachments)
    for attachment in part.attachments:
        if result and _BESIDE_OURS.match(attachment.filename):
            continue
        if attachment.content_type is None or attachment.content_type.startswith(_KINDS):
            yield Given.attached(attachment)  # a file without a type is tried, and told apart by its bytes
    yield from _media_in(part.components, spoiler=False)
    hidden = {link for words in _HIDDEN.findall(part.content) for link in _LINK.findall(words)}
    shown = set()
    for embed in part.embeds:
        if embed.url:
            shown.add(embed.url)
        if given := _shown_by(embed):
            yield replace(given, spoiler=given.spoiler or embed.url in hidden)
    yield from (link for link in _links_in(part.content) if link.source not in shown)
    for sticker in part.stickers:
        lottie = sticker.format is discord.StickerFormatType.lottie
        yield Given(source=sticker.url, format="Lottie" if lottie else "")


def _media_in(components: Iterable[object], spoiler: bool) -> Iterator[Given]:
    """The media of a message's layout; what lies in a hidden container is hidden."""
    for one in components:
        match one:
            case discord.MediaGalleryComponent():
                for item in one.items:
                    yield from _medium(item.media, spoiler or item.spoiler)
            case discord.FileComponent() | discord.ThumbnailComponent():
                yield from _medium(one.media, spoiler or one.spoiler)
            case discord.SectionComponent():
                yield from _media_in([one.accessory], spoiler)
            case discord.Container():
                yield from _media_in(one.children, spoiler or one.spoiler)


def _medium(media: discord.UnfurledMediaItem, spoiler: bool) -> Iterator[Given]:
    if (media.content_type or "image/").startswith(_KINDS):
        yield Given(source=media.proxy_url or media.url, spoiler=spoiler)


def _shown_by(embed: discord.Embed) -> Given | None:
    """What Discord shows of a link, from its own proxy: the film that a GIF picker's GIF is, or a picture."""
    still = next((one for one in (embed.image, embed.thumbnail) if one.url), None)
    picture = (still.proxy_url or still.url or "") if still else ""
    spoiler = still is not None and still.flags.spoiler
    if embed.type == "gifv" and embed.video.url:
        film = embed.video.proxy_url or embed.video.url
        return Given(source=film, spoiler=spoiler or embed.video.flags.spoiler, still=picture)
    return Given(source=picture, spoiler=spoiler) if picture else None


def _links_in(words: str) -> Iterator[Given]:
    hidden = {link for part in _HIDDEN.findall(words) for link in _LINK.findall(part)}
    for link in _LINK.findall(words)[:_MOST]:
        if not _PLACES.match(link):
            yield Given(source=link.rstrip(_CLOSING), spoiler=link in hidden)


def _emoji_in(words: str) -> Iterator[Given]:
    for animated, number in _EMOJI.findall(words):
        yield Given(source=f"https://cdn.discordapp.com/emojis/{number}.{'gif' if animated else 'png'}")


def _place(given: Given) -> str:
    """Where a picture is, however it is written: Discord signs its addresses anew each time, and has them twice."""
    address = given.source if isinstance(given.source, str) else str(getattr(given.source, "url", id(given.source)))
    return re.sub(r"^https://(?:cdn\.discordapp\.com|media\.discordapp\.net)/(\S+?)(?:\?.*)?$", r"\1", address)
