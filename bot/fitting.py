"""Making a picture's file small enough for a chat: another encoding first, fewer pixels only then.

Pillow only, as everything in the frontends. It takes up to a second: call it in a thread.
"""

from __future__ import annotations

import io

from PIL import Image

_QUALITIES = (92, 85, 75)
_SHRINK = 0.75
_SMALLEST_SIDE_PX = 64


def fit_bytes(data: bytes, media_type: str, max_bytes: int) -> tuple[bytes, str]:
    """A picture in at most ``max_bytes``.

    Args:
        data: An encoded picture of our own making.
        media_type: Its type.
        max_bytes: What the chat takes.

    Returns:
        The bytes and their media type: as they were where they fit, else JPEG, or WEBP where
        there is transparency to keep.

    Raises:
        ValueError: Not even 64 pixels fit.
    """
    if len(data) <= max_bytes:
        return data, media_type
    with Image.open(io.BytesIO(data)) as opened:
        alpha = "A" in opened.getbands() or "transparency" in opened.info
        picture = opened.convert("RGBA" if alpha else "RGB")
    while min(picture.size) >= _SMALLEST_SIDE_PX:
        for quality in _QUALITIES:
            smaller = _encode(picture, quality, alpha)
            if len(smaller) <= max_bytes:
                return smaller, "image/webp" if alpha else "image/jpeg"
        picture = picture.resize(
            (round(picture.width * _SHRINK), round(picture.height * _SHRINK)), Image.Resampling.LANCZOS
        )
    raise ValueError(f"a picture cannot be had in {max_bytes} bytes")


def suffix(media_type: str) -> str:
    """The file name's end for a media type: ``.jpg``, ``.png`` or ``.webp``."""
    return {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}[media_type]


def _encode(picture: Image.Image, quality: int, alpha: bool) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP" if alpha else "JPEG", quality=quality)
    return buffer.getvalue()
