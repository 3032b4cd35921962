"""Engraving: a moonlit bay in swelling lines and cross hatching, sepia with a second ink."""

import numpy as np

from tools.presets.canvas import papered, resized
from tools.presets.fields import Field, as_field, blend, fbm, grid, rgb, slope, step

_PAPER, _SEPIA, _RUST = rgb("#f5ead2"), rgb("#21170f"), rgb("#b4532c")


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = 2 * size_px
    x, y = grid(side)
    tone, bend, warm = _scene(x, y, rng)
    picture = np.broadcast_to(_PAPER, (side, side, 3)).astype(np.float32)
    picture = blend(picture, _RUST, 0.85 * _lines(0.7 * x - 0.7 * y + 0.3 * bend, 84, 0.62 * warm))
    for cx, cy, start, count in ((0.0, 1.0, 0.02, 82), (0.78, 0.62, 0.40, 88), (0.82, -0.57, 0.62, 88)):
        share = np.clip((tone - start) / (1.05 - start), 0, 1) * 0.86
        picture = blend(picture, _SEPIA, 0.95 * _lines(cx * x + cy * y + bend, count, share))
    return papered(resized(picture, size_px), rng, 0.1)


def _scene(x: Field, y: Field, rng: np.random.Generator) -> tuple[Field, Field, Field]:
    """Return the darkness 0..1, how far the lines bend, and how much of the second ink shows."""
    away = np.hypot(x - 0.66, y - 0.27)
    clouds = fbm(len(x), (3, 6), rng, octaves=4)
    tone = 0.30 + 0.75 * (clouds - 0.45) + 0.35 * np.clip(away - 0.2, 0, 1)
    bend = 0.10 * clouds + 0.045 * np.exp(-((away / 0.16) ** 2))
    warm = np.clip(0.9 - 1.6 * away, 0, 0.8)
    disc = step(0.115 - away, 0.003)
    tone, warm = (
        tone * (1 - disc) + disc * np.clip(0.75 * (away + 0.5 * (x - 0.66)) / 0.115 - 0.25, 0, 0.8),
        warm * (1 - 0.75 * disc),
    )
    for layer in range(4):
        profile = fbm(len(x), (2 + layer, 1), rng, octaves=5, gain=0.5)[0][None, :]
        depth = y - 0.50 - 0.125 * layer + 0.20 * (profile - 0.5)
        folds = fbm(len(x), (7, 4), rng, octaves=4)
        land = step(depth, 0.002)
        shaded = 0.16 + 0.13 * layer + 1.25 * (folds - 0.42) + 0.55 * np.exp(-np.clip(depth, 0, 1) / 0.02)
        tone = tone * (1 - land) + land * shaded
        bend = bend * (1 - land) + land * (0.22 * folds + 0.3 * profile + 0.05 * layer)
        warm = warm * (1 - land) + land * np.clip(0.9 * (0.62 - folds), 0, 0.8)
    return np.clip(tone, 0, 1).astype(np.float32), bend.astype(np.float32), warm.astype(np.float32)


def _lines(phase: Field, count: int, share: Field) -> Field:
    """Return ink 0..1: `count` lines to a side across the phase, each as wide as its share of the spacing."""
    steep = np.clip(slope(phase), 0.4, 4)
    away = np.abs((phase * count) % 1 - 0.5) / count
    return as_field(np.clip((0.5 * share / count - away) / (1.8 * steep / len(phase)) + 0.5 * (share > 0.02), 0, 1))
