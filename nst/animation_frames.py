"""How many frames a GIF or WEBP has, and for how long each is shown, read without decoding a single one.

Standard library only. GIF as in the GIF89a specification, WEBP as in Google's "WebP Container Specification".
"""

from __future__ import annotations

from dataclasses import dataclass

FOR_EVER = 0
_MOST_BLOCKS = 400_000  # of up to 255 bytes each; more than that in 20 MiB is made to waste time
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL, _APPLICATION = 0xF9, 0xFF


class CutOffError(ValueError):
    """The file ends within a frame."""


@dataclass(frozen=True)
class Frames:
    """An animation's frames.

    Attributes:
        durations_ms: Of each frame, as the file says; 0 is what browsers show for 100 ms.
        plays: How often it is played; ``FOR_EVER`` is 0.
    """

    durations_ms: tuple[int, ...]
    plays: int


def frames_of(data: bytes, image_format: str, at_most: int) -> Frames:
    """Count frames.

    Args:
        data: The whole file.
        image_format: ``GIF`` or ``WEBP``.
        at_most: Counting ends one frame above it.

    Raises:
        CutOffError: The file ends within a frame.
    """
    return (_gif if image_format == "GIF" else _webp)(data, at_most)


def _gif(data: bytes, at_most: int) -> Frames:
    durations: list[int] = []
    at, delay_ms, plays = 13 + _table_bytes(data, 10), 0, 1
    while len(durations) <= at_most and at < len(data) and data[at] != _TRAILER:
        if data[at] == _EXTENSION:
            label = data[at + 1 : at + 2]
            if label == bytes([_GRAPHIC_CONTROL]):
                delay_ms = 10 * int.from_bytes(data[at + 4 : at + 6], "little")
            elif label == bytes([_APPLICATION]) and data[at + 3 : at + 11] == b"NETSCAPE":
                repeats = int.from_bytes(data[at + 16 : at + 18], "little")
                plays = repeats + 1 if repeats else FOR_EVER
            at = _after_blocks(data, at + 2)
        elif data[at] == _IMAGE:
            at = _after_blocks(data, at + 10 + _table_bytes(data, at + 9) + 1)
            durations.append(delay_ms)
            delay_ms = 0
        else:
            break  # browsers show what came before rubbish
    return Frames(tuple(durations), plays)


def _table_bytes(data: bytes, at: int) -> int:
    """Size of the colour table that the flags at a place announce."""
    if at >= len(data):
        raise CutOffError
    flags = data[at]
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    for _ in range(_MOST_BLOCKS):
        if at >= len(data):
            raise CutOffError
        size = data[at]
        at += 1 + size
        if size == 0:
            return at
    raise CutOffError


def _webp(data: bytes, at_most: int) -> Frames:
    durations: list[int] = []
    at, plays = 12, 1
    while len(durations) <= at_most and at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            raise CutOffError
        if kind == b"ANIM":
            plays = int.from_bytes(data[at + 12 : at + 14], "little")
        elif kind == b"ANMF":
            durations.append(int.from_bytes(data[at + 20 : at + 23], "little"))
        at += 8 + size + (size & 1)
    return Frames(tuple(durations), plays)
