"""Paint a picture of any size: in one pass where it fits, else in tiles without seams.

Tiles alone would each be normalised by their own statistics and differ in colour and contrast. URST (Chen et
al. 2021, "Towards ultra-resolution neural style transfer via thumbnail instance normalization", section 3.2)
takes every norm's mean and variance from a thumbnail of the whole picture. Then a pixel depends only on what
the network's receptive field shows of it, and tiles that overlap by this radius fit exactly.

Sides are padded by reflection to buckets and cropped afterwards, so that TensorFlow meets few shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from nst.errors import Cancelled
from nst.fast.batches import Passed, no_pass, passes
from nst.fast.network import StyleNetwork
from nst.method import IsCancelled, never_cancelled
from nst.pictures.decode import Picture, resize

Floats = NDArray[np.float32]

BUCKET_PX = 64
ONE_PASS_PX = 1280 * 1280
THUMBNAIL_PX = 1024 * 1024
TILE_PX = 1024
# A change that cannot be seen: half a step of 8 bits.
INVISIBLE = 0.5 / 255


@dataclass(frozen=True)
class Tile:
    """A tile's core, in pixels of the picture: rows ``top:bottom``, columns ``left:right``."""

    top: int
    bottom: int
    left: int
    right: int


class Painter:
    """Paints pictures with one network.

    Args:
        network: The transformer.
        one_pass_px: Pictures of more pixels are tiled.
        tile_px: Side of a tile with its margins; at least 576 suits every network.
    """

    def __init__(self, network: StyleNetwork, one_pass_px: int = ONE_PASS_PX, tile_px: int = TILE_PX) -> None:
        self._network = network
        self._one_pass_px = one_pass_px
        self._tile_px = tile_px
        self._margin_px = 0

    def paint(
        self,
        rgb: Floats,
        vector: Floats,
        advance: Callable[[float], None] = lambda fraction: None,
        cancelled: IsCancelled = never_cancelled,
    ) -> Floats:
        """Paint a picture by a style vector.

        Args:
            rgb: ``[h, w, 3]`` float32 0..1.
            vector: ``[1, 1, 1, D]`` float32.
            advance: Told the fraction done, 0..1.
            cancelled: Asked before each pass.

        Returns:
            ``[h, w, 3]`` float32 0..1.

        Raises:
            Cancelled: ``cancelled()`` was true.
        """
        check(cancelled)
        height, width = rgb.shape[:2]
        if height * width > self._one_pass_px:
            return self._paint_tiles(rgb, vector, advance, cancelled)
        painted = self._network.transform(bucketed(rgb)[None], vector)[0, :height, :width]
        return np.clip(painted, 0, 1)

    def paint_batch(
        self,
        pictures: Sequence[Floats],
        vectors: Sequence[Floats],
        cancelled: IsCancelled = never_cancelled,
        passed: Passed = no_pass,
    ) -> list[Floats | None]:
        """Paint those of several pictures that can share a pass, see ``batches.passes``.

        Args:
            pictures: ``[h, w, 3]`` float32 0..1 each.
            vectors: ``[1, 1, 1, D]`` float32 each.
            cancelled: Asked before each pass.
            passed: Told how many pictures each pass held.

        Returns:
            ``[h, w, 3]`` float32 0..1 each; None for a picture that shares with nobody.

        Raises:
            Cancelled: ``cancelled()`` was true.
        """
        padded = [bucketed(rgb) for rgb in pictures]
        painted: list[Floats | None] = [None] * len(pictures)
        for together in passes([(rgb.shape[0], rgb.shape[1]) for rgb in padded]):
            check(cancelled)
            contents = np.stack([padded[index] for index in together])
            made = self._network.transform(contents, np.concatenate([vectors[index] for index in together]))
            for row, index in enumerate(together):
                height, width = pictures[index].shape[:2]
                painted[index] = np.clip(made[row, :height, :width], 0, 1)
            passed(len(together))
        return painted

    def _paint_tiles(
        self, rgb: Floats, vector: Floats, advance: Callable[[float], None], cancelled: IsCancelled
    ) -> Floats:
        margin = self._margin_px = self._margin_px or receptive_radius_px(self._network, vector)
        statistics = self._network.norm_statistics(bucketed(_thumbnail(rgb))[None], vector)
        painted = np.empty_like(rgb)
        tiles = list(_tiles(rgb.shape[0], rgb.shape[1], self._tile_px - 2 * margin))
        for number, tile in enumerate(tiles):
            check(cancelled)
            around = _with_margin(rgb, tile, margin, self._tile_px)
            result = self._network.transform(around[None], vector, statistics)[0]
            core = result[margin : margin + tile.bottom - tile.top, margin : margin + tile.right - tile.left]
            painted[tile.top : tile.bottom, tile.left : tile.right] = np.clip(core, 0, 1)
            advance((number + 1) / len(tiles))
        return painted


def check(cancelled: IsCancelled) -> None:
    """Stop if somebody asked for it.

    Raises:
        Cancelled: ``cancelled()`` was true.
    """
    if cancelled():
        raise Cancelled


def bucketed(rgb: Floats) -> Floats:
    """Pad by reflection, at the bottom and the right, to multiples of 64 px.

    Args:
        rgb: ``[h, w, 3]`` float32.
    """
    bottom, right = (-side % BUCKET_PX for side in rgb.shape[:2])
    return np.pad(rgb, ((0, bottom), (0, right), (0, 0)), mode="reflect") if bottom or right else rgb


def receptive_radius_px(network: StyleNetwork, vector: Floats) -> int:
    """How far a pixel's influence is seen: measured, because every module has its own.

    The right half of a noise picture is changed while the statistics stay; the radius is the distance to
    the farthest pixel on the left that changes visibly.

    Args:
        network: The transformer.
        vector: ``[1, 1, 1, D]`` float32.

    Returns:
        Rounded up to a multiple of 16 px, from 32 to 256.
    """
    noise = np.random.default_rng(0).random((1, BUCKET_PX, 2 * 512, 3), np.float32)
    changed = noise.copy()
    changed[:, :, 512:] = 1 - changed[:, :, 512:]
    statistics = network.norm_statistics(noise, vector)
    difference = np.abs(network.transform(noise, vector, statistics) - network.transform(changed, vector, statistics))
    seen = np.flatnonzero(difference[0, :, :512].max(axis=(0, 2)) > INVISIBLE)
    radius = 512 - int(seen[0]) if seen.size else 0
    return min(256, max(32, -(-radius // 16) * 16))


def _thumbnail(rgb: Floats) -> Floats:
    height, width = rgb.shape[:2]
    scale = min(1.0, sqrt(THUMBNAIL_PX / (height * width)))
    return resize(Picture(rgb), max(BUCKET_PX, round(width * scale)), max(BUCKET_PX, round(height * scale))).rgb


def _tiles(height: int, width: int, core: int) -> Iterator[Tile]:
    for top in range(0, height, core):
        for left in range(0, width, core):
            yield Tile(top, min(top + core, height), left, min(left + core, width))


def _with_margin(rgb: Floats, tile: Tile, margin: int, side: int) -> Floats:
    """A square of ``side`` from ``margin`` above and left of the tile; reflected where the picture ends."""
    rows = _reflected(tile.top - margin, side, rgb.shape[0])
    columns = _reflected(tile.left - margin, side, rgb.shape[1])
    return rgb[rows[:, None], columns]


def _reflected(start: int, count: int, extent: int) -> NDArray[np.intp]:
    """Indices ``start .. start + count`` folded into ``0 .. extent - 1``."""
    period = max(1, 2 * (extent - 1))
    folded = np.arange(start, start + count) % period
    return np.minimum(folded, period - folded)
