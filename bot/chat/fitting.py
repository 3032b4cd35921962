"""Making a picture's file small enough for a chat: another encoding first, fewer pixels only then.

Pillow only, as everything in the frontends. It takes up to a second: call it in a thread.
"""

from __future__ import annotations

import io

from PIL import Image

from nst.pictures.clip_header import GIF, MP4, WEBP

# Clips that a frontend shows as they are, the preferred kind first; one that is not here shows all of them.
CLIP_TYPES = {"discord": (GIF, MP4), "telegram": (MP4,)}

_QUALITIES = (92, 85, 75)
_SHRINK = 0.75
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", WEBP: ".webp", GIF: ".gif", MP4: ".mp4"}
_SMALLEST_SIDE_PX = 64
_CLEAR = 255  # the index of what is transparent, behind those of all colours


def fit_bytes(data: bytes, media_type: str, max_bytes: int) -> tuple[bytes, str]:
    """A picture in at most ``max_bytes``.

    Args:
        data: An encoded picture of our own making.
        media_type: Its type.
        max_bytes: What the chat takes.

    Returns:
        The bytes and their media type: as they were where they fit, else JPEG, or WEBP where
        there is transparency to keep. Of an animation the first frame, where all of it does not fit.

    Raises:
        ValueError: Not even 64 pixels fit, or it is a film: workers make those small enough.
    """
    if len(data) <= max_bytes:
        return data, media_type
    if media_type == MP4:
        raise ValueError(f"a film of {len(data)} bytes cannot be had in {max_bytes} bytes here")
    with Image.open(io.BytesIO(data)) as opened:
        alpha = "A" in opened.getbands() or "transparency" in opened.info
        picture = opened.convert("RGBA" if alpha else "RGB")
    while min(picture.size) >= _SMALLEST_SIDE_PX:
        for quality in _QUALITIES:
            smaller = _encode(picture, quality, alpha)
            if len(smaller) <= max_bytes:
                return smaller, "image/webp" if alpha else "image/jpeg"
        picture = _smaller(picture)
    raise ValueError(f"a picture cannot be had in {max_bytes} bytes")


def as_gif(data: bytes, max_bytes: int) -> bytes:
    """A picture as a GIF of one frame and 255 colours, dithered so that nothing is in bands, in at most ``max_bytes``.

    Raises:
        ValueError: Not even 64 pixels fit.
    """
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
    while min(picture.size) >= _SMALLEST_SIDE_PX:
        gif = _gif(picture)
        if len(gif) <= max_bytes:
            return gif
        picture = _smaller(picture)
    raise ValueError(f"a GIF cannot be had in {max_bytes} bytes")


def suffix(media_type: str) -> str:
    """The file name's end for a media type: ``.jpg``, ``.png``, ``.webp``, ``.gif`` or ``.mp4``."""
    return _SUFFIXES[media_type]


def _smaller(picture: Image.Image) -> Image.Image:
    size = (round(picture.width * _SHRINK), round(picture.height * _SHRINK))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _gif(picture: Image.Image) -> bytes:
    rgb, buffer, more = picture.convert("RGB"), io.BytesIO(), {}
    drawn = rgb.quantize(palette=rgb.quantize(_CLEAR), dither=Image.Dither.FLOYDSTEINBERG)
    if picture.mode == "RGBA":
        drawn.paste(_CLEAR, mask=picture.getchannel("A").point([255] * 128 + [0] * 128))
        more = {"transparency": _CLEAR}
    drawn.save(buffer, "GIF", **more)
    return buffer.getvalue()


def _encode(picture: Image.Image, quality: int, alpha: bool) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP" if alpha else "JPEG", quality=quality)
    return buffer.getvalue()
