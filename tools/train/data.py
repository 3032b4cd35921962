"""Training pictures: loading, random crops, colour augmentation and procedural textures.

All pictures are numpy arrays [h,w,3], uint8 in storage and float32 0..1 in use; all randomness comes from one
numpy generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Float = NDArray[np.float32]
Byte = NDArray[np.uint8]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def load_pictures(paths: Sequence[Path], longest_side_px: int = 512) -> list[Byte]:
    """Read pictures as RGB, shrunk so that no side exceeds `longest_side_px`."""
    loaded = []
    for path in paths:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
            rgb.thumbnail((longest_side_px, longest_side_px), Image.Resampling.LANCZOS)
            loaded.append(np.asarray(rgb))
    return loaded


def random_crop(
    picture: Byte, side_px: int, rng: np.random.Generator, smallest: float = 0.35, skew: float = 0.2
) -> Byte:
    """A square crop of random size and slightly random aspect, flipped half of the time, resized to `side_px`.

    Args:
        picture: [h,w,3] uint8.
        side_px: side of the result.
        rng: source of randomness.
        smallest: smallest crop as a fraction of the shorter side.
        skew: largest relative stretch of one side.
    """
    height, width = picture.shape[:2]
    side = min(height, width) * rng.uniform(smallest, 1.0)
    crop_w = min(width, side * (1 + rng.uniform(0, skew)))
    crop_h = min(height, side * (1 + rng.uniform(0, skew)))
    left, top = rng.uniform(0, width - crop_w), rng.uniform(0, height - crop_h)
    box = (left, top, left + crop_w, top + crop_h)
    image = Image.fromarray(picture).resize((side_px, side_px), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(image)


def whole(picture: Byte, side_px: int) -> Byte:
    """The whole picture squeezed into a square, as the networks see a style."""
    return np.asarray(Image.fromarray(picture).resize((side_px, side_px), Image.Resampling.LANCZOS))


def shift_colours(picture: Byte, rng: np.random.Generator, amount: float = 1.0) -> Byte:
    """Random hue, saturation, contrast, brightness and gamma; sometimes a random permutation of the channels.

    Args:
        picture: [h,w,3] uint8.
        rng: source of randomness.
        amount: 0 changes nothing, 1 is strong.
    """
    pixels = picture.astype(np.float32) / 255.0
    if rng.random() < 0.25 * amount:
        pixels = pixels[..., rng.permutation(3)]
    grey = (pixels @ _LUMA)[..., None]
    saturation = np.exp(rng.normal(0, 0.4 * amount))
    chroma = (pixels - grey) @ _hue_rotation(rng.normal(0, 0.6 * amount)).T * saturation
    contrast, centre = np.exp(rng.normal(0, 0.25 * amount)), float(grey.mean())
    grey = (grey - centre) * contrast + centre + rng.normal(0, 0.08 * amount)
    result = np.clip(grey + chroma, 0, 1) ** np.exp(rng.normal(0, 0.2 * amount))
    return _to_byte(result)


def _hue_rotation(angle: float) -> Float:
    """Rotation by `angle` radians about the grey axis (Rodrigues)."""
    axis = np.ones(3) / np.sqrt(3)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return np.asarray(rotation, np.float32)


def blend(first: Byte, second: Byte, rng: np.random.Generator) -> Byte:
    """A new style from two: half of the time a cross-fade, else one behind a soft random mask of the other."""
    a, b = first.astype(np.float32), second.astype(np.float32)
    if rng.random() < 0.5:
        weight: Float | float = rng.uniform(0.2, 0.8)
    else:
        mask = _smooth_noise(a.shape[0], rng, octaves=2)
        weight = np.clip((mask - np.median(mask)) * 8 + 0.5, 0, 1)[..., None]
    return _to_byte((a * weight + b * (1 - weight)) / 255.0)


def procedural_texture(side_px: int, rng: np.random.Generator) -> Byte:
    """A made-up texture in three random colours: stripes, checks, rings, cells, or clouds, bent by noise."""
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32) / side_px
    bend = rng.uniform(0, 0.15)
    x = x + bend * _smooth_noise(side_px, rng, 3)
    y = y + bend * _smooth_noise(side_px, rng, 3)
    angle, frequency = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(3), np.log(40)))
    u = frequency * (x * np.cos(angle) + y * np.sin(angle))
    v = frequency * (-x * np.sin(angle) + y * np.cos(angle))
    first, second = _pattern(int(rng.integers(5)), u, v, side_px, rng), _smooth_noise(side_px, rng, 4)
    if rng.random() < 0.5:
        first = np.clip(first * rng.uniform(2, 8), -1, 1)
    colours = rng.uniform(0, 1, (3, 3)).astype(np.float32)
    picture = colours[0] + first[..., None] * (colours[1] - colours[0]) / 2 + second[..., None] * (colours[2] - 0.5) / 3
    return _to_byte(picture + rng.normal(0, rng.uniform(0, 0.08), picture.shape))


def _pattern(kind: int, u: Float, v: Float, side_px: int, rng: np.random.Generator) -> Float:
    if kind == 0:
        return np.asarray(np.sin(2 * np.pi * u), np.float32)
    if kind == 1:
        return np.asarray(np.sin(2 * np.pi * u) * np.sin(2 * np.pi * v), np.float32)
    if kind == 2:
        return np.asarray(np.sin(2 * np.pi * np.hypot(u - u.mean(), v - v.mean())), np.float32)
    if kind == 3:
        points = rng.uniform(0, 1, (int(rng.integers(15, 60)), 2)) * [np.ptp(u), np.ptp(v)] + [u.min(), v.min()]
        distance = np.min([np.hypot(u - a, v - b) for a, b in points], axis=0)
        return np.asarray(1 - 2 * distance / distance.max(), np.float32)
    return _smooth_noise(side_px, rng, 6)


def _smooth_noise(side_px: int, rng: np.random.Generator, octaves: int) -> Float:
    """Sum of bicubically enlarged noise, about -1..1, [side_px,side_px]."""
    total = np.zeros((side_px, side_px), np.float32)
    for octave in range(octaves):
        coarse = rng.normal(0, 0.5, (3 * 2**octave,) * 2).astype(np.float32)
        image = Image.fromarray(coarse).resize((side_px, side_px), Image.Resampling.BICUBIC)
        total += np.asarray(image) * 0.7**octave
    return total


def _to_byte(pixels: NDArray[np.floating[Any]]) -> Byte:
    return np.asarray(np.clip(pixels, 0, 1) * 255.0 + 0.5).astype(np.uint8)
