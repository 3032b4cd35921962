"""Cubist facets: planes of ochre, umber, slate and rust, shaded towards their edges."""

import numpy as np

from tools.presets.canvas import papered, resized
from tools.presets.fields import Field, as_field, blend, fbm, grid, noise, ramp, rgb, step

_TONES = ("#1d1a1c", "#4a3527", "#3f5363", "#8c5a2e", "#6f8791", "#c08a4a", "#a33f22", "#dcb877", "#f3e4c0")
_INK = rgb("#15110f")


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = 2 * size_px
    x, y = grid(side)
    facet, shade = np.zeros_like(x), np.ones_like(x)
    ink = np.zeros_like(x)
    for line in range(24):
        off = _curve(x, y, line, rng)
        within = _span(x, y, rng)
        facet = facet + within * (off > 0) * rng.uniform(0.2, 0.8)
        shade = shade - within * 0.36 * np.exp(-np.clip(off, 0, 2) / rng.uniform(0.03, 0.09)) * (off > 0)
        width = 0.0034 * (0.2 + noise(side, 12, rng))
        ink = np.maximum(ink, within * step(width - np.abs(off), 0.0015))
    rising, lying = fbm(side, (90, 8), rng, octaves=3), fbm(side, (8, 90), rng, octaves=3)
    bristle = 1.3 * (np.where(facet % 0.31 < 0.155, rising, lying) - 0.5)
    tone = np.clip(0.12 + 0.95 * (facet % 1) + 0.10 * bristle, 0, 1)
    picture = ramp(tone, _TONES) * (np.clip(shade, 0.45, 1.1) + 0.34 * bristle)[..., None]
    return papered(resized(blend(picture, _INK, 0.85 * ink), size_px), rng, 0.2)


def _curve(x: Field, y: Field, line: int, rng: np.random.Generator) -> Field:
    """Return the signed distance from a line, or from a wide arc for every fourth."""
    cx, cy = rng.uniform(0.0, 1.0, 2)
    if line % 4 == 3:
        radius = rng.uniform(0.09, 0.26)
        return as_field(np.hypot(x - cx, y - cy) - radius)
    way = rng.choice([0.35, 1.1, 1.9, 2.7]) + rng.normal(0, 0.22)
    return as_field((x - cx) * np.cos(way) + (y - cy) * np.sin(way))


def _span(x: Field, y: Field, rng: np.random.Generator) -> Field:
    """Return 1 where a line holds and 0 beyond its reach, so that few planes run across the whole picture."""
    cx, cy = rng.uniform(0.1, 0.9, 2)
    way, reach = rng.uniform(0, np.pi), rng.uniform(0.2, 0.6)
    return as_field(np.abs((x - cx) * np.cos(way) + (y - cy) * np.sin(way)) < reach)
