"""Pictures as Telegram has them: which one a message holds, how to get its bytes, what may be posted.

A picture's reference is what a draft remembers: ``photo:…``, ``file:…``, ``sticker:…`` and ``clip:…`` name a
file of Telegram's, ``kept:…`` a blob of ours, ``link:…`` is an address, ``job:…`` and ``lent:…`` the photograph of a
result (lent where it was not shown to the one who asks). A file, and what was kept or made of one, is full quality.
With ``!`` before the colon (``photo!:…``) it came under a spoiler, or is to be painted under one.
"""

from __future__ import annotations

import asyncio
import io
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from PIL import Image
from telegram import ExternalReplyInfo, File, Message, MessageEntity, Sticker
from telegram.error import BadRequest

from bot.chat.fitting import fit_bytes, suffix
from bot.telegram.posting import ANIMATION, VIDEO, Picture
from bot.telegram.throttle import outlast
from nst.errors import UserError
from nst.pictures.clip_header import MP4, check_duration
from nst.pictures.mp4 import has_sound

if TYPE_CHECKING:
    from bot.telegram.asker import Asker
    from bot.telegram.frontend import Frontend

DOWNLOAD_LIMIT_BYTES = 20 * 1024 * 1024
PHOTO_LIMIT_BYTES = 10 * 1024 * 1024
DOCUMENT_LIMIT_BYTES = 50 * 1024 * 1024
STICKER_SIDE_PX, STICKER_LIMIT_BYTES = 512, 512 * 1000
_SIDES_LIMIT_PX = 10_000
_RATIO_LIMIT = 20
_FILMS = ("video/mp4", "video/quicktime", "video/webm")
_PAPER = (255, 255, 255, 255)
_HIDDEN = "!"
_TELEGRAMS = re.compile(r"(?:https?://)?(?:t\.me|telegram\.(?:me|org))\b|tg:", re.IGNORECASE)


Holder = Message | ExternalReplyInfo  # the latter is what is answered in another chat, or quoted from it


def picture_in(holder: Holder) -> str:
    """The reference of the picture that a message holds; "" if it holds nothing of the kind.

    Raises:
        UserError: ``image_*``: it holds something that cannot be used, and this is known already.
    """
    found = _picture_in(holder) or (_link_in(holder) if isinstance(holder, Message) else "")
    return hide(found) if holder.has_media_spoiler else found


def answered_by(message: Message) -> Holder | None:
    """What a message answers, be it in another chat."""
    return message.reply_to_message or message.external_reply


def hide(reference: str) -> str:
    """The reference of the same picture under a spoiler; "" stays ""."""
    kind, colon, name = reference.partition(":")
    return f"{kind.removesuffix(_HIDDEN)}{_HIDDEN}:{name}" if colon else reference


def is_hidden(reference: str) -> bool:
    """Whether a picture came under a spoiler, or is to be painted under one."""
    return reference.partition(":")[0].endswith(_HIDDEN)


def kept(digest: str, hidden: bool = False, file: bool = False) -> str:
    """The reference of a picture that is stored; "" for none.

    Args:
        digest: Its blob hash.
        hidden: Whether it is under a spoiler.
        file: Whether it came as a file.
    """
    return f"kept{'file' if file else ''}{_HIDDEN if hidden else ''}:{digest}" if digest else ""


def of_result(job_id: str, lent: bool, hidden: bool, file: bool) -> str:
    """The reference of a result's photograph.

    Args:
        job_id: The result's job.
        lent: Whether it was not shown to the one who asks.
        hidden: Whether it is under a spoiler.
        file: Whether it came as a file.
    """
    return f"{'lent' if lent else 'job'}{'file' if file else ''}{_HIDDEN if hidden else ''}:{job_id}"


def is_stored(reference: str) -> bool:
    """Whether it names a blob of ours."""
    return _kind(reference) in ("kept", "keptfile")


def is_of_result(reference: str) -> bool:
    """Whether it names a result's photograph."""
    return _kind(reference) in ("job", "jobfile", "lent", "lentfile")


def is_lent(reference: str) -> bool:
    """Whether it names a photograph that was never shown to the one who has it painted."""
    return _kind(reference) in ("lent", "lentfile")


def _kind(reference: str) -> str:
    return reference.partition(":")[0].removesuffix(_HIDDEN)


def _picture_in(message: Holder) -> str:
    photo = message.photo or (message.live_photo.photo if message.live_photo else ())
    if photo:
        return _checked("photo", photo[-1].file_id, photo[-1].file_size)
    if message.sticker:
        return _sticker(message.sticker)
    if message.story:
        raise UserError("image_in_story")
    film = message.animation or message.video or message.video_note
    if film:
        duration = film.duration
        check_duration(duration.total_seconds() if isinstance(duration, timedelta) else duration)
        return _checked("clip", film.file_id, film.file_size)
    if message.document:
        kind = message.document.mime_type or "application/octet-stream"
        if not kind.startswith(("image/", "application/octet-stream", *_FILMS)):
            raise UserError("image_not_an_image", {"found": kind})
        return _checked("file", message.document.file_id, message.document.file_size)
    return ""


def _sticker(sticker: Sticker) -> str:
    """A sticker; of an animated one, whose drawing is no picture, the one that stands still for it."""
    if not sticker.is_animated:
        return _checked("clip" if sticker.is_video else "sticker", sticker.file_id, sticker.file_size)
    if sticker.thumbnail is None:
        raise UserError("image_format_unsupported", {"found": "TGS"})
    return _checked("sticker", sticker.thumbnail.file_id, sticker.thumbnail.file_size)


def _link_in(message: Message) -> str:
    """The first link in what a person wrote; Telegram's own lead to no picture."""
    if message.from_user is None or message.from_user.is_bot:
        return ""
    entities = message.parse_entities() | message.parse_caption_entities()
    hidden = [entity for entity in entities if entity.type == MessageEntity.SPOILER]
    for entity, words in entities.items():
        link = entity.url if entity.type == MessageEntity.TEXT_LINK else words
        if entity.type in (MessageEntity.URL, MessageEntity.TEXT_LINK) and link and not _TELEGRAMS.match(link):
            found = f"link:{link if '://' in link else f'https://{link}'}"
            covers = any(one.offset <= entity.offset < one.offset + one.length for one in hidden)
            return hide(found) if covers else found
    return ""


def is_link(reference: str) -> bool:
    """Whether it is an address."""
    return _kind(reference) == "link"


def is_sticker(reference: str) -> bool:
    """Whether the picture came as a sticker."""
    return _kind(reference) == "sticker"


def is_clip(reference: str) -> bool:
    """Whether it is an animation or a video as Telegram knows them, which cannot be a style."""
    return _kind(reference) == "clip"


def full_quality(reference: str) -> bool:
    """Whether the picture came as a file, and its result should go as one."""
    return _kind(reference) in ("file", "keptfile", "jobfile", "lentfile")


@dataclass(frozen=True)
class Located:
    """A picture that can be had now.

    Attributes:
        blob: Its blob hash where it is stored already, else "".
        file: Telegram's file otherwise.
        address: A person's, otherwise.
    """

    blob: str = ""
    file: File | None = None
    address: str = ""

    @property
    def size_bytes(self) -> int:
        """What room it will take; the most that can be downloaded where Telegram does not say."""
        if self.file is None:
            return 0
        return self.file.file_size or DOWNLOAD_LIMIT_BYTES


async def keep(front: Frontend, asker: Asker, reference: str) -> str:
    """Check a file, or what is behind a link, and store it now, so that its sender hears at once what is wrong with it.

    Args:
        front: The bot's belongings.
        asker: Who sent it, and where.
        reference: Of the picture.

    Returns:
        A reference to what was kept; photos and stickers, which Telegram made itself, are left where they are.

    Raises:
        UserError: ``image_*``.
    """
    if _kind(reference) not in ("file", "link"):
        return reference
    found = await locate(front, reference)
    async with front.picture_room.take(found.size_bytes):
        data = await fetch(front, found)
        digest = data if isinstance(data, str) else await front.service.keep(data, asker.user)
    for place in (asker.user, asker.chat):
        await asyncio.to_thread(front.access.shown.note, place, digest)
    return kept(digest, is_hidden(reference), full_quality(reference))


async def locate(front: Frontend, reference: str) -> Located:
    """Find a picture by its reference.

    Raises:
        UserError: ``image_not_received``, or ``image_too_many_bytes``.
    """
    name = reference.partition(":")[2]
    if is_stored(reference):
        return Located(blob=name)
    if is_link(reference):
        return Located(address=name)
    try:
        file = await front.bot.get_file(name)
    except BadRequest as error:
        if "too big" in error.message.lower():
            raise _too_large(DOWNLOAD_LIMIT_BYTES + 1) from None
        raise UserError("image_not_received") from None
    if file.file_size and file.file_size > DOWNLOAD_LIMIT_BYTES:
        raise _too_large(file.file_size)
    return Located(file=file)


async def fetch(front: Frontend, found: Located) -> bytes | str:
    """A picture for a request: its blob hash where it is stored, else its bytes.

    Raises:
        UserError: ``image_not_received``, or what ``Fetcher.fetch`` says.
    """
    if found.address:
        return await front.fetcher.fetch(found.address)
    if found.file is None or not found.file.file_path:
        return found.blob
    address = urlsplit(found.file.file_path)
    url = urlunsplit(address._replace(path=quote(address.path, safe="/:%")))
    try:
        # Not File.download_as_bytearray: it would hold every picture three times.
        return await outlast("getFile", lambda: front.bot.request.retrieve(url))
    except BadRequest:
        raise UserError("image_not_received") from None


def as_photo(data: bytes, media_type: str, name: str, spoiler: bool = False) -> Picture:
    """A result within what Telegram takes as a photo, animation or video; takes up to a second: call it in a thread.

    Args:
        data: A picture of our own making.
        media_type: Its type.
        name: File name without its end.
        spoiler: Hidden until tapped.

    Returns:
        The picture: flattened on white, scaled or encoded anew where needed; as a document where
        it is too long for a photo.
    """
    if media_type == MP4:
        motion = VIDEO if has_sound(data) else ANIMATION
        return Picture(data, name + suffix(media_type), spoiler=spoiler, motion=motion)
    with Image.open(io.BytesIO(data)) as opened:
        short, long = sorted(opened.size)
        if long > _RATIO_LIMIT * short:
            return as_document(data, media_type, name, spoiler)
        transparent = "A" in opened.getbands() or "transparency" in opened.info
        if transparent or short + long > _SIDES_LIMIT_PX:
            data, media_type = _redone(opened), "image/jpeg"
    data, media_type = fit_bytes(data, media_type, PHOTO_LIMIT_BYTES)
    return Picture(data, name + suffix(media_type), spoiler=spoiler)


def as_document(data: bytes, media_type: str, name: str, spoiler: bool = False) -> Picture:
    """A result as it is, unless it is beyond what Telegram takes at all; call it in a thread."""
    data, media_type = fit_bytes(data, media_type, DOCUMENT_LIMIT_BYTES)
    return Picture(data, name + suffix(media_type), as_document=True, spoiler=spoiler)


def as_sticker(data: bytes) -> Picture:
    """A result as a static sticker: WEBP, its longer side 512 pixels, at most 512 KB; call it in a thread."""
    with Image.open(io.BytesIO(data)) as opened:
        scale = STICKER_SIDE_PX / max(opened.size)
        size = [max(1, round(side * scale)) for side in opened.size]
        picture = opened.convert("RGBA").resize((size[0], size[1]), Image.Resampling.LANCZOS)
    for quality in (95, 85, 70, 50, 30):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality)
        if buffer.tell() <= STICKER_LIMIT_BYTES:
            break
    return Picture(buffer.getvalue(), "sticker.webp")


def _redone(opened: Image.Image) -> bytes:
    picture = opened.convert("RGBA")
    scale = min(1.0, _SIDES_LIMIT_PX / sum(picture.size))
    if scale < 1:
        picture = picture.resize((int(picture.width * scale), int(picture.height * scale)), Image.Resampling.LANCZOS)
    paper = Image.new("RGBA", picture.size, _PAPER)
    buffer = io.BytesIO()
    Image.alpha_composite(paper, picture).convert("RGB").save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _checked(kind: str, file_id: str, size_bytes: int | None) -> str:
    if size_bytes and size_bytes > DOWNLOAD_LIMIT_BYTES:
        raise _too_large(size_bytes)
    return f"{kind}:{file_id}"


def _too_large(size_bytes: int) -> UserError:
    return UserError("image_too_many_bytes", {"received_bytes": size_bytes, "allowed_bytes": DOWNLOAD_LIMIT_BYTES})
