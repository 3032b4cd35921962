"""Pictures of challenges: kept for half a year, apart from the queue's, which live for a day."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from bot.challenges.model import KEPT_S
from workers.blobs import Blobs

# A blob is named by its bytes. With a few bytes of ours before a picture it is a blob of its own: painting from the
# same photo again does not cut its life to a day, and somebody else's "forget me" does not take it away.
_MARK = b"pastiche challenge %s\n"
_LONGEST_MARK = 80
_BEFORE_PX = 1024
_MOST_PIXELS = 16_000_000  # of what has to be decoded whole: what keeps a frontend small


class Pictures:
    """Keeps pictures.

    Args:
        blobs: Where blobs are.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def keep(self, owner: str, data: bytes) -> str:
        """Keep a picture.

        Args:
            owner: What it is kept for: the same picture is kept once for each, and forgotten for each.
            data: The file.

        Returns:
            Where it is kept.
        """
        return self._blobs.put(_MARK % owner.encode() + data, KEPT_S)

    def get(self, digest: str) -> bytes:
        """A kept picture.

        Raises:
            JobError: ``job_expired``: it is no longer kept.
        """
        data = self._blobs.get(digest)
        return data[data.index(b"\n", 0, _LONGEST_MARK) + 1 :]

    def forget(self, *digests: str) -> None:
        """Delete pictures; "" is none."""
        self._blobs.forget(*(digest for digest in digests if digest))


def reduced(data: bytes) -> bytes:
    """A photo as a JPEG of at most 1024 pixels, upright; b"" where it is none that can be had cheaply.

    Args:
        data: An encoded picture, or anything else.
    """
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (_BEFORE_PX, _BEFORE_PX))
            if image.width * image.height > _MOST_PIXELS:
                return b""
            upright = flat(ImageOps.exif_transpose(image))
    except OSError:
        return b""
    upright.thumbnail((_BEFORE_PX, _BEFORE_PX), Image.Resampling.LANCZOS)
    upright.save(out, "JPEG", quality=88)
    return out.getvalue()


def flat(image: Image.Image, paper: tuple[int, int, int] = (250, 248, 243)) -> Image.Image:
    """A picture without transparency, on paper."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, (*paper, 255)), seen).convert("RGB")
