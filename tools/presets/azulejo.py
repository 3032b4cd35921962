"""Azulejo: tin-glazed tiles painted by hand in cobalt, with a touch of yellow."""

import numpy as np

from tools.presets.canvas import lit, resized
from tools.presets.fields import Field, blend, fbm, grid, hashed, noise, ramp, rgb, smooth, step

_TILES = 3
_COBALT = ("#f4f3ea", "#bcd2e6", "#6f9fd0", "#2a5fae", "#123a86", "#0a1f55")
_YELLOW = ("#f6e6a8", "#f2c230", "#d98a1a")


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = 2 * size_px
    x, y = grid(side)
    shake = 0.016
    u = np.clip(x * _TILES % 1 + shake * _TILES * (noise(side, 14, rng) - 0.5), 0, 1)
    v = np.clip(y * _TILES % 1 + shake * _TILES * (noise(side, 14, rng) - 0.5), 0, 1)
    tile = (np.floor(x * _TILES) + 16 * np.floor(y * _TILES)).astype(np.int64)
    blue, gold = _motif(2 * u - 1, 2 * v - 1)
    brush = 0.62 * fbm(side, 26, rng, gain=0.6) + 0.38 * fbm(side, (10, 60), rng)
    loaded = np.clip(blue * (0.62 + 0.75 * (brush - 0.35)), 0, 1)
    picture = ramp(loaded + 0.05 * hashed(tile, 4) + 0.06 * (brush - 0.5), _COBALT)
    picture = blend(picture, ramp(brush * 1.3 - 0.15, _YELLOW), gold)
    return resized(_glazed(picture, x, y, tile, rng), size_px)


def _motif(u: Field, v: Field) -> tuple[Field, Field]:
    """Return how much cobalt and yellow a tile takes; u and v run from -1 to 1 and mirror."""
    away, turn = np.hypot(u, v), np.arctan2(v, u)
    corner = np.hypot(1 - np.abs(u), 1 - np.abs(v))
    petal = away - 0.40 - 0.17 * np.cos(8 * turn)
    star = away - 0.20 - 0.05 * np.cos(8 * turn + np.pi)
    scroll = np.sin(9 * np.log(corner + 0.12) + 4 * np.arctan2(1 - np.abs(v), 1 - np.abs(u)) * np.sign(u * v))
    vines = step(0.24 - np.abs(scroll), 0.1) * step(petal - 0.10, 0.02) * step(corner - 0.36, 0.02)
    blue = 0.62 * step(-petal, 0.02) * step(star, 0.02) * (0.55 + 0.9 * np.abs(np.cos(4 * turn)) ** 3)
    blue = blue + 0.9 * vines + 0.30 * step(petal - 0.03, 0.02) * step(0.10 - np.abs(scroll - 0.75), 0.2)
    for edge, width in (
        (petal, 0.026),
        (petal - 0.07, 0.012),
        (star, 0.020),
        (corner - 0.34, 0.028),
        (corner - 0.27, 0.012),
    ):
        blue = np.maximum(blue, 1.15 * step(width - np.abs(edge), 0.012))
    blue = np.maximum(blue, 0.95 * step(0.055 - np.abs(corner - 0.17), 0.01))
    border = np.minimum(1 - np.abs(u), 1 - np.abs(v))
    blue = np.maximum(blue, 0.9 * step(0.016 - np.abs(border - 0.045), 0.008) * step(corner - 0.36, 0.02))
    gold = np.maximum(step(0.135 - away, 0.015), step(0.095 - corner, 0.015))
    gold = np.maximum(gold, step(0.05 - np.hypot(away - 0.78, 0.8 * np.sin(2 * turn)), 0.02))
    return np.clip(blue, 0, 1.2), gold


def _glazed(picture: Field, x: Field, y: Field, tile: Field, rng: np.random.Generator) -> Field:
    """Return the tiles under their glaze: each with its own tint, hair cracks, worn corners and a grey joint."""
    side = len(x)
    border = np.minimum(np.abs(x * _TILES - np.round(x * _TILES)), np.abs(y * _TILES - np.round(y * _TILES)))
    tint = 0.90 + 0.14 * hashed(tile.astype(np.int64), 2)
    veins = noise(side, 24, rng) + 0.5 * noise(side, 48, rng)
    cracks = step(0.010 - np.abs(veins - 0.75), 0.02) * step(noise(side, 5, rng) - 0.4, 0.3)
    picture = blend(picture * tint[..., None], rgb("#8f8674"), 0.35 * cracks)
    worn = 0.030 * fbm(side, 40, rng) ** 2
    picture = blend(picture, rgb("#6e675c"), step(0.010 + worn - border, 0.008))
    return lit(picture, smooth(np.clip(border * 30, 0, 1) + 0.15 * fbm(side, 12, rng), 0.001), 1.2)
