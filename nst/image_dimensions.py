"""A picture's size as its first bytes declare it, for formats whose decoder cannot be asked safely.

Standard library only. TIFF, HEIC and AVIF are left to their decoders, which take no memory for that.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Size = tuple[int, int]

_JPEG_MARKER = re.compile(rb"\xff[\xc0-\xcf\xda-\xfe]")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MAX_STEPS = 10_000


def declared_size(data: bytes, image_format: str) -> Size | None:
    """Width and height in pixels as stored, or None where they are not found.

    Args:
        data: The whole file.
        image_format: As ``image_signature.identify`` names it.
    """
    read = _READERS.get(image_format)
    return read(data) if read else None


def _png(data: bytes) -> Size | None:
    return (_big(data, 16, 4), _big(data, 20, 4)) if data[12:16] == b"IHDR" and len(data) >= 24 else None


def _gif(data: bytes) -> Size | None:
    return (_little(data, 6, 2), _little(data, 8, 2)) if len(data) >= 10 else None


def _bmp(data: bytes) -> Size | None:
    if len(data) < 26:
        return None
    if _little(data, 14, 4) == 12:
        return _little(data, 18, 2), _little(data, 20, 2)
    # A negative height means that rows go from the top.
    height = int.from_bytes(data[22:26], "little", signed=True)
    return _little(data, 18, 4), abs(height)


def _webp(data: bytes) -> Size | None:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
    if kind == b"VP8L" and len(data) >= 25:
        bits = _little(data, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(data) >= 30:
        return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
    return None


def _jpeg(data: bytes) -> Size | None:
    at = 2
    for _ in range(_MAX_STEPS):
        marker = _JPEG_MARKER.search(data, at)
        if marker is None or marker.group() == b"\xff\xda":
            return None
        at = marker.end()
        if marker.group()[1] in _JPEG_FRAMES:
            return (_big(data, at + 5, 2), _big(data, at + 3, 2)) if len(data) >= at + 7 else None
        at += _big(data, at, 2)
    return None


def _big(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


_READERS: dict[str, Callable[[bytes], Size | None]] = {
    "PNG": _png,
    "GIF": _gif,
    "BMP": _bmp,
    "WEBP": _webp,
    "JPEG": _jpeg,
}
