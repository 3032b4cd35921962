"""Pointillism: an evening by the water in pure dots, warm against cool."""

import numpy as np
from PIL import Image

from tools.presets.canvas import pen, to_image, to_picture
from tools.presets.fields import Field, blend, fbm, grid, ramp, rgb, step
from tools.presets.strokes import looked_up, scattered

_SKY = ("#24307f", "#5560bd", "#b98fc4", "#f0a58f", "#ffd27a", "#fff0b0")
_WATER = ("#ffdf8a", "#d98fa0", "#6f7fc4", "#264f96", "#142c66")
_TREES = ("#0b1f3a", "#124436", "#3f7f33", "#d0be3c")


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    scene = _scene(256, rng)
    canvas = to_image(0.35 * scene + 0.65 * rgb("#efe3c8")).resize((2 * size_px, 2 * size_px), Image.Resampling.BICUBIC)
    for spacing, radius, stray in ((0.0175, 0.0110, 0.05), (0.0155, 0.0080, 0.08), (0.0145, 0.0062, 0.10)):
        _dots(canvas, scene, spacing, radius, stray, rng)
    return to_picture(canvas.resize((size_px, size_px), Image.Resampling.LANCZOS))


def _scene(side: int, rng: np.random.Generator) -> Field:
    x, y = grid(side)
    sun = np.exp(-((x - 0.62) ** 2 + (y - 0.40) ** 2) / 0.03)
    sky = ramp(1.55 * y + 0.35 * sun + 0.25 * (fbm(side, (4, 9), rng) - 0.5), _SKY)
    glint = np.exp(-((x - 0.62) ** 2) / 0.006) * (0.5 + 0.5 * np.sin(95 * y + 6 * fbm(side, 4, rng)))
    water = ramp(2.1 * (y - 0.5) - 0.5 * glint + 0.35 * (fbm(side, (4, 22), rng) - 0.4), _WATER)
    scene = blend(sky, water, step(y - 0.5, 0.01))
    shore = step(y - 0.84 + 0.16 * x + 0.05 * (fbm(side, 6, rng) - 0.5), 0.01)
    crowns = _trees(x, y, rng)
    far = step(0.02 + 0.05 * fbm(side, (9, 1), rng) - np.abs(y - 0.49), 0.01)
    scene = blend(scene, rgb("#5a4a8f"), 0.85 * far)
    leaves = ramp(fbm(side, 12, rng) * 0.8 + 0.5 * x - 0.1, _TREES)
    return blend(blend(scene, leaves, shore), leaves, crowns)


def _trees(x: Field, y: Field, rng: np.random.Generator) -> Field:
    """Return where the trees stand: round crowns on leaning trunks, one large and near, others by the far shore."""
    edge = 0.35 * (fbm(len(x), 9, rng) - 0.5)
    cover = np.zeros_like(x)
    for cx, cy, radius in (
        (0.14, 0.24, 0.155),
        (0.02, 0.36, 0.12),
        (0.27, 0.33, 0.085),
        (0.86, 0.44, 0.05),
        (0.94, 0.42, 0.07),
    ):
        away = np.hypot(x - cx, (y - cy) * 1.1) / radius
        trunk = np.minimum(0.085 * radius - np.abs(x - cx - 0.04 * (y - cy)), np.minimum(y - cy, cy + 3.6 * radius - y))
        cover = np.maximum(cover, np.maximum(step(1 + edge - away, 0.1), step(trunk, 0.006)))
    return cover


def _dots(
    canvas: Image.Image, scene: Field, spacing: float, radius: float, stray: float, rng: np.random.Generator
) -> None:
    """Lay one layer of dots; one in seven takes the complement's part, as Seurat's do."""
    points = scattered(spacing, rng)
    count = len(points)
    colour = looked_up(scene, points) + rng.normal(0, stray, (count, 3))
    grey = colour.mean(axis=1, keepdims=True)
    colour = grey + 1.35 * (colour - grey)
    answer = rng.random((count, 1)) < 0.14
    colour = np.where(answer, 0.45 * colour + 0.55 * (1.1 * grey + 0.5 * (grey - colour)), colour)
    inks = (np.clip(colour, 0, 1) * 255).astype(int).tolist()
    radii = radius * rng.uniform(0.65, 1.15, count)
    boxes = np.concatenate([points - radii[:, None], points + radii[:, None]], axis=1) * canvas.width
    draw_on = pen(canvas)
    for box, ink in zip(boxes.tolist(), inks, strict=True):
        draw_on.ellipse(box, fill=tuple(ink))
