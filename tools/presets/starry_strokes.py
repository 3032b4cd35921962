"""Starry strokes: a night sky in thick, swirling paint."""

import numpy as np

from tools.presets.fields import Field, blend, fbm, grid, ramp, rgb, step
from tools.presets.strokes import Brush, finished, painted, underpainted

_NIGHT = ("#070f30", "#122766", "#2050a8", "#3f86d0", "#8cc4de", "#e4f0d0")
_HALO = ("#fff6c2", "#ffdf5a", "#f2b632", "#c9c76a", "#6fa9b8")
_BRUSHES = (Brush(0.024, 0.12, 0.027, 8), Brush(0.017, 0.08, 0.016, 6), Brush(0.020, 0.06, 0.010, 4, stray=0.08))


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    x, y = grid(256)
    angle, colours = _sky(x, y, rng)
    angle, colours = _land(x, y, angle, colours, rng)
    canvas = underpainted(colours, 2 * size_px)
    for brush in _BRUSHES:
        painted(canvas, colours, angle, brush, rng)
    return finished(canvas, size_px, 0.9)


def _sky(x: Field, y: Field, rng: np.random.Generator) -> tuple[Field, Field]:
    """Return the flow's angle and the colours: a stream that whirls around the stars."""
    flow_x, flow_y = np.ones_like(x), 0.7 * np.cos(7 * x + 2 * y) - 0.2
    glow = np.zeros_like(x)
    stars = [(0.80, 0.17, 0.15), (0.50, 0.36, 0.13), (0.16, 0.22, 0.075), (0.38, 0.10, 0.055), (0.65, 0.08, 0.05)]
    stars += [(0.28, 0.44, 0.05), (0.9, 0.42, 0.06), (0.05, 0.06, 0.05), (0.72, 0.5, 0.045)]
    for cx, cy, size in stars:
        dx, dy = x - cx, y - cy
        pull = 7.0 * np.exp(-(dx * dx + dy * dy) / (1.6 * size) ** 2) / size
        flow_x, flow_y = flow_x - pull * dy, flow_y + pull * dx
        glow = np.maximum(glow, np.exp(-((np.hypot(dx, dy) / size) ** 1.7) * 1.5))
    stripes = 0.5 + 0.5 * np.sin(30 * (y - 0.06 * np.cos(7 * x)) + 5 * fbm(256, 4, rng))
    night = ramp(0.62 * stripes * fbm(256, 3, rng) + 0.30 * y + 0.12, _NIGHT)
    return np.arctan2(flow_y, flow_x), blend(night, ramp(1 - glow, _HALO), step(glow - 0.3, 0.5))


def _land(x: Field, y: Field, angle: Field, colours: Field, rng: np.random.Generator) -> tuple[Field, Field]:
    hill = step(y - 0.73 + 0.06 * np.sin(6 * x + 0.6) + 0.03 * np.sin(15 * x), 0.01)
    fields = ramp(fbm(256, (6, 14), rng), ("#0d2440", "#1d4a5c", "#3d7a5a", "#a9a94a", "#e0b84a"))
    tree_edge = 0.055 * np.sqrt(np.clip((y - 0.12) * 1.6, 0, 1)) * (1 + 0.3 * np.sin(40 * y + 6 * x))
    tree = step(tree_edge - np.abs(x - 0.16 - 0.02 * np.sin(9 * y)), 0.01) * step(y - 0.12, 0.01)
    colours = blend(blend(colours, fields, hill), ramp(fbm(256, 18, rng), ("#0a1512", "#15301f", "#4a3f1c")), tree)
    angle = np.where(hill > 0.5, -0.36 * np.cos(6 * x + 0.6) + 0.2 * np.sin(9 * y), angle)
    angle = np.where(tree > 0.5, np.pi / 2 + 0.35 * np.sin(24 * y), angle)
    roof = step(0.012 - np.abs(y - 0.80), 0.004) * step(np.sin(70 * x) - 0.3, 0.1) * step(x - 0.4, 0.01)
    return angle.astype(np.float32), blend(colours, rgb("#f4c84a"), 0.85 * roof)
