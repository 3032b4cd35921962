"""Stained glass: a sun over hills in leaded, glowing panes."""

import numpy as np
from scipy.spatial import cKDTree

from tools.presets.canvas import resized
from tools.presets.fields import Field, as_field, blend, fbm, grid, hashed, noise, palette, rgb, smooth, step

_SUN = palette(("#ffe9a0", "#ffc93c", "#ff9a1f", "#f2651d"))
_SKY = palette(("#0f2f8a", "#1c5bc4", "#2f8fe0", "#123a9e", "#5b2a9a", "#7fd0f0"))
_RUBY = palette(("#b0122b", "#d8232f", "#7d0f3c", "#f05a4a"))
_LEAF = palette(("#0c6b3a", "#1f9d55", "#7cc04b", "#0a4f4a", "#d8d24a"))


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = size_px * 3 // 2
    centres = _centres(rng)
    pane, gap = _panes(side, centres, rng)
    colours = _colours(centres, rng)
    glass = _glass(colours[pane], pane, rng)
    glass = blend(glass, rgb("#0d0d12"), step(np.float32(0.0062) - gap, 0.003))
    shine = step(np.float32(0.0018) - np.abs(gap - 0.0016), 0.002) * noise(side, 40, rng)
    glass = blend(glass, rgb("#6b6f7a"), 0.5 * shine)
    small = resized(glass, size_px)
    return np.clip(small + 0.22 * smooth(small, 0.012) - 0.04, 0, 1).astype(np.float32)


def _centres(rng: np.random.Generator) -> Field:
    """Return the panes' centres (n, 2): rings around the sun, closer near it."""
    rings = []
    radius = 0.0
    while radius < 1.15:
        count = max(1, int(2 * np.pi * radius / (0.054 + 0.04 * radius)))
        turn = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 6) + rng.normal(0, 0.22 / count, count)
        away = radius + rng.normal(0, 0.009, count)
        rings.append(np.stack([0.62 + away * np.cos(turn), 0.33 + away * np.sin(turn)], axis=1))
        radius += 0.056 + 0.045 * radius
    return np.concatenate(rings).astype(np.float32)


def _panes(
    side: int, centres: Field, rng: np.random.Generator
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], Field]:
    """Return each pixel's pane and its distance from the pane's edge."""
    x, y = grid(side)
    x = x + 0.022 * (noise(side, 7, rng) - 0.5)
    y = y + 0.022 * (noise(side, 7, rng) - 0.5)
    near, index = cKDTree(centres).query(np.stack([x, y], axis=-1), k=2)
    apart = np.linalg.norm(centres[index[..., 0]] - centres[index[..., 1]], axis=-1)
    gap = (near[..., 1] ** 2 - near[..., 0] ** 2) / (2 * apart)
    return index[..., 0].astype(np.int64), gap.astype(np.float32)


def _colours(centres: Field, rng: np.random.Generator) -> Field:
    x, y = centres[:, 0], centres[:, 1]
    away = np.hypot(x - 0.62, y - 0.33)
    hill = y - 0.72 - 0.09 * np.sin(5.5 * x + 1)
    chosen = []
    for radius, depth in zip(away, hill, strict=True):
        family = _SUN if radius < 0.16 else _RUBY if radius < 0.25 else _LEAF if depth > 0 else _SKY
        family = _RUBY if abs(depth) < 0.025 else family
        chosen.append(family[rng.integers(len(family))])
    return np.stack(chosen)


def _glass(flat: Field, pane: np.ndarray[tuple[int, int], np.dtype[np.int64]], rng: np.random.Generator) -> Field:
    """Return the panes' colours, streaked and seeded with bubbles as mouth-blown glass is."""
    side = len(flat)
    streaks = fbm(side, (5, 30), rng) * 0.5 + fbm(side, (30, 5), rng) * 0.3 + noise(side, 120, rng) * 0.2
    tone = 0.55 + 0.95 * streaks * (0.75 + 0.5 * hashed(pane, 3))
    pale = np.clip(streaks - 0.55, 0, 1)[..., None] * 0.7
    return as_field(np.clip(flat * tone[..., None] + pale, 0, 1))
