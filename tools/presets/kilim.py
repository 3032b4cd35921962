"""Kilim: stepped diamonds in madder, indigo and saffron, woven thread by thread."""

import numpy as np

from tools.presets.canvas import lit, resized
from tools.presets.fields import Field, as_field, blend, fbm, grid, hashed, noise, palette, rgb

_WARPS = 84
_WEFTS = 112
_WOOL = palette(("#8c1f28", "#1c2a4f", "#e0a02c", "#f1e3c4", "#2f6f6a", "#c8532a", "#3a1a22"))
_BANDS = (3, 0, 6, 2, 5, 1, 3, 4, 0, 2, 6, 3, 1, 5)


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = 2 * size_px
    x, y = grid(side)
    x = x + 0.012 * (noise(side, 5, rng) - 0.5)
    y = y + 0.012 * (noise(side, 5, rng) - 0.5)
    warp, weft = np.floor(x * _WARPS), np.floor(y * _WEFTS)
    over, under = np.abs(np.sin(np.pi * x * _WARPS)), np.abs(np.sin(np.pi * y * _WEFTS))
    height = as_field(under**0.6 * (0.45 + 0.55 * np.abs(np.sin(0.5 * np.pi * (x * _WARPS + weft)))))
    dye = _dyed(_pattern(warp, weft), warp, weft, rng)
    fibre = 0.30 * (fbm(side, (40, 260), rng, octaves=2) - 0.5)
    worn = dye * (0.52 + 0.62 * height + fibre)[..., None]
    shadow = blend(worn, rgb("#160d0c"), as_field(0.55 * (1 - under) ** 2 + 0.12 * (1 - over) ** 3))
    return resized(lit(shadow, height, 0.10), size_px)


def _pattern(warp: Field, weft: Field) -> Field:
    """Return each knot's place in the row of wools: nested stepped diamonds, hooked, between zigzag borders."""
    u, v = np.abs((warp % 28) - 13.5), np.abs(((weft + 14) % 56) - 27.5)
    ring = np.floor((2.0 * np.floor(u / 2) + np.floor(v / 2) * 1.0) / 3)
    hooks = ((np.floor(u / 2) + np.floor(v / 4)) % 3 == 0) & (ring % 3 == 1)
    ring = np.where(hooks, ring + 2, ring)
    border = np.abs((weft % 56) - 14)
    zigzag = np.floor((border * 1.0 + np.abs((warp % 14) - 6.5)) / 3) + 5
    return as_field(np.where(border < 5, zigzag, ring))


def _dyed(place: Field, warp: Field, weft: Field, rng: np.random.Generator) -> Field:
    """Return the wool's colours; each batch of weft took the dye a little differently (abrash)."""
    wool = _WOOL[np.array(_BANDS)[place.astype(np.intp) % len(_BANDS)]]
    batch = hashed(np.floor((weft + 3 * noise(len(weft), 6, rng)) / 5).astype(np.int64), 6)
    knot = hashed((warp + 512 * weft).astype(np.int64), 7)
    return as_field(wool * (0.86 + 0.26 * batch + 0.22 * (knot - 0.5))[..., None])
