"""Woodblock waves: layers of curling water in Prussian blue, printed on wood."""

import numpy as np

from tools.presets.canvas import papered, resized
from tools.presets.fields import Field, blend, fbm, grid, noise, palette, ramp, rgb, slope, step

_INK = rgb("#12203f")
_WATER = palette(
    ("#f6ecd2", "#f6ecd2", "#a9c7cf", "#5a8fae", "#f1e6cc", "#2a5c8d", "#1b3f75", "#d9dfd0", "#1f4a80", "#16305f")
)
_EDGES = (0.0, 0.016, 0.034, 0.056, 0.074, 0.082, 0.115, 0.15, 0.157, 0.19)


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = size_px * 3 // 2
    x, y = grid(side)
    picture = _sky(x, y, rng)
    for layer in range(5):
        picture = _wave(picture, x, y, layer, rng)
    grain = fbm(side, (3, 90), rng, octaves=3) - 0.5
    return papered(resized(picture * (1 + 0.16 * grain[..., None]), size_px), rng)


def _sky(x: Field, y: Field, rng: np.random.Generator) -> Field:
    drift = y + 0.05 * (noise(len(x), 5, rng) - 0.5)
    sky = ramp(drift * 2.2, ("#27406f", "#7f9aa8", "#e3cfa4", "#efdcb4", "#e9b98a"), (0, 0.16, 0.42, 0.75, 1))
    sun = step(np.float32(0.105) - np.hypot(x - 0.71, y - 0.17), 0.003)
    return blend(sky, rgb("#c8452f"), sun)


def _wave(picture: Field, x: Field, y: Field, layer: int, rng: np.random.Generator) -> Field:
    base, count = 0.36 + 0.16 * layer, 2 + (layer % 2)
    lift, phase = 0.075 + 0.012 * layer, rng.uniform()
    wx, wy = x, y
    for crest in range(-1, count + 1):
        cx = (crest + 0.25 - phase) / count + rng.uniform(-0.02, 0.02)
        wx, wy = _swirled(wx, wy, (cx + 0.02, base - 0.62 * lift), rng.uniform(0.085, 0.11), rng.uniform(2.9, 3.9))
    ridge = base - lift * np.sin(2 * np.pi * (count * wx + phase))
    foam = 0.011 * np.abs(np.sin(np.pi * 34 * wx)) + 0.006 * np.abs(np.sin(np.pi * 79 * wx + 1))
    return _printed(picture, (wy - ridge + foam).astype(np.float32))


def _swirled(x: Field, y: Field, centre: tuple[float, float], radius: float, turn: float) -> tuple[Field, Field]:
    dx, dy = x - centre[0], y - centre[1]
    angle = turn * np.exp(-(dx * dx + dy * dy) / radius**2)
    cos, sin = np.cos(angle), np.sin(angle)
    return centre[0] + cos * dx - sin * dy, centre[1] + sin * dx + cos * dy


def _printed(picture: Field, depth: Field) -> Field:
    """Return the picture with one layer of water printed over it: flat bands by depth, an inked line at every edge."""
    steep, side = slope(depth), len(depth)
    band = np.searchsorted(np.array(_EDGES, np.float32), depth) - 1
    picture = np.where((band >= 0)[..., None], _WATER[band], picture)
    away = np.full_like(depth, 1.0)
    for edge in _EDGES:
        away = np.minimum(away, np.abs(depth - edge))
    return blend(picture, _INK, 0.85 * step(2.0 / side - away / steep, 1.5 / side))
