"""How many frames a GIF or WEBP has, and for how long each is shown, read without decoding a single one.

GIF is followed by ``nst.formats.gif``, WEBP as in Google's "WebP Container Specification".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from nst.formats.gif import gif_frames

FOR_EVER = 0


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
    frames = list(islice(gif_frames(data), at_most + 1))
    if not all(frame.whole for frame in frames):
        raise CutOffError
    return Frames(tuple(frame.delay_ms for frame in frames), frames[-1].plays if frames else 1)


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
