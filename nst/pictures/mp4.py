"""What an MP4 or QuickTime file says of itself: length, size, codec. Standard library only, nothing is decoded.

Boxes as in ISO/IEC 14496-12: a size of 32 bits (1: one of 64 bits follows; 0: to the end), a type, a body.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

# Major brands of what ffmpeg's ``mov`` demuxer reads; HEIC and AVIF, in the same boxes, are pictures.
_BRANDS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4VH", b"qt  ", b"MSNV")
_BRANDS_OF_PHONES = (b"3gp", b"3g2", b"mmp", b"XAVC", b"dash", b"f4v")
_MOST_BOXES = 10_000  # of the file itself: a film in fragments has two for each
_MOST_INSIDE = 200  # of any box
_MOST_TRACKS = 20
_MOST_TIMES = 10_000  # entries; each is for one frame or more
_UNSIGNED = 0xFFFFFFFF


class DamagedError(ValueError):
    """The file ends too early, or its boxes do not fit into each other."""


@dataclass(frozen=True)
class Film:
    """The first film of a file.

    Attributes:
        width_px: As stored; a rotation may swap it with the height.
        height_px: As stored.
        frames: Stored frames; 0 where the file does not say (fragments).
        duration_s: 0 where the file does not say.
        codec: Four characters of the sample description, such as ``avc1``, or Matroska's name, such as ``V_VP9``.
        see_through: Whether the file says that parts of it are transparent.
    """

    width_px: int
    height_px: int
    frames: int
    duration_s: float
    codec: str
    see_through: bool = False


def is_mp4(data: bytes) -> bool:
    """Whether some bytes begin as a film in MP4 or QuickTime, told by their first box alone."""
    brand = data[8:12]
    return data[4:8] == b"ftyp" and (brand in _BRANDS or brand.startswith(_BRANDS_OF_PHONES))


def read_film(data: bytes) -> Film | None:
    """Read the first film's description.

    Args:
        data: The whole file.

    Returns:
        None where there is sound or nothing only.

    Raises:
        DamagedError: The file ends too early.
    """
    boxes = dict(_boxes(data, 0, len(data), strict=True))
    if b"moov" not in boxes:
        raise DamagedError("no moov box")
    movie = boxes[b"moov"]
    tracks = (where for kind, where in _boxes(data, *movie) if kind == b"trak")
    films = (_film(data, *where) for where in islice(tracks, _MOST_TRACKS))
    return next((film for film in films if film), None)


def has_sound(data: bytes) -> bool:
    """Whether an MP4 of our own making has sound; False for one that cannot be read."""
    movie = dict(_boxes(data, 0, len(data))).get(b"moov", (0, 0))
    for kind, where in _boxes(data, *movie):
        media = dict(_boxes(data, *dict(_boxes(data, *where)).get(b"mdia", (0, 0)))) if kind == b"trak" else {}
        handler = media.get(b"hdlr", (0, 0))[0]
        if handler and data[handler + 8 : handler + 12] == b"soun":
            return True
    return False


def _film(data: bytes, start: int, end: int) -> Film | None:
    track = dict(_boxes(data, start, end))
    media = dict(_boxes(data, *track.get(b"mdia", (0, 0))))
    handler, header = media.get(b"hdlr", (0, 0)), media.get(b"mdhd", (0, 0))
    if data[handler[0] + 8 : handler[0] + 12] != b"vide":
        return None
    information = dict(_boxes(data, *media.get(b"minf", (0, 0))))
    table = dict(_boxes(data, *information.get(b"stbl", (0, 0))))
    entry = table.get(b"stsd", (0, 0))[0] + 8
    return Film(
        width_px=_number(data, entry + 32, 2),
        height_px=_number(data, entry + 34, 2),
        frames=_frames(data, *table.get(b"stts", (0, 0))),
        duration_s=_duration_s(data, header[0]),
        codec=data[entry + 4 : entry + 8].decode("latin-1"),
    )


def _duration_s(data: bytes, at: int) -> float:
    wide = data[at : at + 1] == b"\1"
    scale = _number(data, at + (20 if wide else 12), 4)
    duration = _number(data, at + (24 if wide else 16), 8 if wide else 4)
    return duration / scale if scale and duration != _UNSIGNED else 0.0


def _frames(data: bytes, start: int, end: int) -> int:
    entries = min(_number(data, start + 4, 4), max(0, end - start - 8) // 8, _MOST_TIMES)
    return sum(max(1, _number(data, start + 8 + 8 * entry, 4)) for entry in range(entries))


def _boxes(data: bytes, start: int, end: int, *, strict: bool = False) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Type and body (start, end) of each box; ``strict`` minds bodies that end behind the file."""
    at = start
    for _ in range(_MOST_BOXES if strict else _MOST_INSIDE):
        if at + 8 > end:
            return
        size, body = _number(data, at, 4), at + 8
        if size == 1:
            size, body = _number(data, at + 8, 8), at + 16
        size = size or end - at
        if at + size > end and strict:
            raise DamagedError(f"a box of {size} bytes, of which {end - at} are there")
        if size < body - at or at + size > end:
            return
        yield data[at + 4 : at + 8], (body, at + size)
        at += size


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
