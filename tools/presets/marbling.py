"""Marbled paper: floating drops drawn out with a comb, by the closed forms of mathematical marbling.

Source: Jaffer, "Oseen Flow in Ink Marbling" (2017), and Lu, Jaffer et al., "Mathematical Marbling" (2012): every
step of the craft is a map of the plane that can be undone, so each pixel finds the drop it came from.
"""

import numpy as np

from tools.presets.canvas import papered, resized
from tools.presets.fields import Field, as_field, grid, noise, palette, smooth

_INKS = palette(("#14233f", "#b5232f", "#f3e3c3", "#1f6f78", "#e8a33d", "#f8f1e0", "#5b1f3d", "#2b4f8f"))
_DROPS = 120


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = size_px * 3 // 2
    x, y = grid(side)
    u, v = x + 0.012 * (noise(side, 6, rng) - 0.5), y + 0.012 * (noise(side, 6, rng) - 0.5)
    for cx, cy, turn in ((0.30, 0.34, 2.6), (0.74, 0.62, -2.8), (0.26, 0.86, -2.0), (0.80, 0.12, 2.0)):
        u, v = _whirled(u, v, (cx, cy), turn)
    v = v - _tines(u, 0.062, 0.05, rng)
    u = u - _tines(v, 0.14, 0.13, rng)
    picture = _INKS[_inks(u, v, rng)]
    soft = smooth(picture, 0.0006)
    speckle = 0.10 * (noise(side, 180, rng) - 0.5) + 0.12 * (noise(side, 30, rng) - 0.5)
    return papered(resized(soft * (1 + speckle[..., None]), size_px), rng, 0.1)


def _whirled(x: Field, y: Field, centre: tuple[float, float], turn: float) -> tuple[Field, Field]:
    dx, dy = x - centre[0], y - centre[1]
    angle = turn * np.exp(-np.hypot(dx, dy) / 0.085)
    cos, sin = np.cos(angle), np.sin(angle)
    return (centre[0] + cos * dx - sin * dy).astype(np.float32), (centre[1] + sin * dx + cos * dy).astype(np.float32)


def _tines(across: Field, spacing: float, pull: float, rng: np.random.Generator) -> Field:
    """Return how far a comb's teeth, `spacing` apart, have drawn the bath along."""
    place = across / spacing + rng.uniform()
    away = np.abs(place - np.round(place)) * spacing
    other = np.where(np.round(place) % 2 > 0, 1.0, -1.0)
    return as_field(other * pull * np.exp(-away / (0.22 * spacing)))


def _inks(x: Field, y: Field, rng: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.intp]]:
    """Return each pixel's ink: undo the drops, last first, until one of them holds the pixel."""
    places, radii = rng.uniform(-0.05, 1.05, (_DROPS, 2)), rng.uniform(0.035, 0.105, _DROPS)
    kinds = rng.permutation(np.arange(_DROPS) % len(_INKS))
    ink = np.full(x.shape, -1, dtype=np.intp)
    for (cx, cy), radius, kind in zip(places, radii, kinds, strict=True):
        dx, dy = x - np.float32(cx), y - np.float32(cy)
        share = np.float32(radius**2) / (dx * dx + dy * dy + np.float32(1e-9))
        ink = np.where((ink < 0) & (share > 1), kind, ink)
        back = np.sqrt(np.clip(1 - share, 0, 1))
        x, y = np.float32(cx) + dx * back, np.float32(cy) + dy * back
    return np.where(ink < 0, (np.floor(9 * x + 5 * y) % len(_INKS)).astype(np.intp), ink)
