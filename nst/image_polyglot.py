"""Pictures that are something else as well: a web page, a script, an archive.

Such files are made to be read differently by two programs, and are refused. Ordinary trailing data
is let through: phones put a video (MP4) or a second picture (MPF) behind a JPEG's end. Standard
library only; the work is linear in the file's size, with a cap on the number of steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Browsers that guess look at the first 1445 bytes (WHATWG MIME Sniffing, "resource header").
_HEAD_BYTES = 4096
_MAX_STEPS = 100_000
_MARKUP = re.compile(rb"<(html|svg|script|body|iframe|\?php|!doctype\s+html|!doctype\s+svg)(?=[\s>/])", re.IGNORECASE)
_ARCHIVES = ((b"Rar!\x1a\x07", "RAR"), (b"7z\xbc\xaf\x27\x1c", "7z"))
_PDF = re.compile(rb"%PDF-\d\.\d")
_ZIP_END = b"PK\x05\x06"
_ZIP_END_SIZE = 22
_ZIP64 = 0xFFFFFFFF
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def stowaway(data: bytes, image_format: str) -> str | None:
    """Name what a picture's file hides.

    Args:
        data: The whole file.
        image_format: As ``image_signature.identify`` names it.

    Returns:
        ``HTML``, ``SVG``, ``script``, ``PDF``, ``ZIP``, ``RAR``, ``7z``, or None for a mere picture.
    """
    tail_start = picture_end(data, image_format)
    head = data[:_HEAD_BYTES]
    if _PDF.search(head):
        return "PDF"
    markup = _MARKUP.search(head) or _MARKUP.search(data, tail_start)
    if markup:
        return _markup_name(markup.group(1).lower())
    if _has_zip(data):
        return "ZIP"
    return next((name for magic, name in _ARCHIVES if data.find(magic, tail_start) >= 0), None)


def _markup_name(tag: bytes) -> str:
    if tag.endswith(b"svg"):
        return "SVG"
    return "script" if tag in {b"script", b"?php"} else "HTML"


def _has_zip(data: bytes) -> bool:
    # Four bytes alone turn up by chance in compressed data; a record that leads back to a central directory does not.
    at = data.find(_ZIP_END)
    while at >= 0:
        if _leads_to_directory(data, at):
            return True
        at = data.find(_ZIP_END, at + 1)
    return False


def _leads_to_directory(data: bytes, at: int) -> bool:
    record = data[at : at + _ZIP_END_SIZE]
    if len(record) < _ZIP_END_SIZE:
        return False
    size = int.from_bytes(record[12:16], "little")
    offset = int.from_bytes(record[16:20], "little")
    if _ZIP64 in (size, offset):
        return data[at - 20 : at - 16] == b"PK\x06\x07"
    starts = (at - size, offset)
    return size > 0 and any(s >= 0 and data[s : s + 4] == b"PK\x01\x02" for s in starts)


def picture_end(data: bytes, image_format: str) -> int:
    """Where the picture's own data end and trailing data begin.

    Args:
        data: The whole file.
        image_format: As ``image_signature.identify`` names it.

    Returns:
        An offset into ``data``; for damaged files how far the format could be followed, and the
        file's size for formats whose end is not marked (TIFF, HEIC, AVIF).
    """
    walk = _ENDS.get(image_format)
    return min(walk(data), len(data)) if walk else len(data)


def _png_end(data: bytes) -> int:
    at = 8
    for _ in range(_MAX_STEPS):
        size = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if len(kind) < 4:
            break
        at += 12 + size
        if kind == b"IEND":
            break
    return at


def _jpeg_end(data: bytes) -> int:
    at = 2
    for _ in range(_MAX_STEPS):
        marker = _JPEG_MARKER.search(data, at)
        if marker is None:
            return len(data)
        at = marker.end()
        if marker.group() == b"\xff\xd9":
            return at
        at += int.from_bytes(data[at : at + 2], "big")
    return at


def _gif_end(data: bytes) -> int:
    at = 13 + _colour_table_size(data[10:11])
    for _ in range(_MAX_STEPS):
        kind = data[at : at + 1]
        if kind == b",":
            at += 11 + _colour_table_size(data[at + 9 : at + 10])
        elif kind == b"!":
            at += 2
        else:
            return at + 1
        at = _gif_blocks_end(data, at)
    return at


def _gif_blocks_end(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def _colour_table_size(flags: bytes) -> int:
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _webp_end(data: bytes) -> int:
    return 8 + int.from_bytes(data[4:8], "little")


def _bmp_end(data: bytes) -> int:
    return int.from_bytes(data[2:6], "little") or len(data)


_ENDS: dict[str, Callable[[bytes], int]] = {
    "PNG": _png_end,
    "JPEG": _jpeg_end,
    "GIF": _gif_end,
    "WEBP": _webp_end,
    "BMP": _bmp_end,
}
