"""Brush strokes: lines that follow a flow, painted bristle by bristle."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tools.presets.canvas import lit, pen, to_image, to_picture
from tools.presets.fields import Field, as_field


@dataclass(frozen=True)
class Brush:
    """A brush, in units of the picture's side.

    Attributes:
        spacing: The mean distance between two strokes' starts.
        length: A stroke's length.
        width: A stroke's width.
        bristles: How many lines make one stroke.
        streak: How much lightness differs from bristle to bristle.
        stray: How far colour strays from stroke to stroke.
        wobble: How far, in radians, a stroke turns away from the flow.
    """

    spacing: float
    length: float
    width: float
    bristles: int = 5
    streak: float = 0.10
    stray: float = 0.06
    wobble: float = 0.15


def scattered(spacing: float, rng: np.random.Generator) -> Field:
    """Return points (n, 2) over the square and a little beyond: a jittered lattice in random order."""
    ticks = np.arange(-0.03, 1.03, spacing)
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    points = points + rng.uniform(-0.5, 0.5, points.shape) * spacing
    return rng.permutation(points).astype(np.float32)


def looked_up(field: Field, points: Field) -> Field:
    """Return the field's nearest value at each point; beyond the edge, the edge's."""
    size_px = field.shape[0]
    at = np.clip((points * size_px).astype(np.intp), 0, size_px - 1)
    return as_field(field[at[..., 1], at[..., 0]])


def flow_lines(angle: Field, starts: Field, length: float, wobble: Field, steps: int = 6) -> Field:
    """Return lines (n, steps + 1, 2) that follow the angle field from their starts, each turned by its wobble."""
    here = starts - 0.5 * length * _heading(looked_up(angle, starts) + wobble)
    lines = [here]
    for _ in range(steps):
        here = here + (length / steps) * _heading(looked_up(angle, here) + wobble)
        lines.append(here)
    return np.stack(lines, axis=1).astype(np.float32)


def underpainted(colours: Field, side_px: int) -> Image.Image:
    """Return an RGBA canvas with the colours thinly laid in: 0.4 of the full thickness."""
    canvas = to_image(colours).resize((side_px, side_px), Image.Resampling.BICUBIC).convert("RGBA")
    canvas.putalpha(100)
    return canvas


def painted(
    under: Image.Image,
    colours: Field,
    angle: Field,
    brush: Brush,
    rng: np.random.Generator,
    where: Field | None = None,
) -> None:
    """Cover an RGBA canvas with strokes; the fourth channel collects the paint's thickness.

    Args:
        under: The canvas; its fourth channel is the relief that `finished` lights.
        colours: What to paint, (size, size, 3), 0..1.
        angle: The flow's direction in radians, (size, size).
        brush: The brush.
        rng: The source of chance.
        where: Only strokes whose middle lies where this is above a half are painted.
    """
    starts = scattered(brush.spacing, rng)
    starts = starts if where is None else starts[looked_up(where, starts) > 0.5]
    count = len(starts)
    lines = flow_lines(angle, starts, brush.length, rng.normal(0, brush.wobble, count).astype(np.float32))
    paint = looked_up(colours, starts) + rng.normal(0, brush.stray, (count, 3)) * np.array([1.0, 0.8, 1.1])
    streaks = rng.normal(0, brush.streak, (count, brush.bristles))
    heights = rng.uniform(0.25, 0.85, (count, 1)) + rng.normal(0, 0.13, (count, brush.bristles))
    rows = np.clip(paint[:, None, :] * (1 + streaks[..., None]) + 0.3 * streaks[..., None], 0, 1)
    inks = (np.concatenate([rows, np.clip(heights, 0, 1)[..., None]], axis=2) * 255).astype(int).tolist()
    _draw_bristles(under, _bristle_lines(lines, brush, under.width), inks, brush)


def finished(canvas: Image.Image, size_px: int, strength: float) -> Field:
    """Return the RGBA canvas as a picture of the given size, its relief lit."""
    # Channel by channel: resized as RGBA, thin paint would count as transparent.
    channels = [one.resize((size_px, size_px), Image.Resampling.LANCZOS) for one in canvas.split()]
    return lit(to_picture(Image.merge("RGB", channels[:3])), to_picture(channels[3]), strength)


def _heading(angle: Field) -> Field:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _bristle_lines(lines: Field, brush: Brush, side_px: int) -> Field:
    """Return (n, bristles, points, 2) in pixels: the lines side by side, gathered towards their ends."""
    along = np.gradient(lines, axis=1)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    across /= np.linalg.norm(across, axis=-1, keepdims=True) + 1e-9
    belly = np.sqrt(np.sin(np.linspace(0.25, np.pi - 0.2, lines.shape[1])))[None, None, :, None]
    offsets = np.linspace(-0.5, 0.5, brush.bristles)[None, :, None, None] * brush.width
    spread: Field = (lines[:, None] + across[:, None] * offsets * belly) * side_px
    return spread


def _draw_bristles(under: Image.Image, lines: Field, inks: list[list[list[int]]], brush: Brush) -> None:
    draw = pen(under)
    width_px = max(1, round(1.35 * brush.width / brush.bristles * under.width))
    flat = lines.reshape(*lines.shape[:2], -1).tolist()
    for stroke, ink in zip(flat, inks, strict=True):
        for points, colour in zip(stroke, ink, strict=True):
            draw.line(points, fill=tuple(colour), width=width_px)
