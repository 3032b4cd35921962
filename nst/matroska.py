"""Raw frames with a time for each, as a Matroska stream: how ffmpeg is told when every frame is shown.

Raw video in a pipe has a constant rate only; clips have not. One cluster per frame (RFC 9559), no index, and a size
that is not known in advance, so that it can be written while it is read.
"""

from __future__ import annotations

from collections.abc import Sequence

_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_TICK_NS = 1000
_VIDEO = 1


def stream_head(width_px: int, height_px: int) -> bytes:
    """What comes before the first frame.

    Args:
        width_px: Of every frame.
        height_px: Of every frame.
    """
    file = _element(
        "1A45DFA3",
        _whole("4286", 1),
        _whole("42F7", 1),
        _whole("42F2", 4),
        _whole("42F3", 8),
        _element("4282", b"matroska"),
        _whole("4287", 4),
        _whole("4285", 2),
    )
    information = _element("1549A966", _whole("2AD7B1", _TICK_NS), _element("4D80", b"p"), _element("5741", b"p"))
    video = _element("E0", _whole("B0", width_px), _whole("BA", height_px), _element("2EB524", b"RGB\x18"))
    track = _element(
        "AE", _whole("D7", 1), _whole("73C5", 1), _whole("83", _VIDEO), _element("86", b"V_UNCOMPRESSED"), video
    )
    return file + bytes.fromhex("18538067") + _UNKNOWN_SIZE + information + _element("1654AE6B", track)


def stream_frame(rgb: bytes, start_us: int, duration_us: int) -> Sequence[bytes]:
    """One frame, in parts that are written one after the other.

    Args:
        rgb: Its pixels, three bytes each, row by row.
        start_us: When it is shown, microseconds from the stream's start.
        duration_us: For how long.
    """
    block_head = b"\x81\x00\x00\x00"
    duration = _whole("9B", duration_us)
    block = _head("A1", len(block_head) + len(rgb)) + block_head
    group_size = len(block) + len(rgb) + len(duration)
    start = _whole("E7", start_us)
    group = _head("A0", group_size)
    cluster = _head("1F43B675", len(start) + len(group) + group_size)
    return cluster + start + group + block, rgb, duration


def _element(name: str, *body: bytes) -> bytes:
    joined = b"".join(body)
    return _head(name, len(joined)) + joined


def _head(name: str, size: int) -> bytes:
    return bytes.fromhex(name) + (size | 1 << 56).to_bytes(8, "big")


def _whole(name: str, value: int) -> bytes:
    return _element(name, value.to_bytes(8, "big"))
