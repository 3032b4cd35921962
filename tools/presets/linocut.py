"""Linocut: ferns against a low sun, gouged by hand and printed in black, teal and orange."""

import numpy as np

from tools.presets.canvas import papered, resized
from tools.presets.fields import Field, blend, fbm, grid, noise, ramp, rgb, step

_PAPER, _BLACK = rgb("#f4ead2"), rgb("#17181c")
_GROUND = ("#ffc857", "#f2933a", "#e8643a", "#c93f3f", "#1f8a82", "#0f5f6c")
_FRONDS = ((0.08, 1.05, -1.35), (0.30, 1.10, -1.75), (0.93, 1.06, -1.85), (0.72, 1.12, -1.45), (-0.04, 0.5, -0.75))


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    side = 2 * size_px
    x, y = grid(side)
    rough = fbm(side, 30, rng, octaves=3) - 0.5
    away = np.hypot(x - 0.56, y - 0.42)
    picture = ramp(np.floor(np.clip(away * 1.35 + 0.03 * rough, 0, 0.99) * 6) / 5, _GROUND)
    picture = blend(picture, _PAPER, step(0.125 - away, 0.003))
    black = _key_block(x, y, away, rough)
    leaf, vein = _ferns(side, rng)
    black = np.maximum(black * (1 - leaf), leaf * (1 - vein))
    picture = blend(picture, _PAPER, leaf * vein * 0.95)
    spent = 0.90 + 0.10 * step(noise(side, 130, rng) + noise(side, 40, rng) - 0.55, 0.2)
    return papered(resized(blend(picture, _BLACK, black * spent), size_px), rng, 0.14)


def _key_block(x: Field, y: Field, away: Field, rough: Field) -> Field:
    """Return the black of sky and sea: what the gouge has left between the rays, and between the waves."""
    turn = np.arctan2(y - 0.42, x - 0.56)
    teeth = 16 + 16 * (away > 0.3) + 32 * (away > 0.62)
    left = np.clip(0.05 + 1.15 * ((away - 0.17) % 0.15) / 0.15 * np.clip(away + 0.35, 0, 0.95), 0.0, 0.9)
    rays = _left(turn / (2 * np.pi) * teeth + 0.25 * rough, left, rough) * step(away - 0.17, 0.003)
    depth = y - 0.72 - 0.03 * np.sin(7 * x + 1)
    swell = _left(
        34 * (depth + 0.022 * np.sin(13 * x + 30 * y)) + 0.4 * rough, 0.45 + 0.5 * np.clip(depth, 0, 1), rough
    )
    return np.where(depth > 0, np.maximum(swell, step(0.008 - depth, 0.003)), rays).astype(np.float32)


def _left(phase: Field, share: Field, rough: Field) -> Field:
    """Return 1 where wood is left standing: the given share of every whole phase, its edges torn."""
    return step(share - np.abs((phase % 1) - 0.5) * 2 + 0.35 * rough, 0.10)


def _ferns(side: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Return where leaves are, and where their veins and side cuts are."""
    leaf, vein = np.zeros((side, side), np.float32), np.zeros((side, side), np.float32)
    for fx, fy, way in _FRONDS:
        length, bend = rng.uniform(0.62, 0.8), rng.uniform(-0.5, 0.5)
        for number in range(26):
            t = 0.12 + 0.88 * number / 26
            at = (fx + length * t * np.cos(way + 0.5 * bend * t), fy + length * t * np.sin(way + 0.5 * bend * t))
            turn = way + bend * t + (1.05 if number % 2 else -1.05) * (1.05 - 0.5 * t)
            _leaf(leaf, vein, at, turn, 0.20 * (1.1 - t) + 0.02)
    return leaf, vein


def _leaf(leaf: Field, vein: Field, root: tuple[float, float], turn: float, length: float) -> None:
    """Cut one leaf into both fields, in the window around it."""
    side = len(leaf)
    left, top = (max(0, int((at - 1.1 * length) * side)) for at in root)
    right, bottom = (max(0, int((at + 1.1 * length) * side)) for at in root)
    here = (slice(top, bottom), slice(left, right))
    rows, columns = np.arange(side)[here[0], None], np.arange(side)[None, here[1]]
    dx, dy = (columns + 0.5) / side - root[0], (rows + 0.5) / side - root[1]
    along, across = (dx * np.cos(turn) + dy * np.sin(turn)) / length, (dy * np.cos(turn) - dx * np.sin(turn)) / length
    body = 0.175 * np.sin(np.pi * np.clip(along, 0, 1) ** 0.75) - np.abs(across) - 0.008
    sides = step(0.35 - np.abs((along * 9 - 12 * np.abs(across)) % 1 - 0.5) * 2, 0.3) * step(body - 0.02, 0.02)
    cuts = np.maximum(sides, step(0.012 - np.abs(across), 0.01) * step(0.92 - along, 0.02))
    one = step(body, 0.01)
    vein[here] = np.where(one > 0.5, cuts, vein[here])
    leaf[here] = np.maximum(leaf[here], one)
