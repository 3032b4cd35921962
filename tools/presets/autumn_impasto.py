"""Autumn impasto: a birch wood in flame colours, laid on with a knife."""

import numpy as np

from tools.presets.fields import Field, blend, fbm, grid, ramp, step
from tools.presets.strokes import Brush, finished, painted, underpainted

_LEAVES = ("#4a1420", "#8f1f1f", "#cf3d1a", "#ee7a1c", "#f7ae2c", "#ffe07a")
_SKY = ("#2d5f8a", "#6fa8b8", "#f4e3b5")
_GROUND = ("#2a1a2c", "#6a2430", "#b5481f", "#e9962e", "#3d5c7a")
_BRUSHES = (Brush(0.030, 0.075, 0.036, 9, streak=0.13), Brush(0.019, 0.036, 0.020, 6, streak=0.14, stray=0.08))
_KNIFE = Brush(0.0085, 0.022, 0.011, 4, streak=0.08, stray=0.03)
_DABS = Brush(0.016, 0.022, 0.012, 4, stray=0.09, wobble=0.6)


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    x, y = grid(256)
    colours = _wood(x, y, rng)
    angle = (np.pi * (fbm(256, 5, rng, octaves=2) - 0.5) + 0.5).astype(np.float32)
    ground = y > 0.76
    angle = np.where(ground, 0.25 * np.sin(9 * x), angle).astype(np.float32)
    canvas = underpainted(colours, 2 * size_px)
    for brush in _BRUSHES:
        painted(canvas, colours, angle, brush, rng)
    trunks, cover = _trunks(x, y, rng)
    across = (0.12 * np.sin(40 * y)).astype(np.float32)
    painted(canvas, trunks, across, _KNIFE, rng, where=cover)
    painted(canvas, colours, angle, _DABS, rng, where=(fbm(256, 12, rng) > 0.52).astype(np.float32) * (1 - cover))
    return finished(canvas, size_px, 1.1)


def _wood(x: Field, y: Field, rng: np.random.Generator) -> Field:
    crowns = fbm(256, 6, rng, octaves=4, gain=0.6)
    light = np.exp(-((x - 0.58) ** 2) / 0.03 - (y - 0.40) ** 2 / 0.05)
    leaves = ramp(0.15 + 0.75 * crowns + 0.38 * light - 0.25 * np.abs(y - 0.4), _LEAVES)
    gaps = step(fbm(256, 9, rng) + 0.22 * light - 0.74, 0.10) * step(0.7 - y, 0.1)
    picture = blend(leaves, ramp(0.4 * y + 0.7 * light, _SKY), gaps)
    floor = ramp(1.1 * fbm(256, (5, 18), rng) - 0.1 + 0.2 * light, _GROUND)
    return blend(picture, floor, step(y - 0.75 + 0.03 * np.sin(8 * x), 0.03))


def _trunks(x: Field, y: Field, rng: np.random.Generator) -> tuple[Field, Field]:
    """Return the trunks' colours and where they stand; bark pale on the lit side, scarred across."""
    cover, side = np.zeros_like(x), np.zeros_like(x)
    for at in (0.08, 0.21, 0.33, 0.52, 0.68, 0.79, 0.93):
        half = rng.uniform(0.009, 0.020)
        off = x - at - rng.uniform(-0.08, 0.08) * (0.8 - y) - 0.008 * np.sin(9 * y + 20 * at)
        here = step(half * (0.7 + 0.5 * y) - np.abs(off), 0.004) * step(0.74 + rng.uniform(0, 0.16) - y, 0.01)
        side = np.where(here > 0.5, off / half, side)
        cover = np.maximum(cover, here)
    scars = step(fbm(256, (14, 60), rng) - 0.62, 0.08)
    bark = ramp(0.55 - 0.4 * side - 0.7 * scars, ("#1a1220", "#4a3440", "#b9a4a0", "#fbf0dc"))
    return bark, cover
