"""Ink wash: mountains in mist, pine and bamboo in black ink on fibrous paper, and one red seal."""

import numpy as np
from PIL import Image

from tools.presets.canvas import papered, pen, to_picture
from tools.presets.fields import Field, blend, fbm, grid, noise, rgb, smooth, step

_PAPER, _INK, _SEAL = rgb("#f2ead8"), rgb("#14161a"), rgb("#b3322a")


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    x, y = grid(size_px)
    cloud = fbm(size_px, (3, 6), rng)
    ink = 0.30 * np.clip(cloud - 0.35, 0, 1) * step(0.75 - y, 0.8)
    for layer in range(5):
        ink = np.maximum(ink * (1 - 0.25 * layer / 5), _mountain(x, y, layer, rng))
    ink = np.maximum(ink, _bamboo(size_px, rng))
    ink = np.maximum(ink, _splashes(size_px, rng))
    picture = blend(np.broadcast_to(_PAPER, (*ink.shape, 3)).astype(np.float32), _INK, np.clip(ink, 0, 0.97))
    inside = np.minimum(0.032 - np.abs(x - 0.9), 0.042 - np.abs(y - 0.86))
    carved = step(np.abs(noise(size_px, 60, rng) - 0.5) - 0.09, 0.05)
    return papered(blend(picture, _SEAL, step(inside, 0.004) * carved), rng, 0.16)


def _mountain(x: Field, y: Field, layer: int, rng: np.random.Generator) -> Field:
    """Return one range's ink: dark along the ridge, running dry and pale into the mist below."""
    size_px = len(x)
    profile = fbm(size_px, (3 + layer, 1), rng, octaves=6, gain=0.48)[0]
    ridge = 0.20 + 0.14 * layer - 0.30 * (profile[None, :] - 0.5)
    depth = y - ridge + 0.012 * (fbm(size_px, 24, rng) - 0.5)
    veins = fbm(size_px, 10, rng, octaves=5, gain=0.62)
    folds = np.abs(np.sin(26 * (x + 0.45 * depth) + 9 * veins))
    wash = np.exp(-np.clip(depth, 0, 1) / (0.055 + 0.012 * layer)) * (0.45 + 0.5 * veins)
    strokes = np.exp(-np.clip(depth, 0, 1) / 0.12) * step(0.30 - folds + 0.55 * (veins - 0.5), 0.35) * 0.75
    edge = np.exp(-np.clip(depth, 0, 1) / 0.006) * (0.35 + 0.65 * noise(size_px, 40, rng))
    strength = 0.34 + 0.15 * layer
    inked: Field = strength * np.clip(wash + strokes + 0.7 * edge, 0, 1.15) * step(depth, 0.004)
    return inked


def _bamboo(size_px: int, rng: np.random.Generator) -> Field:
    """Return leaves in pairs on leaning stems: pressed, swept and lifted."""
    side = 2 * size_px
    image = Image.new("L", (side, side), 0)
    draw_on = pen(image)
    for stem in range(3):
        foot, lean = 0.05 + 0.09 * stem + rng.uniform(-0.02, 0.02), rng.uniform(0.05, 0.16)
        for joint in range(9):
            top = np.array([foot + lean * (joint + 1) / 9, 1 - 0.115 * (joint + 1)])
            bottom = np.array([foot + lean * joint / 9, 1.0 - 0.115 * joint - 0.008])
            draw_on.line([*(top * side), *(bottom * side)], fill=int(rng.integers(120, 200)), width=int(0.011 * side))
            for _ in range(int(rng.integers(2, 5))):
                _leaf(image, top, rng)
    dry = step(noise(side, (30, 300), rng) - 0.14, 0.2)
    return to_picture(Image.fromarray((to_picture(image) * dry * 255).astype(np.uint8)).resize((size_px, size_px)))


def _leaf(image: Image.Image, root: Field, rng: np.random.Generator) -> None:
    angle, length = rng.uniform(-0.5, 1.9), rng.uniform(0.08, 0.17)
    t = np.linspace(0, 1, 14)[:, None]
    ahead = np.array([np.cos(angle), np.sin(angle)])
    spine = root + t * length * ahead + t**2 * np.array([0.0, 0.03])
    half = 0.011 * np.sin(np.pi * t**0.7) ** 1.2 * np.array([-ahead[1], ahead[0]])
    outline = np.concatenate([spine + half, (spine - half)[::-1]]) * image.width
    pen(image).polygon(outline.ravel().tolist(), fill=int(rng.integers(130, 255)))


def _splashes(size_px: int, rng: np.random.Generator) -> Field:
    """Return flung drops and two wet blots, their edges bled into the paper."""
    x, y = grid(size_px)
    bleed = fbm(size_px, 14, rng, octaves=5, gain=0.6) - 0.5
    total = np.zeros((size_px, size_px), dtype=np.float32)
    for _ in range(26):
        cx, cy, radius = rng.uniform(0.2, 1), rng.uniform(0.55, 1), rng.uniform(0.002, 0.011)
        drop = step(radius - np.hypot(x - cx, y - cy) + 0.3 * radius * bleed, 0.004)
        total = np.maximum(total, rng.uniform(0.3, 0.9) * drop)
    rock = step(0.15 - np.hypot(x - 0.66, (y - 1.0) * 1.3) + 0.16 * bleed, 0.05)
    return np.maximum(total, smooth(rock, 0.003) * (0.55 + 0.9 * bleed + 0.3 * noise(size_px, 90, rng)))
