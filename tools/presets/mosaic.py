"""Byzantine mosaic: a gold sun over lapis waves, set in rows of hand-cut tesserae."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.presets.canvas import lit, resized
from tools.presets.fields import Field, blend, fbm, grid, hashed, noise, palette, rgb, smooth, step

_ROW = 0.0215
_GOLD = palette(("#f3cf6b", "#d9a431", "#b97f1f", "#f8e3a1"))
_LAPIS = palette(("#1c3f8f", "#12306e", "#2f63b5", "#0d2450", "#3c8fb0"))
_SEA = palette(("#0f5f66", "#1f8a83", "#0b4450", "#63b39b", "#e7dcc0"))
_WINE = palette(("#7a1627", "#a92a2f", "#54101f", "#c8553d"))
_CREAM = palette(("#f1e6cc", "#e2d0a8", "#f7efdc"))


@dataclass(frozen=True)
class _Rows:
    """Where a region's tesserae lie: `across` counts its rows, `along` is the way within a row."""

    across: Field
    along: Field


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = 2 * size_px
    x, y = grid(side)
    x = x + 0.014 * (noise(side, 9, rng) - 0.5) + 0.004 * (noise(side, 40, rng) - 0.5)
    y = y + 0.014 * (noise(side, 9, rng) - 0.5) + 0.004 * (noise(side, 40, rng) - 0.5)
    away, turn = np.hypot(x - 0.5, y - 0.4), np.arctan2(y - 0.4, x - 0.5)
    swell = y - 0.025 * np.sin(2 * np.pi * 2.0 * x) - 0.7
    sea = swell > 0
    rows = _Rows(np.where(sea, swell, away) / _ROW, np.where(sea, x, turn * np.floor(away / _ROW) * _ROW) / _ROW)
    tile, inset = _tiles(rows)
    ring = np.floor(rows.across).astype(np.int64)
    glass = _coloured(tile, ring, sea, turn, rng)
    return resized(_grouted(glass, tile, inset, rng), size_px)


def _tiles(rows: _Rows) -> tuple[NDArray[np.int64], Field]:
    """Return each pixel's tile and how deep inside it the pixel lies, 0 at the joint and 0.5 in the middle."""
    ring = np.floor(rows.across).astype(np.int64)
    along = rows.along * 0.92 + hashed(ring, 11) * 7
    number = np.floor(along).astype(np.int64)
    shift = 0.22 * (hashed(number + 4099 * ring, 5) - 0.5)
    in_row, in_tile = rows.across - ring, along - number
    inset = np.minimum(np.minimum(in_row, 1 - in_row), np.minimum(in_tile, 1 - in_tile + shift * 0.5))
    return number + 4099 * ring, inset.astype(np.float32)


def _coloured(
    tile: NDArray[np.int64], ring: NDArray[np.int64], sea: NDArray[np.bool_], turn: Field, rng: np.random.Generator
) -> Field:
    pick, blush = hashed(tile, 1), hashed(tile, 2)
    rays = np.cos(16 * turn) > 0.0
    colour = _of(_LAPIS, pick)
    for cover, family in (
        (ring < 22, np.where(rays[..., None], _of(_GOLD, pick), _of(_LAPIS, pick))),
        (ring < 11, _of(_GOLD, pick)),
        ((ring == 11) | (ring == 22) | (ring == 5), _of(_WINE, pick)),
        ((ring == 12) | (ring == 4) | (ring == 27), _of(_CREAM, pick)),
        ((ring < 4) | (ring == 26), np.where(blush[..., None] > 0.4, _of(_WINE, pick), _of(_GOLD, pick))),
        (sea, np.where((ring % 5 == 0)[..., None], _of(_CREAM, pick), _of(_SEA, (pick + 0.17 * ring) % 1))),
        (sea & (ring == 0), _of(_GOLD, pick)),
    ):
        colour = np.where(cover[..., None], family, colour)
    return (colour * (0.82 + 0.36 * hashed(tile, 3) + 0.12 * (fbm(len(pick), 20, rng) - 0.5))[..., None]).astype(
        np.float32
    )


def _of(family: Field, pick: Field) -> Field:
    return family[np.minimum((pick * len(family)).astype(np.intp), len(family) - 1)]


def _grouted(glass: Field, tile: NDArray[np.int64], inset: Field, rng: np.random.Generator) -> Field:
    """Return the tiles in their mortar, each tilted a little, so that the light catches some."""
    mortar = rgb("#3a332c") * (0.8 + 0.5 * noise(len(inset), 200, rng))[..., None]
    body = step(inset - 0.075 - 0.05 * hashed(tile, 8), 0.09)
    dome = smooth(np.clip(inset * 5, 0, 1) * body, 0.0009)
    glint = np.clip(hashed(tile, 9) - 0.86, 0, 1) * 3.0
    bright = np.clip(glass + glint[..., None] * 0.6, 0, 1)
    return lit(blend(mortar.astype(np.float32), bright, body), dome, 1.0)
