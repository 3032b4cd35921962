"""Colour statistics of pictures: how to give one picture the colours of another.

All colours are non-linear sRGB, 0..1, in arrays of shape [..., 3], as the papers have them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from skimage import exposure

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

# ITU-R BT.709, table 3, item 3.2: luma of R'G'B'.
_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)

# Standard deviation under which variation counts as noise (5 of 255 levels). The paper has no such
# floor; without it a flat picture's noise is stretched into the other picture's whole range.
_NOISE_FLOOR = 0.02

_LEVELS = np.float32(65535)
_LEAST_SPAN = np.float32(1e-6)


@dataclass(frozen=True)
class ColourMap:
    """An affine map of colours, x -> (x - source_mean) T + target_mean.

    Attributes:
        matrix: T, symmetric and positive definite, float64 [3, 3].
        source_mean: float64 [3].
        target_mean: float64 [3].
    """

    matrix: Doubles
    source_mean: Doubles
    target_mean: Doubles

    def __call__(self, rgb: Floats) -> Floats:
        """Map colours; the result is not clipped."""
        matrix = self.matrix.astype(np.float32)
        offset = (self.target_mean - self.source_mean @ self.matrix).astype(np.float32)
        mapped: Floats = rgb @ matrix + offset
        return mapped


def transport_map(source_rgb: Floats, target_rgb: Floats) -> ColourMap:
    """The Monge-Kantorovich linear map between the colours of two pictures.

    Of all maps that give the source's colours the target's mean and covariance it moves them least:
    T = A^(-1/2) (A^(1/2) B A^(1/2))^(1/2) A^(-1/2) with the covariances A and B (Pitié & Kokaram,
    "The linear Monge-Kantorovitch linear colour mapping for example-based colour transfer", 2007,
    section 4). Both covariances get a noise floor, so that flat and grey pictures are mapped calmly.

    Args:
        source_rgb: [..., 3], 0..1, at least one colour.
        target_rgb: [..., 3], 0..1, at least one colour.
    """
    source_mean, a = _moments(source_rgb)
    target_mean, b = _moments(target_rgb)
    root, inverse_root = _power(a, np.sqrt), _power(a, lambda values: 1 / np.sqrt(values))
    return ColourMap(inverse_root @ _power(root @ b @ root, np.sqrt) @ inverse_root, source_mean, target_mean)


def transport(source_rgb: Floats, target_rgb: Floats) -> Floats:
    """Give the source's pixels the target's mean colour and covariance; see ``transport_map``.

    Args:
        source_rgb: [..., 3], 0..1.
        target_rgb: [..., 3], 0..1; any shape.

    Returns:
        float32, shaped as the source, clipped to 0..1.
    """
    return transport_map(source_rgb, target_rgb)(source_rgb).clip(0, 1)


def _moments(rgb: Floats) -> tuple[Doubles, Doubles]:
    colours = rgb.reshape(-1, 3).astype(np.float64)
    mean = colours.mean(axis=0)
    centred = colours - mean
    return mean, centred.T @ centred / len(colours) + _NOISE_FLOOR**2 * np.eye(3)


def _power(matrix: Doubles, function: Callable[[Doubles], Doubles]) -> Doubles:
    """A function of a symmetric matrix, by its eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    powered: Doubles = (vectors * function(values)) @ vectors.T
    return powered


def match_histograms(source_rgb: Floats, target_rgb: Floats) -> Floats:
    """Give each channel of the source the target's histogram (scikit-image).

    Exact, and therefore rough: what is nearly flat in the source may come out in bands and blocks.
    Departure from scikit-image: pixels of one value go midway between the lowest and the highest value
    that their share of the target covers, not to the highest, or a flat area would take an extreme colour.

    Args:
        source_rgb: [..., 3].
        target_rgb: [..., 3]; as many axes as the source.

    Returns:
        float32, shaped as the source.
    """
    low = min(source_rgb.min(), target_rgb.min())
    span = max(source_rgb.max(), target_rgb.max(), low + _LEAST_SPAN) - low
    # Whole numbers are counted where fractions would be sorted: several times faster.
    source, target = (((rgb - low) * (_LEVELS / span)).astype(np.uint16) for rgb in (source_rgb, target_rgb))
    upper = exposure.match_histograms(source, target, channel_axis=-1)
    lower = _LEVELS - exposure.match_histograms(~source, ~target, channel_axis=-1)
    matched: Floats = ((upper + lower) / 2).astype(np.float32)
    matched *= span / _LEVELS
    matched += low
    return matched


def luma(rgb: Floats) -> Floats:
    """Brightness as the eye weighs it: Y' of ITU-R BT.709.

    Args:
        rgb: [..., 3].

    Returns:
        [...].
    """
    brightness: Floats = rgb @ _LUMA
    return brightness


def keep_colours(content_rgb: Floats, pastiche_rgb: Floats) -> Floats:
    """The pastiche's luma with the content's colours.

    "Luminance-only transfer" of Gatys et al., "Preserving Color in Neural Artistic Style Transfer"
    (2016), section 4.2. Departure: colours out of range are paled, not clipped, which keeps hue and luma.

    Args:
        content_rgb: [..., 3], 0..1.
        pastiche_rgb: The same shape, 0..1.

    Returns:
        The same shape, 0..1.
    """
    brightness = luma(pastiche_rgb)[..., None].clip(0, 1)
    chroma = content_rgb - luma(content_rgb)[..., None]
    room = np.where(chroma > 0, 1 - brightness, brightness)
    scale = (room / np.maximum(np.abs(chroma), np.float32(1e-6))).min(axis=-1, keepdims=True).clip(0, 1)
    kept: Floats = brightness + scale * chroma
    return kept.clip(0, 1)


def guided_filter(guide: Floats, planes: Floats, radius_px: int, noise_variance: float = 2e-3) -> Floats:
    """Smooth planes, but not across the edges of a guide.

    He, Sun & Tang, "Guided Image Filtering" (2010), equations 5, 6 and 8: each plane is written as a
    locally linear function of the guide.

    Args:
        guide: [height, width].
        planes: [height, width, channels].
        radius_px: Half the side of the window.
        noise_variance: Epsilon: variance of the guide below which there is no edge.

    Returns:
        [height, width, channels], float32.
    """
    size = 2 * radius_px + 1
    mean_guide = uniform_filter(guide, size)
    variance = uniform_filter(guide * guide, size) - mean_guide**2 + noise_variance
    smooth = np.empty_like(planes)
    for channel in range(planes.shape[-1]):
        plane = planes[..., channel]
        mean = uniform_filter(plane, size)
        slope = (uniform_filter(guide * plane, size) - mean_guide * mean) / variance
        smooth[..., channel] = uniform_filter(slope, size) * guide + uniform_filter(mean - slope * mean_guide, size)
    return smooth
