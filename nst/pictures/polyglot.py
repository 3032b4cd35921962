"""Pictures that are something else as well: a web page, a script, an archive.

Such files are made to be read differently by two programs, and are refused. Ordinary trailing data
is let through: phones put a video (MP4) or a second picture (MPF) behind a JPEG's end. Standard
library only; the work is linear in the file's size, with a cap on the number of steps.
"""

from __future__ import annotations

import re

from nst.errors import UserError
from nst.pictures.parts import parts_of

# Browsers that guess look at the first 1445 bytes (WHATWG MIME Sniffing, "resource header").
_HEAD_BYTES = 4096
_MOST_STEPS = 1_000
_MOST_TAGS = 500_000  # six times what 20 MiB of a motion photo's film have by chance
_MARKUP = re.compile(rb"<(html|svg|script|body|iframe|\?php|!doctype\s{1,16}(?:html|svg))(?=[\s>/])", re.IGNORECASE)
_ARCHIVES = ((b"Rar!\x1a\x07", "RAR"), (b"7z\xbc\xaf\x27\x1c", "7z"))
_PDF = re.compile(rb"%PDF-\d\.\d")
_ZIP_END = b"PK\x05\x06"
_ZIP_END_SIZE = 22
_ZIP64 = 0xFFFFFFFF


def stowaway(data: bytes, tail_start: int) -> str | None:
    """Name what a picture's file hides.

    Args:
        data: The whole file.
        tail_start: Where the picture's own data end.

    Returns:
        ``HTML``, ``SVG``, ``script``, ``PDF``, ``ZIP``, ``RAR``, ``7z``, or None for a mere picture.

    Raises:
        UserError: ``image_too_costly``: made so that looking takes long.
    """
    if data.count(b"<", tail_start) > _MOST_TAGS:
        raise UserError("image_too_costly")
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
    at = -1
    for _ in range(_MOST_STEPS):
        at = data.find(_ZIP_END, at + 1)
        if at < 0:
            return False
        if _leads_to_directory(data, at):
            return True
    return True  # so many are no chance


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
    """Where the picture's own data end and trailing data begin: see ``nst.pictures.parts.Parts``."""
    return parts_of(data, image_format).end
