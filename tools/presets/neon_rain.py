"""Neon rain: a lit street at night, doubled in wet asphalt."""

import numpy as np
from PIL import Image

from tools.presets.canvas import pen, to_picture
from tools.presets.fields import Field, as_field, fbm, grid, noise, ramp, smooth, step

_NEON = ((255, 46, 136), (34, 224, 255), (255, 196, 60), (150, 76, 255), (70, 255, 170))
_HAZE = ("#0a0a24", "#1d1450", "#4a1a78", "#a02a88", "#f0619a")


def draw(size_px: int, seed: int) -> Field:
    """Return the picture, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    x, y = grid(size_px)
    haze = ramp(0.15 + 0.9 * y + 0.5 * (fbm(size_px, 4, rng) - 0.5), _HAZE)
    image = Image.fromarray((haze * 255).astype(np.uint8)).resize((2 * size_px, 2 * size_px))
    lights = Image.new("RGB", image.size)
    for depth in range(3):
        _row(image, lights, depth, rng)
    street, glow = (to_picture(one.resize((size_px, size_px), Image.Resampling.LANCZOS)) for one in (image, lights))
    shining = street * (glow.max(axis=2, keepdims=True) < 0.15) + glow
    shining += 1.0 * smooth(glow, 0.006) + 1.5 * smooth(glow, 0.022) + 1.2 * smooth(glow, 0.07)
    picture = _mirrored(1.15 * shining, x, y, rng)
    rain = step(noise(size_px, (160, 9), rng) - 0.80, 0.25) * noise(size_px, (200, 30), rng)
    picture = picture + 0.26 * rain[..., None] * np.array([0.7, 0.85, 1.0])
    exposed = 1.04 * (1 - np.exp(-1.65 * picture**1.25))
    grey = exposed.mean(axis=2, keepdims=True)
    return as_field(np.clip(grey + 1.35 * (exposed - grey), 0, 1))


def _row(image: Image.Image, lights: Image.Image, depth: int, rng: np.random.Generator) -> None:
    """Draw one row of houses, nearer ones darker and wider, with their windows and signs."""
    side = image.width
    left = -0.05
    while left < 1.02:
        width, top = rng.uniform(0.07, 0.13) + 0.03 * depth, rng.uniform(0.05, 0.34) + 0.10 * depth
        wall = tuple(int(c * (1.25 - 0.4 * depth)) for c in (58, 34, 104))
        box = [left * side, top * side, (left + width) * side, 0.63 * side]
        pen(image).rectangle(box, fill=wall)
        pen(lights).rectangle(box, fill=(0, 0, 0))
        _windows(lights, left, top, width, depth, rng)
        if rng.random() < 0.9:
            _sign(lights, left + rng.uniform(0.1, 0.6) * width, top + rng.uniform(0.05, 0.16), rng)
        left += width + rng.uniform(0.0, 0.03)


def _windows(lights: Image.Image, left: float, top: float, width: float, depth: int, rng: np.random.Generator) -> None:
    side, pitch = lights.width, 0.013 + 0.004 * depth
    warm = np.array([255, 190, 110]) if rng.random() < 0.6 else np.array(_NEON[rng.integers(5)])
    for wx in np.arange(left + 0.006, left + width - pitch, pitch):
        for wy in np.arange(top + 0.010, 0.60, pitch * 1.5):
            if rng.random() < 0.44:
                ink = tuple((warm * rng.uniform(0.25, 0.8)).astype(int).tolist())
                pen(lights).rectangle(
                    [wx * side, wy * side, (wx + 0.6 * pitch) * side, (wy + 0.8 * pitch) * side], fill=ink
                )


def _sign(lights: Image.Image, x: float, y: float, rng: np.random.Generator) -> None:
    """Draw an upright sign: a tube frame around strokes that only look like writing."""
    side, ink, rim = lights.width, _NEON[rng.integers(5)], _NEON[rng.integers(5)]
    width, rows = rng.uniform(0.028, 0.05), int(rng.integers(2, 6))
    draw_on, tube = pen(lights), max(1, round(0.0045 * side))
    draw_on.rounded_rectangle(
        [x * side, y * side, (x + width) * side, (y + rows * width) * side], 0.008 * side, outline=rim, width=tube
    )
    for row in range(rows):
        for _ in range(4):
            ends = rng.uniform(0.2, 0.8, (2, 2))
            ends[1, int(rng.integers(2))] = ends[0, int(rng.integers(2))]
            points = ((np.array([x, y + row * width]) + ends * width) * side).ravel().tolist()
            draw_on.line(points, fill=ink, width=tube)


def _mirrored(street: Field, x: Field, y: Field, rng: np.random.Generator) -> Field:
    """Return the street with everything below the kerb replaced by its broken reflection."""
    size_px, kerb = len(x), 0.62
    ripple = (fbm(size_px, (7, 46), rng) - 0.5) * (0.012 + 0.09 * np.clip(y - kerb, 0, 1))
    up = np.clip(kerb - (y - kerb) * 1.25 + 1.4 * ripple, 0, 1)
    rows = np.clip((up * size_px).astype(np.intp), 0, size_px - 1)
    columns = np.clip(((x + ripple) * size_px).astype(np.intp), 0, size_px - 1)
    wet = 0.9 * street[rows, columns] * (0.45 + 0.8 * fbm(size_px, (5, 30), rng))[..., None] + 0.01
    return np.where((y > kerb)[..., None], wet, street).astype(np.float32)
