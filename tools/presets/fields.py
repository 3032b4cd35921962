"""Fields over the square: coordinates, noise, colour ramps.

A field is a float32 array; a scalar field has shape (size, size), a picture (size, size, 3) with values 0..1.
Everything is laid out in units of the picture's side, so that a style looks the same at every size.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy import ndimage

Field = NDArray[np.floating[Any]]
Cells = int | tuple[int, int]


def as_field(values: ArrayLike) -> Field:
    """Return the values as a float32 field."""
    return np.asarray(values, dtype=np.float32)


def grid(size_px: int) -> tuple[Field, Field]:
    """Return x (rightwards) and y (downwards) of every pixel's centre, 0..1."""
    axis = ((np.arange(size_px) + 0.5) / size_px).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    return x, y


def noise(size_px: int, cells: Cells, rng: np.random.Generator) -> Field:
    """Return smooth value noise, about 0..1, with `cells` lattice cells across (or across and down)."""
    across, down = (cells, cells) if isinstance(cells, int) else cells
    lattice = rng.random((down + 1, across + 1), dtype=np.float32)
    return np.asarray(Image.fromarray(lattice).resize((size_px, size_px), Image.Resampling.BICUBIC), dtype=np.float32)


def fbm(size_px: int, cells: Cells, rng: np.random.Generator, octaves: int = 4, gain: float = 0.5) -> Field:
    """Return fractal noise stretched to 0..1: octaves of `noise`, each finer by two and weaker by `gain`."""
    across, down = (cells, cells) if isinstance(cells, int) else cells
    total = np.zeros((size_px, size_px), dtype=np.float32)
    for octave in range(octaves):
        total += gain**octave * noise(size_px, (across << octave, down << octave), rng)
    return stretch(total)


def stretch(field: Field) -> Field:
    """Return the field scaled linearly to 0..1."""
    low, high = float(field.min()), float(field.max())
    return ((field - low) / max(high - low, 1e-9)).astype(np.float32)


def smooth(field: Field, sigma: float) -> Field:
    """Return the field (or picture) blurred by a Gaussian of `sigma` sides."""
    sigma_px = sigma * field.shape[0]
    sigmas = (sigma_px, sigma_px, 0.0)[: field.ndim]
    return np.asarray(ndimage.gaussian_filter(field, sigmas, mode="reflect", truncate=3.0), dtype=np.float32)


def step(field: Field, width: float) -> Field:
    """Return 0 below zero and 1 above, with a linear edge `width` wide."""
    return as_field(np.clip(field / width + 0.5, 0.0, 1.0))


def rgb(colour: str) -> Field:
    """Return the three channels, 0..1, of a colour written `#rrggbb`."""
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], dtype=np.float32)


def palette(colours: Sequence[str]) -> Field:
    """Return the colours as an array of shape (len(colours), 3)."""
    return np.stack([rgb(colour) for colour in colours])


def ramp(values: Field, colours: Sequence[str], stops: Sequence[float] | None = None) -> Field:
    """Return a picture: each value 0..1 looked up on a ramp through the colours (evenly spaced without stops)."""
    table = palette(colours)
    at = np.linspace(0, 1, len(colours)) if stops is None else np.asarray(stops)
    fine = np.linspace(0, 1, 1024)
    lookup = np.stack([np.interp(fine, at, table[:, c]) for c in range(3)], axis=1).astype(np.float32)
    return lookup[(np.clip(values, 0, 1) * 1023).astype(np.intp)]


def blend(under: Field, over: Field, cover: Field) -> Field:
    """Return `over` (a picture or one colour) laid on `under` where `cover` is 1."""
    return (under + (over - under) * cover[..., None]).astype(np.float32)


def hashed(ids: NDArray[np.int64], salt: int) -> Field:
    """Return a number 0..1 for every integer: the same for the same integer and salt (multiplicative hashing)."""
    mixed = (ids.astype(np.uint64) + np.uint64(salt)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return ((mixed >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)).astype(np.float32)


def slope(field: Field) -> Field:
    """Return the length of the field's gradient per side; at least a hair, to divide by."""
    down, across = np.gradient(field)
    return as_field(np.hypot(down, across) * field.shape[0] + 1e-3)
