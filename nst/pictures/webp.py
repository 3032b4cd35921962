"""Writes an animated WEBP frame by frame: still ones, encoded by Pillow, in the container's chunks.

Pillow's own writer needs every frame at once, and libwebp's merges equal ones. The chunks are those of Google's
"WebP Container Specification".
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter

from nst.pictures.clip import Timing, rounded
from nst.pictures.decode import Picture

Floats = NDArray[np.float32]

_ANIMATED, _WITH_ALPHA = 0x02, 0x10
_DO_NOT_BLEND = 0x02
_LONGEST_MS = 0xFFFFFF
_QUALITY = 85
# Mean change around a pixel that nobody sees, of the range 0..1.
_HARDLY, _AROUND_PX = 3 / 255, 5
_PICTURE_CHUNKS = (b"ALPH", b"VP8 ", b"VP8L")


class WebpWriter:
    """Writes one WEBP.

    Args:
        file: Where to; it can seek.
        width_px: Of every frame.
        height_px: Of every frame.
        timing: Of the frames to come.
        see_through: Whether frames have transparency.
    """

    def __init__(self, file: IO[bytes], width_px: int, height_px: int, timing: Timing, see_through: bool) -> None:
        self._file = file
        self._sides = _sides(width_px, height_px)
        self._durations = list(reversed([min(ms, _LONGEST_MS) for ms in rounded(timing.durations_ms, 1)]))
        flags = _ANIMATED | (_WITH_ALPHA if see_through else 0)
        self._shown: Floats | None = None
        file.write(b"RIFF\0\0\0\0WEBP")
        file.write(_chunk(b"VP8X", flags.to_bytes(4, "little") + self._sides))
        file.write(_chunk(b"ANIM", b"\0\0\0\0" + min(timing.plays, 0xFFFF).to_bytes(2, "little")))

    def add(self, picture: Picture) -> None:
        """Write the next frame."""
        image = Image.fromarray(np.rint(self._held(picture.rgb) * 255).astype(np.uint8))
        if picture.alpha is not None:
            image.putalpha(Image.fromarray(np.rint(picture.alpha * 255).astype(np.uint8)))
        still = io.BytesIO()
        image.save(still, "WEBP", quality=_QUALITY, method=2)
        body = b"".join(_chunk(kind, data) for kind, data in _chunks(still.getvalue()) if kind in _PICTURE_CHUNKS)
        duration = self._durations.pop().to_bytes(3, "little")
        place = b"\0\0\0\0\0\0"
        self._file.write(_chunk(b"ANMF", place + self._sides + duration + bytes([_DO_NOT_BLEND]) + body))

    def _held(self, rgb: Floats) -> Floats:
        """What hardly changed stays: each frame is coded for itself, and rounds the slightest change up."""
        if self._shown is not None:
            around = uniform_filter(np.abs(rgb - self._shown).mean(axis=-1), _AROUND_PX, mode="nearest")
            rgb = np.where((around < _HARDLY)[..., None], self._shown, rgb)
        self._shown = rgb
        return rgb

    def finish(self) -> None:
        """Write the size into the head."""
        size = self._file.tell()
        self._file.seek(4)
        self._file.write((size - 8).to_bytes(4, "little"))
        self._file.seek(size)


def _sides(width_px: int, height_px: int) -> bytes:
    return (width_px - 1).to_bytes(3, "little") + (height_px - 1).to_bytes(3, "little")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) & 1)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)
