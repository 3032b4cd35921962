"""How far a picture's patches are from a style's, and which way leads nearer: sliced Wasserstein, no network.

After Elnekave and Weiss 2022, "Generating natural images with direct patch distribution matching" (GPDM): two sets
of patches are compared along random directions, where the best assignment is the sorted one.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PATCH_PX = 8
SIZE = PATCH_PX * PATCH_PX * 3  # numbers in a patch
_DIRECTIONS = 64
_BINS = 1024


def gradient(rgb: Floats, seen: NDArray[np.bool_], style: Floats, stride: int, rng: np.random.Generator) -> Floats:
    """Where each pixel wants to go, for the patches to be distributed as the style's.

    One sample of the gradient of the sliced Wasserstein distance (GPDM, eq. 3): 64 directions w, every patch's
    (w x - T(w x)) w, with T the monotone map between the two distributions of w x, summed over the patches that
    cover a pixel. Departures: T comes from a histogram of 1024 bins, which costs a third of sorting; and only every
    ``stride``-th patch is looked at, from a random corner. It is divided by the patches that cover a pixel, so
    that a whole step goes as far as they ask.

    Args:
        rgb: [h, w, 3].
        seen: [h, w]; patches count whose middle is seen. At least one has to be.
        style: The style's patches, [n, SIZE].
        stride: Pixels between patches, at least 1.
        rng: Draws the directions and the corner.

    Returns:
        [h, w, 3].
    """
    margin = PATCH_PX - 1  # so that the picture's corners are in as many patches as its middle
    wide = np.pad(rgb, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    top, left = rng.integers(0, stride, 2)
    patches = sliding_window_view(wide, (PATCH_PX, PATCH_PX), axis=(0, 1))[top::stride, left::stride]
    rows, columns = patches.shape[:2]
    counts = _middles(seen, rows, columns, int(top), int(left), stride)
    directions = rng.standard_normal((_DIRECTIONS, SIZE), dtype=np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    here = directions @ patches.reshape(-1, SIZE)[counts].T  # [directions, patches that count]
    there = np.sort(directions @ style.T, axis=1)
    ways = np.zeros((rows * columns, SIZE), np.float32)
    ways[counts] = (here - _transported(here, there)).T @ directions
    total = _folded(ways.reshape(rows, columns, 3, PATCH_PX, PATCH_PX), wide.shape, int(top), int(left), stride)
    total /= _cover(rows, wide.shape[0], int(top), stride)[:, None, None]
    total /= _cover(columns, wide.shape[1], int(left), stride)[None, :, None]
    return total[margin:-margin, margin:-margin] * np.float32(SIZE / _DIRECTIONS)


def sample(rgb: Floats, seen: NDArray[np.bool_], most: int, rng: np.random.Generator) -> Floats:
    """Patches from all over a picture.

    Args:
        rgb: [h, w, 3]; a side of less than a patch is mirrored on.
        seen: [h, w]; patches are taken whose middle is seen, all of them if none is.
        most: How many at most, without repeating any.
        rng: Draws them.

    Returns:
        [n, SIZE].
    """
    missing = [(0, max(0, PATCH_PX - side)) for side in rgb.shape[:2]]
    rgb = np.pad(rgb, (*missing, (0, 0)), mode="symmetric")
    patches = sliding_window_view(rgb, (PATCH_PX, PATCH_PX), axis=(0, 1))
    half = PATCH_PX // 2
    middles = np.pad(seen, missing, mode="symmetric")[half:, half:][: patches.shape[0], : patches.shape[1]]
    rows, columns = np.nonzero(middles if middles.any() else np.ones_like(middles))
    drawn = rng.permutation(len(rows))[:most]
    return np.ascontiguousarray(patches[rows[drawn], columns[drawn]]).reshape(-1, SIZE)


def _middles(seen: NDArray[np.bool_], rows: int, columns: int, top: int, left: int, stride: int) -> NDArray[np.intp]:
    """Which patches have a middle that is seen; all of them if none has."""
    back = PATCH_PX // 2 - 1  # from the padded corner to the middle, less the margin
    row = (top + stride * np.arange(rows) - back).clip(0, len(seen) - 1)
    column = (left + stride * np.arange(columns) - back).clip(0, seen.shape[1] - 1)
    found = np.flatnonzero(seen[np.ix_(row, column)])
    return found if len(found) else np.arange(rows * columns)


def _transported(here: Floats, there: Floats) -> Floats:
    """Every value of ``here`` [k, n] at its rank among the sorted values of ``there`` [k, m]."""
    low, high = here.min(1, keepdims=True), here.max(1, keepdims=True)
    bins = ((here - low) * ((_BINS - 0.5) / (high - low + 1e-6))).astype(np.int32)
    bins += (np.arange(len(here), dtype=np.int32) * _BINS)[:, None]
    histogram = np.bincount(bins.ravel(), minlength=_BINS * len(here)).reshape(len(here), _BINS)
    middle_rank = (np.cumsum(histogram, 1) - histogram / 2) / here.shape[1]
    place = (middle_rank * there.shape[1] - 0.5).clip(0, there.shape[1] - 1)
    below = place.astype(np.intp)
    above = np.minimum(below + 1, there.shape[1] - 1)
    part = (place - below).astype(np.float32)
    table = np.take_along_axis(there, below, 1) * (1 - part) + np.take_along_axis(there, above, 1) * part
    moved: Floats = table.ravel()[bins]
    return moved


def _cover(patches: int, pixels: int, first: int, stride: int) -> Floats:
    """How many patches lie over each pixel of a line, at least 1."""
    cover = np.zeros(pixels, np.float32)
    for offset in range(PATCH_PX):
        cover[first + offset : first + offset + stride * patches : stride] += 1
    return np.maximum(cover, 1)


def _folded(ways: Floats, shape: tuple[int, ...], top: int, left: int, stride: int) -> Floats:
    """Patches [rows, columns, 3, p, p] laid back where they came from, and added."""
    total = np.zeros(shape, np.float32)
    rows, columns = ways.shape[:2]
    for y in range(PATCH_PX):
        for x in range(PATCH_PX):
            lines = slice(top + y, top + y + stride * rows, stride)
            total[lines, left + x : left + x + stride * columns : stride] += ways[..., y, x]
    return total
