"""Risograph: three inks through coarse screens, a little out of register."""

import numpy as np

from tools.presets.canvas import papered, resized
from tools.presets.fields import Field, as_field, fbm, grid, noise, rgb, step

_PAPER = rgb("#f7f0e0")
_INKS = (("#ffd400", 0.05, 64), ("#ff4f81", 1.31, 58), ("#0067b8", 0.79, 58))


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = 2 * size_px
    x, y = grid(side)
    picture = np.broadcast_to(_PAPER, (side, side, 3)).astype(np.float32)
    swell = fbm(side, 4, rng, octaves=3)
    tired = 0.80 + 0.35 * (fbm(side, 90, rng, octaves=2) - 0.3)
    for number, (ink, way, count) in enumerate(_INKS):
        dx, dy = rng.uniform(-0.006, 0.006, 2)
        cover = _screened(x, y, _plate(number, x + dx, y + dy, swell), way, count)
        picture = picture * (rgb(ink) + 0.02) ** (cover * np.clip(tired, 0, 1))[..., None]
    return papered(resized(picture.astype(np.float32), size_px), rng, 0.12)


def _plate(number: int, x: Field, y: Field, swell: Field) -> Field:
    """Return how much of one ink goes where, 0..1."""
    away, turn = np.hypot(x - 0.5, y - 0.56), np.arctan2(y - 0.56, x - 0.5)
    rays = step(np.sin(14 * turn + 3.2 * away), 0.1)
    hills = step(y - 0.70 - 0.10 * np.sin(6.5 * x + 0.5) + 0.05 * swell, 0.004)
    near = step(y - 0.84 - 0.07 * np.sin(5 * x + 3.2), 0.004)
    sun, ring = step(0.23 - away, 0.004), step(0.028 - np.abs(away - 0.285), 0.004)
    clouds = step(swell - 0.60, 0.05) * step(0.5 - y, 0.1)
    if number == 0:
        tone = 0.35 + 0.5 * rays * (1 - 0.5 * away) + sun - 0.5 * hills + 0.75 * near * swell - clouds
    elif number == 1:
        tone = (
            0.75 * sun * np.clip((y - 0.36) * 3.4, 0, 1)
            + 0.62 * (1 - rays) * (0.25 + away)
            + ring
            + 0.5 * hills * swell
        )
    else:
        tone = 0.62 * hills * (1.2 - 1.2 * swell) + 0.95 * near * (1.1 - swell) + 0.75 * np.clip(0.62 - 1.5 * y, 0, 1)
        tone = tone + 0.8 * ring * (turn > -0.6) + 0.30 * clouds
        tone = tone * (1 - sun * (1 - hills))
    return as_field(np.clip(np.where((sun > 0.5) & (number == 1) & (hills < 0.5), 0.85 * tone, tone), 0, 1))


def _screened(x: Field, y: Field, tone: Field, way: float, count: int) -> Field:
    """Return the tone as dots on a screen turned by `way`, `count` dots to a side."""
    u = (x * np.cos(way) + y * np.sin(way)) * count
    v = (y * np.cos(way) - x * np.sin(way)) * count
    spot = 0.5 + 0.25 * (np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v))
    grit = 0.10 * (noise(len(x), 220, np.random.default_rng(count)) - 0.5)
    return step(1.04 * tone - 1.02 + spot + grit, 0.16)
