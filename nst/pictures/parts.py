"""What a picture's file consists of, followed part by part: where it ends, and whether it is made to cost time.

Decoders and Pillow's plugins take time for every part, however small: scans of a JPEG, chunks, blocks. Here parts are
counted before any of them sees the file, in steps that are bounded by its size. Standard library only.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nst.errors import UserError
from nst.pictures.formats.tiff_pages import main_page

_MOST_PARTS = 100_000
_MOST_CHUNKS = 20_000
_MOST_REMARKS = 2_000  # parts that are no pixels; 64 KiB each where a format splits long ones
_MOST_SCANS = 100  # encoders that search for the best progression make 10 to 20
_MOST_FILL_BYTES = 1 << 16
_BYTES_PER_BLOCK = 128  # of a GIF at least, on the average; encoders fill them with 255
_MOST_MARKS, _BYTES_PER_MARK = 1_000_000, 8  # of a JPEG: in compressed data every 256th byte is 0xff
_MOST_DIRECTORIES, _MOST_ENTRIES = 1_000, 4_000
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SCAN, _END = 0xDA, 0xD9
_ANIMATED = 0x02  # in a WEBP's flags
_CANVASES = 12.0  # bytes: three canvases
# ITU T.81, table B.1: the frames of which a decoder keeps all coefficients until the last scan.
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Parts:
    """What was found.

    Attributes:
        end: Offset at which the picture's own data end and trailing data begin: for damaged files how far the format
            could be followed, and the file's size for formats whose end is not marked (TIFF, HEIC, AVIF).
        kept_bytes_per_px: What a decoder keeps of the whole picture before the first row can be had.
    """

    end: int
    kept_bytes_per_px: float = 0.0


def parts_of(data: bytes, image_format: str) -> Parts:
    """Follow a file.

    Args:
        data: The whole file.
        image_format: As ``image_signature.identify`` names it.

    Raises:
        UserError: ``image_too_costly``: more parts than any camera or program makes.
    """
    follow = _FOLLOW.get(image_format)
    return follow(data) if follow else Parts(len(data))


def ends_early(data: bytes, image_format: str) -> bool:
    """Whether a file of boxes or directories (HEIC, AVIF, TIFF) ends before what it announces.

    Args:
        data: The whole file.
        image_format: As ``image_signature.identify`` names it; of other formats what is there is shown.
    """
    if image_format == "TIFF":
        try:
            page = main_page(data)[0]
            return page.is_cut_off and not page.is_deep  # whose strips are read one by one
        except (UserError, SyntaxError, LookupError, ValueError, struct.error):
            return True  # its directory comes last
    at = 0
    while image_format in {"HEIC", "AVIF"} and at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:
            return False  # to the end of the file, or rubbish
        at += size
    return at > len(data)


def _check(count: float, most: float) -> None:
    if count > most:
        raise UserError("image_too_costly")


def _png(data: bytes) -> Parts:
    at = 8
    parts = remarks = 0
    while len(kind := data[at + 4 : at + 8]) == 4:
        parts += 1
        remarks += kind not in {b"IDAT", b"fdAT", b"fcTL"}
        _check(remarks, _MOST_REMARKS)
        _check(parts, _MOST_CHUNKS + len(data) // 1024)
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND":
            break
    return Parts(min(at, len(data)))


def _jpeg(data: bytes) -> Parts:
    _check(data.count(b"\xff"), _MOST_MARKS + len(data) // _BYTES_PER_MARK)
    at, end = 2, len(data)
    segments = scans = fill = 0
    kept, progressive = 0.0, False
    while marker := _JPEG_MARKER.search(data, at):
        kind = data[marker.end() - 1]
        fill += 0 if scans else marker.start() - at
        at = marker.end()
        if kind == _END:
            end = at
            break
        segments, scans = segments + 1, scans + (kind == _SCAN)
        _check(segments, _MOST_REMARKS)
        _check(scans, _MOST_SCANS)
        _check(fill, _MOST_FILL_BYTES)
        if kind in _FRAMES:
            kept = _samples_per_px(data[at : at + 64]) * 2
            progressive = kind in _PROGRESSIVE
        at += int.from_bytes(data[at : at + 2], "big")
    return Parts(end, kept if progressive or scans > 1 else 0.0)


def _samples_per_px(frame: bytes) -> float:
    """Coefficients per pixel of a JPEG, from its frame header (ITU T.81, B.2.2)."""
    factors = frame[9 : 8 + 3 * frame[7] : 3] if len(frame) > 7 else b""
    across, down = [factor >> 4 for factor in factors], [factor & 15 for factor in factors]
    areas = sum(wide * high for wide, high in zip(across, down, strict=True))
    return areas / max(1, max(across, default=1) * max(down, default=1))


def _gif(data: bytes) -> Parts:
    at = 13 + _colour_table_size(data[10:11])
    blocks = remarks = 0
    most = _MOST_PARTS + len(data) // _BYTES_PER_BLOCK
    while (kind := data[at : at + 1]) in {b",", b"!"}:
        at += 11 + _colour_table_size(data[at + 9 : at + 10]) if kind == b"," else 2
        before = blocks
        while at < len(data) and data[at] and blocks <= most:
            at += 1 + data[at]
            blocks += 1
        at += 1
        remarks += blocks - before if kind == b"!" else 0
        _check(remarks, _MOST_PARTS // 2)
        blocks += 1
        _check(blocks, most)
    return Parts(min(at + 1, len(data)))


def _colour_table_size(flags: bytes) -> int:
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _webp(data: bytes) -> Parts:
    end = min(8 + int.from_bytes(data[4:8], "little"), len(data))
    at, chunks = 12, 0
    while at < end:
        chunks += 1
        _check(chunks, _MOST_PARTS)
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + (size & 1)
    animated = data[12:16] == b"VP8X" and data[20:21] and data[20] & _ANIMATED
    return Parts(end, _CANVASES if animated else 0.0)


def _bmp(data: bytes) -> Parts:
    return Parts(min(int.from_bytes(data[2:6], "little") or len(data), len(data)))


def _tiff(data: bytes) -> Parts:
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    count_size, entry_size, offset_size = (8, 20, 8) if number(2, 2) == 43 else (2, 12, 4)
    at = number(offset_size, offset_size)
    directories = 0
    while 0 < at < len(data):
        directories += 1
        _check(directories, _MOST_DIRECTORIES)
        entries = number(at, count_size)
        _check(entries, _MOST_ENTRIES)
        at = number(at + count_size + entries * entry_size, offset_size)
    return Parts(len(data))


_FOLLOW: dict[str, Callable[[bytes], Parts]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "GIF": _gif,
    "WEBP": _webp,
    "BMP": _bmp,
    "TIFF": _tiff,
}
