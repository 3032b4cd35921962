"""What a WEBM file says of itself: length, size, codec. Standard library only, nothing is decoded.

Elements as in EBML (RFC 8794) and Matroska (RFC 9559): a number and a size, each as long as its first bits say, a body.
What describes a film comes before its first cluster; nothing behind that is looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from nst.pictures.mp4 import DamagedError, Film

_MAGIC = b"\x1aE\xdf\xa3"
_SEGMENT, _CLUSTER, _INFO, _TRACKS = 0x18538067, 0x1F43B675, 0x1549A966, 0x1654AE6B
_TICK_NS, _DURATION = 0x2AD7B1, 0x4489
_TRACK, _KIND, _CODEC, _VIDEO = 0xAE, 0x83, 0x86, 0xE0
_WIDTH, _HEIGHT, _ALPHA = 0xB0, 0xBA, 0x53C0
_FILM = 1  # of track types
_MOST_INSIDE = 200  # of any element
_MOST_BYTES = 8  # of a size, and of a whole number

Span = tuple[int, int]


def is_webm(data: bytes) -> bool:
    """Whether some bytes begin as WEBM or Matroska."""
    return data.startswith(_MAGIC)


def read_film(data: bytes) -> Film | None:
    """Read the first film's description.

    Args:
        data: The whole file.

    Returns:
        None where there is sound or nothing only. How many frames it has is not said.

    Raises:
        DamagedError: The file ends too early.
    """
    segment = next((where for number, where in _elements(data, (0, len(data))) if number == _SEGMENT), None)
    if segment is None or segment[1] > len(data):
        raise DamagedError("no whole segment")
    parts: dict[int, Span] = {}
    for number, where in _elements(data, segment):
        if number == _CLUSTER:
            break
        parts.setdefault(number, where)
    if _TRACKS not in parts:
        raise DamagedError("no tracks before the first cluster")
    tracks = (dict(_elements(data, where)) for number, where in _elements(data, parts[_TRACKS]) if number == _TRACK)
    film = next((track for track in tracks if _whole(data, track.get(_KIND)) == _FILM), None)
    if film is None:
        return None
    shown, about = dict(_elements(data, film.get(_VIDEO, (0, 0)))), dict(_elements(data, parts.get(_INFO, (0, 0))))
    first, last = film.get(_CODEC, (0, 0))
    return Film(
        width_px=_whole(data, shown.get(_WIDTH)),
        height_px=_whole(data, shown.get(_HEIGHT)),
        frames=0,
        duration_s=_real(data, about.get(_DURATION)) * (_whole(data, about.get(_TICK_NS)) or 1_000_000) / 1e9,
        codec=data[first : min(last, first + 40)].decode("latin-1").rstrip("\0"),
        see_through=_whole(data, shown.get(_ALPHA)) == 1,
    )


def _elements(data: bytes, within: Span) -> Iterator[tuple[int, Span]]:
    """Number and body (start, end) of each element; one of unknown size reaches to the end of what it is in."""
    at, end = within
    for _ in range(_MOST_INSIDE):
        if at >= end:
            return
        number_bytes = _length(data, at)
        size_bytes = _length(data, at + number_bytes)
        body = at + number_bytes + size_bytes
        if not number_bytes or not size_bytes or body > end:
            return
        unknown = (1 << (7 * size_bytes)) - 1
        size = int.from_bytes(data[at + number_bytes : body], "big") & unknown
        after = end if size == unknown else body + size
        yield int.from_bytes(data[at : at + number_bytes], "big"), (body, after)
        at = after


def _length(data: bytes, at: int) -> int:
    """How many bytes a number or size has, by its first bits; 0 where it has none."""
    length = 9 - data[at].bit_length() if at < len(data) else 0
    return length if length <= _MOST_BYTES else 0


def _whole(data: bytes, where: Span | None) -> int:
    start, end = where or (0, 0)
    return int.from_bytes(data[start : min(end, start + _MOST_BYTES)], "big")


def _real(data: bytes, where: Span | None) -> float:
    start, end = where or (0, 0)
    kind = {4: ">f", 8: ">d"}.get(min(end, len(data)) - start)
    value = struct.unpack_from(kind, data, start)[0] if kind else 0.0
    return float(value) if 0 <= value < float("inf") else 0.0
