"""Pictures of challenges: kept for half a year, apart from the queue's, which live for a day."""

from __future__ import annotations

import io
import sys

from PIL import Image

from bot.challenges.model import KEPT_S
from nst.errors import UserError
from nst.pictures.decoder import decoder_of_a_frontend
from nst.pictures.header import Limits as HeaderLimits
from nst.pictures.header import inspect
from workers.client.line import Limits
from workers.store.blobs import Blobs

# A blob is named by its bytes. With a few bytes of ours before a picture it is a blob of its own: painting from the
# same photo again does not cut its life to a day, and somebody else's "forget me" does not take it away.
_MARK = b"pastiche challenge %s\n"
_LONGEST_MARK = 80
GIVEN_PX = 1024  # styles, and photographs that are shown beside
_MOST_PIXELS = 4100 * 4100  # of what has to be decoded whole: it takes 50 to 110 MiB
SHOWN_PX = 1400
_PAPER = (250, 248, 243)
_ANY_SHAPE = HeaderLimits(max_ratio=sys.maxsize, min_side_px=1)
_OPAQUE = frozenset({"RGB", "L", "CMYK"})


class Pictures:
    """Keeps pictures. They are the challenge's, and whoever gave them answers for their bytes.

    Args:
        blobs: Where blobs are.
        limits: What those who give pictures may have in all.
    """

    def __init__(self, blobs: Blobs, limits: Limits | None = None) -> None:
        self._blobs, self._asking = blobs, Blobs(blobs.connection, limits)
        self._decoder = decoder_of_a_frontend()  # nothing before the first picture

    def keep(self, challenge_id: str, what: str, data: bytes, giver: str, asked: bool = True) -> str:
        """Keep a picture.

        Args:
            challenge_id: Whose it is.
            what: What it is kept for: the same picture is kept once for each, and forgotten for each.
            data: The file.
            giver: Opaque key of the user who gave it.
            asked: Whether the giver asks for it now, and may be refused.

        Returns:
            Where it is kept.

        Raises:
            BusyError: ``bytes_limited`` or ``store_full``.
        """
        blobs = self._asking if asked else self._blobs
        return blobs.put(_MARK % what.encode() + data, KEPT_S, _owner(challenge_id), payer=giver)

    def keep_on(self, challenge_id: str, *digests: str) -> None:
        """Keep what is still there of these for half a year from now."""
        wanted, owners = dict.fromkeys(filter(None, digests)), self._blobs.owners
        gone = owners.claim(_owner(challenge_id), wanted, KEPT_S) or ()
        if gone:
            owners.claim(_owner(challenge_id), {name: None for name in wanted if name not in gone}, KEPT_S)

    def get(self, digest: str) -> bytes:
        """A kept picture.

        Raises:
            JobError: ``job_expired``: it is no longer kept.
        """
        data = self._blobs.get(digest)
        return data[data.index(b"\n", 0, _LONGEST_MARK) + 1 :]

    def forget(self, challenge_id: str, *digests: str) -> None:
        """Delete pictures; "" is none."""
        self._blobs.forget(*digests, owner=_owner(challenge_id))

    def reduced(self, data: bytes, side_px: int = GIVEN_PX) -> bytes:
        """A picture, whosoever it is, as a JPEG, upright, on paper where it is transparent; decoded in another process.

        Args:
            data: An encoded picture, or anything else.
            side_px: Longer side of the result at most.

        Raises:
            UserError: ``image_*``.
        """
        return self._decoder.reduced(data, side_px, _PAPER)


def _owner(challenge_id: str) -> str:
    return f"challenge:{challenge_id}"


def opened(data: bytes, side_px: int) -> Image.Image | None:
    """A picture of our own making in memory, on paper where it is transparent; longer side ``side_px`` at most.

    None where it cannot be read, or would take a frontend's memory, as large ones that earlier releases kept.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            # A JPEG is decoded at an eighth, a quarter or half its size.
            image.draft("RGB", (side_px, side_px))
            plain = image.mode in _OPAQUE
            # What is not is copied on the way.
            if image.width * image.height > (_MOST_PIXELS if plain else _MOST_PIXELS // 2):
                return None
            small = image if plain or image.mode == "RGBA" else _true_colour(image)
            small.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
            return flat(small)
    except OSError:
        return None


def is_light(data: bytes) -> bool:
    """Whether a picture can be shown as it is; asks its header."""
    try:
        header = inspect(data, _ANY_SHAPE)
    except UserError:
        return False
    return header.format == "JPEG" and max(header.width_px, header.height_px) <= SHOWN_PX


def flat(image: Image.Image, paper: tuple[int, int, int] = _PAPER) -> Image.Image:
    """A picture without transparency, on paper."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, (*paper, 255)), seen).convert("RGB")


def _true_colour(image: Image.Image) -> Image.Image:
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
