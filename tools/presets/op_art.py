"""Op art: discs in squares that swell towards the eye, two colour ramps against each other."""

import numpy as np

from tools.presets.canvas import resized
from tools.presets.fields import Field, as_field, blend, grid, ramp, step

_COUNT = 19
_BULGES = ((0.36, 0.38, 0.34, 0.62), (0.78, 0.74, 0.24, 0.55), (0.86, 0.17, 0.15, -0.6))
_COOL = ("#0b1033", "#1c2f8f", "#1f7fd0", "#35d0c0", "#f4f3e6")
_WARM = ("#fff3c4", "#ffc21f", "#f2600f", "#c3123f", "#3a0a3f")


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = 2 * size_px
    x, y = grid(side)
    u, v = x, y
    for cx, cy, radius, power in _BULGES:
        u, v = _swollen(u, v, (cx, cy), radius, power)
    column, row = np.floor(u * _COUNT), np.floor(v * _COUNT)
    inner = np.hypot(u * _COUNT - column - 0.5, v * _COUNT - row - 0.5)
    phase = float(rng.uniform(0, 0.2))
    beat = 0.5 + 0.5 * np.sin(0.31 * column + 0.17 * row + 6 * phase)
    counter = 0.5 + 0.5 * np.cos(0.23 * row - 0.12 * column)
    odd = (column + row) % 2
    tone = np.where(odd > 0, 0.72 * beat, 1 - 0.65 * counter).astype(np.float32)
    ground, disc = ramp(tone, _COOL), ramp(tone, _WARM)
    size = 0.24 + 0.2 * (0.5 + 0.5 * np.sin(0.41 * row + 0.2 * column))
    picture = blend(ground, disc, step(size - inner, 0.06))
    return resized(as_field(picture * _shade(x, y)[..., None]), size_px)


def _shade(x: Field, y: Field) -> Field:
    """Return the light on the bulges, from the upper left, as a factor; the dents are lit the other way."""
    light = np.ones_like(x)
    for cx, cy, radius, power in _BULGES:
        dx, dy = (x - cx) / radius, (y - cy) / radius
        round_off = np.sqrt(np.clip(1 - dx * dx - dy * dy, 0, 1))
        lit = 0.30 + 0.72 * round_off - 0.45 * np.sign(power) * (dx + dy)
        light = np.where(round_off > 0, np.clip(lit, 0.30, 1.3), light)
    return light


def _swollen(x: Field, y: Field, centre: tuple[float, float], radius: float, power: float) -> tuple[Field, Field]:
    """Return the coordinates pulled together inside a circle (a bulge), or apart with a negative power."""
    dx, dy = x - centre[0], y - centre[1]
    away = np.hypot(dx, dy) / radius
    scale = np.where(away < 1, 1 - power * np.cos(np.clip(away, 0, 0.9999) * np.pi / 2) ** 1.4, 1)
    return (centre[0] + dx * scale).astype(np.float32), (centre[1] + dy * scale).astype(np.float32)
