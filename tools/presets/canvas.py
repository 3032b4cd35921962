"""From arrays to Pillow canvases and back, and what light and paper add."""

import numpy as np
from PIL import Image, ImageDraw

from tools.presets.fields import Field, as_field, fbm, noise


def to_image(picture: Field) -> Image.Image:
    """Return the picture as an 8-bit RGB image."""
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def to_picture(image: Image.Image) -> Field:
    """Return the image as a float32 array in 0..1, with the image's channels."""
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def resized(picture: Field, size_px: int) -> Field:
    """Return the picture at another size, by Lanczos."""
    return to_picture(to_image(picture).resize((size_px, size_px), Image.Resampling.LANCZOS))


def pen(image: Image.Image) -> ImageDraw.ImageDraw:
    """Return what draws on the image; on RGBA it overwrites all four channels."""
    return ImageDraw.Draw(image)


def lit(picture: Field, height: Field, strength: float) -> Field:
    """Return the picture with its relief lit from the upper left.

    Args:
        picture: (size, size, 3), 0..1.
        height: (size, size), the paint's thickness, 0..1.
        strength: How much one unit of slope, per 512th of a side, lightens.
    """
    down, across = np.gradient(height)
    shade = (down + across) * (picture.shape[0] / 512) * strength
    return as_field(np.clip(picture * (1 + np.clip(shade, -0.6, 0.6)[..., None]), 0, 1))


def papered(picture: Field, rng: np.random.Generator, strength: float = 0.06) -> Field:
    """Return the picture on paper: fine grain and a slow unevenness, both darkening."""
    size_px = picture.shape[0]
    grain = 0.6 * noise(size_px, 256, rng) + 0.4 * fbm(size_px, 6, rng)
    return np.clip(picture * (1 + strength * (0.5 - grain))[..., None], 0, 1).astype(np.float32)
