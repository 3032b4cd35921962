"""What ``auto`` looks at: how much texture a style has, and how calm a photograph is. A few milliseconds, no network.

Texture is the deviation of a picture's fine detail (finer than a blur of 2 px at 256 px) in blocks of 16 px. What
counts is not the mean but the lower quartile of the blocks: brushwork, tiles and engravings have texture everywhere,
a photograph or a smooth painting has it at its edges and hardly any in a sky, on a cheek, out of focus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from nst.colour import luma
from nst.images import Picture, fit

_SIDE_PX = 256
_BLOCK_PX = 16
_BLUR_PX = 2.0
_CALM = 0.012  # 3 of 255 levels: noise and JPEG, no texture
_LEVELS = 8  # of each channel, where colours are counted


@dataclass(frozen=True)
class Measure:
    """A picture's texture and palette.

    Attributes:
        everywhere: Lower quartile of the blocks' texture, 0..1: what even the calmer parts have.
        typical: Median of the blocks' texture, 0..1.
        calm: Share of the blocks that have none, 0..1.
        colours: How many colours, of 512, nine tenths of the picture are made of.
    """

    everywhere: float
    typical: float
    calm: float
    colours: int


def measure(picture: Picture) -> Measure:
    """Measure a picture.

    Args:
        picture: Any size; what is hidden does not count, unless all is.
    """
    small = fit(picture, _SIDE_PX)
    seen = np.ones(small.rgb.shape[:2], bool) if small.alpha is None else small.alpha > 0.5
    bright = luma(small.rgb)
    blocks = _blocks(bright - gaussian_filter(bright, _BLUR_PX)).std(axis=(1, 3)).ravel()
    counts = _blocks(seen.astype(np.float32)).mean(axis=(1, 3)).ravel() > 0.5
    blocks = blocks[counts] if counts.any() else blocks
    everywhere, typical = np.quantile(blocks, (0.25, 0.5))
    shown = small.rgb[seen] if seen.any() else small.rgb.reshape(-1, 3)
    return Measure(float(everywhere), float(typical), float((blocks < _CALM).mean()), _colours(shown))


def _blocks(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """A plane [h, w] in blocks, [rows, block, columns, block]; a side of less than a block is one block."""
    height, width = (min(_BLOCK_PX, side) for side in plane.shape)
    rows, columns = plane.shape[0] // height, plane.shape[1] // width
    return plane[: rows * height, : columns * width].reshape(rows, height, columns, width)


def _colours(rgb: NDArray[np.float32]) -> int:
    levels = np.minimum((rgb * _LEVELS).astype(np.int64), _LEVELS - 1)
    counted = np.sort(np.unique(levels @ np.array([1, _LEVELS, _LEVELS**2]), return_counts=True)[1])[::-1]
    return int((np.cumsum(counted) < 0.9 * counted.sum()).sum()) + 1
