"""Writes a GIF frame by frame, so that what stands still on the screen stands still in the file.

One table of 255 colours for the whole clip, a fixed pattern of dots for the shades between them, and a pixel keeps
its colour until another one is clearly better. A table per frame, or diffused errors, would make every flat surface
crawl. Pixels that keep their colour are transparent in the next frame, which also makes the file small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from nst.pictures.clip import Timing, rounded
from nst.pictures.decode import Picture, fit

Bytes = NDArray[np.uint8]

_COLOURS, _CLEAR = 255, 255
_SAMPLE_SIDE_PX, _SAMPLE_PIXELS = 256, 1 << 15
# The largest difference that the dots make, and the advantage for which a pixel changes its colour; of 255.
_DOTS, _ADVANTAGE = 14.0, 8.0
_KEEP, _TO_BACKGROUND = 1, 2  # GIF89a, "Disposal Method"
_UNIT_MS = 10
_MOST_UNITS = 0xFFFF


class GifWriter:
    """Writes one GIF.

    Args:
        file: Where to.
        width_px: Of every frame.
        height_px: Of every frame.
        timing: Of the frames to come.
        samples: Pictures that have the clip's colours, at least one.
        see_through: Whether frames have transparency; a GIF's pixels are there or not, with nothing between.
    """

    def __init__(
        self,
        file: IO[bytes],
        width_px: int,
        height_px: int,
        timing: Timing,
        samples: Sequence[Picture],
        see_through: bool,
    ) -> None:
        self._file = file
        self._palette = _palette(samples)
        self._colours = np.array(self._palette.getpalette(), np.int16).reshape(-1, 3)[:_COLOURS]
        self._units = list(reversed([min(unit, _MOST_UNITS) for unit in rounded(timing.durations_ms, _UNIT_MS)]))
        self._see_through = see_through
        self._dots = _dots(height_px, width_px)
        self._shown: Bytes | None = None
        file.write(_head(width_px, height_px, self._colours, timing.plays))

    def add(self, picture: Picture) -> None:
        """Write the next frame."""
        target = np.rint(picture.rgb * 255).astype(np.int16)
        indices = self._chosen(target)
        frame = indices
        if self._see_through:
            hidden = np.zeros(indices.shape, bool) if picture.alpha is None else picture.alpha < 0.5
            frame = np.where(hidden, np.uint8(_CLEAR), indices)
        elif self._shown is not None:
            frame = np.where(indices == self._shown, np.uint8(_CLEAR), indices)
        self._shown = indices
        image = Image.frombytes("P", (frame.shape[1], frame.shape[0]), frame.tobytes())
        disposal = _TO_BACKGROUND if self._see_through else _KEEP
        parts = GifImagePlugin.getdata(
            image, duration=_UNIT_MS * self._units.pop(), disposal=disposal, transparency=_CLEAR
        )
        self._file.write(b"".join(parts))

    def finish(self) -> None:
        """Write the end."""
        self._file.write(b";")

    def _chosen(self, target: NDArray[np.int16]) -> Bytes:
        """Each pixel's colour: the one it has, unless another is clearly better."""
        dotted = Image.fromarray((target + self._dots).clip(0, 255).astype(np.uint8))
        best: Bytes = np.array(dotted.quantize(palette=self._palette, dither=Image.Dither.NONE))
        best = np.minimum(best, _COLOURS - 1)
        if self._shown is None:
            return best
        shown = self._shown
        losses = [np.abs(self._colours[indices] - target).max(axis=-1) for indices in (shown, best)]
        return np.where(losses[0] <= losses[1] + _ADVANTAGE, shown, best)


def _palette(samples: Sequence[Picture]) -> Image.Image:
    """The clip's colours, as Pillow wants a palette."""
    small = [fit(Picture(sample.rgb), _SAMPLE_SIDE_PX).rgb for sample in samples]
    pixels = np.concatenate([rgb.reshape(-1, 3) for rgb in small])
    pixels = pixels[:: max(1, len(pixels) // _SAMPLE_PIXELS)]
    sheet = Image.fromarray(np.rint(pixels[None] * 255).astype(np.uint8))
    colours = (sheet.quantize(_COLOURS, Image.Quantize.MEDIANCUT, kmeans=1).getpalette() or [])[: 3 * _COLOURS]
    # What the table has no more colours for repeats its last one, and is never chosen before it.
    colours += colours[-3:] * (256 - len(colours) // 3)
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours)
    return palette


def _dots(height_px: int, width_px: int) -> NDArray[np.int16]:
    """Bayer's matrix (1973), a different corner of it for each channel, ``[h, w, 3]`` around 0."""
    matrix = np.zeros((1, 1))
    for _ in range(3):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    around = (matrix + 0.5) / matrix.size - 0.5
    tiles = np.stack([np.roll(around, shift, (0, 1)) for shift in ((0, 0), (3, 5), (6, 2))], axis=-1)
    rows, columns = np.arange(height_px) % 8, np.arange(width_px) % 8
    return np.rint(_DOTS * tiles[rows[:, None], columns]).astype(np.int16)


def _head(width_px: int, height_px: int, colours: NDArray[np.int16], plays: int) -> bytes:
    """Signature, logical screen of 256 colours, colour table, and how often it is played."""
    sides = width_px.to_bytes(2, "little") + height_px.to_bytes(2, "little")
    table = colours.astype(np.uint8).tobytes().ljust(3 * 256, b"\xff")
    repeats = b"" if plays == 1 else b"!\xff\x0bNETSCAPE2.0\x03\x01" + max(0, plays - 1).to_bytes(2, "little") + b"\0"
    return b"GIF89a" + sides + b"\xf7\0\0" + table + repeats
