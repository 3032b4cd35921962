"""Peacock: art nouveau feathers, emerald and indigo eyes rimmed with gold."""

import numpy as np

from tools.presets.canvas import papered, resized
from tools.presets.fields import Field, blend, fbm, grid, hashed, noise, ramp, rgb, step

_RADIUS = 0.17
_BARBS = ("#031018", "#063038", "#0b5a5a", "#12907a", "#6fbf5a", "#e6d67a")
_EYE = ("#070a2a", "#1a2aa0", "#25b4cc", "#0c5a5c", "#a35a1c", "#f2d272", "#2f6f3a")
_EYE_STOPS = (0, 0.25, 0.42, 0.55, 0.7, 0.88, 1)
_GOLD = ("#7a4f12", "#c8932e", "#f6dc8a")


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = 2 * size_px
    x, y = grid(side)
    x = x + 0.09 * (noise(side, 4, rng) - 0.5)
    y = y + 0.09 * (noise(side, 4, rng) - 0.5)
    along, across, ids = _scales(x, y)
    return papered(resized(_feathers(along, across, ids, rng), size_px), rng, 0.12)


def _scales(x: Field, y: Field) -> tuple[Field, Field, Field]:
    """Return each pixel's place in its scale, in radii from the scale's centre (right, down), and the scale's hash."""
    right, down, ids = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    for row in range(-1, int(2.2 / _RADIUS) + 3):
        cy = row * _RADIUS * 0.56
        half = 0.5 * (row % 2)
        column = np.round(x / (1.9 * _RADIUS) - half)
        dx, dy = (x - (column + half) * 1.9 * _RADIUS) / _RADIUS, (y - cy) / _RADIUS
        inside = (np.hypot(dx, dy) < 1) & (np.abs(dy) < 1)
        right, down = np.where(inside, dx, right), np.where(inside, dy, down)
        ids = np.where(inside, hashed((column + 512 * row).astype(np.int64) + 4096, 3), ids)
    return right, down, ids


def _feathers(dx: Field, dy: Field, ids: Field, rng: np.random.Generator) -> Field:
    side = len(dx)
    away, fan = np.hypot(dx, dy), np.arctan2(dx, 0.9 - dy)
    silk = noise(side, 150, rng)
    barbs = 0.5 + 0.5 * np.sin(90 * fan + 9 * away)
    tone = 0.62 * away**2 + 0.40 * barbs * away - 0.08 + 0.25 * (ids - 0.5) + 0.15 * (silk - 0.5)
    picture = ramp(tone, _BARBS)
    eye = np.hypot(dx * 1.12, (dy + 0.34) * (1.0 + 0.25 * dx * dx)) / (0.46 + 0.08 * ids)
    heart = eye + 0.10 * np.exp(-((dx / 0.1) ** 2)) * (dy > -0.34)
    rings = ramp(heart + 0.06 * (barbs - 0.5) + 0.05 * (silk - 0.5), _EYE, _EYE_STOPS)
    picture = blend(picture, rings, step(1 - eye, 0.04))
    leaf = ramp(0.2 + 0.9 * fbm(side, 30, rng) - 0.3 * dy, _GOLD)
    rim = step(0.026 - np.abs(away - 0.955), 0.02)
    ring = 0.85 * step(0.014 - np.abs(eye - 1.0), 0.02)
    picture = blend(picture, leaf, np.maximum(rim, ring))
    return blend(picture, rgb("#04141c"), 0.8 * step(away - 0.985, 0.02))
