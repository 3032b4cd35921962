"""Watercolour: a loose bouquet, wash over wash, with dark edges, blooms and granulation."""

import numpy as np

from tools.presets.canvas import papered
from tools.presets.fields import Field, as_field, fbm, grid, noise, palette, rgb, step

_PAPER = rgb("#fbf6ea")
_PETALS = palette(("#d81b60", "#f2557a", "#7b2fa0", "#f58a2e", "#3a4fc0", "#b3124a"))
_LEAVES = palette(("#1f6f4a", "#4f9a3f", "#0f4f5c", "#8aa82f"))
_GROUND = palette(("#8fc7d6", "#f3c9a0", "#b9a4dc", "#a6d3b0"))


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    wet = np.stack([fbm(size_px, 5, rng, octaves=5, gain=0.6) for _ in range(3)])
    tooth = noise(size_px, 200, rng)
    picture = np.broadcast_to(_PAPER, (size_px, size_px, 3)).astype(np.float32)
    for kind, family, count in (
        ("pool", _GROUND, 14),
        ("leaf", _LEAVES, 34),
        ("flower", _PETALS, 17),
        ("drop", _PETALS, 30),
    ):
        for place in _places(count, rng):
            colour = family[rng.integers(len(family))]
            inside = _shape(kind, place, np.roll(wet, rng.integers(size_px), axis=2), rng)
            picture = _washed(picture, inside, colour, np.roll(wet[2], rng.integers(size_px), axis=1), tooth)
    return papered(picture, rng, 0.14)


def _places(count: int, rng: np.random.Generator) -> Field:
    """Return points (count, 2) that keep their distance: each the loneliest of some candidates."""
    points = rng.uniform(0, 1, (1, 2))
    while len(points) < count:
        tries = rng.uniform(-0.03, 1.03, (24, 2))
        alone = np.linalg.norm(tries[:, None] - points[None], axis=2).min(axis=1)
        points = np.concatenate([points, tries[None, int(alone.argmax())]])
    return points.astype(np.float32)


def _shape(kind: str, place: Field, wet: Field, rng: np.random.Generator) -> Field:
    """Return how far inside one brush shape each pixel lies, in sides; negative outside."""
    x, y = grid(wet.shape[1])
    turn, (cx, cy) = rng.uniform(0, 2 * np.pi), place
    dx, dy = x - cx + 0.05 * (wet[0] - 0.5), y - cy + 0.05 * (wet[1] - 0.5)
    away, way = np.hypot(dx, dy), np.arctan2(dy, dx) + turn
    if kind == "flower":
        return as_field(rng.uniform(0.075, 0.145) * (0.62 + 0.38 * np.abs(np.cos(2.5 * way))) - away)
    if kind == "leaf":
        along, across = away * np.cos(way), away * np.sin(way)
        length = rng.uniform(0.06, 0.12)
        return as_field(0.32 * length * np.clip(1 - (along / length) ** 2, -9, 1) - np.abs(across))
    radius = rng.uniform(0.16, 0.30) if kind == "pool" else rng.uniform(0.003, 0.014)
    return as_field(radius - away + (0.12 * (wet[2] - 0.5) if kind == "pool" else 0))


def _washed(picture: Field, inside: Field, colour: Field, wet: Field, tooth: Field) -> Field:
    """Return the picture under one more glaze: pigment gathers at the drying edge and in the paper's hollows."""
    body = step(inside, 0.004)
    edge = np.exp(-np.clip(inside, 0, 1) / 0.0045)
    pool = 0.30 + 0.85 * wet + 0.25 * (tooth - 0.5)
    density = body * np.clip(pool + 0.65 * edge, 0, 1.5)
    return as_field(picture * (0.04 + 0.96 * colour) ** density[..., None])
