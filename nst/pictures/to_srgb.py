"""Every way of storing colour that pictures come in, brought to 8-bit sRGB and opacity."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageChops, ImageCms

from nst.pictures.formats.icc import code_points
from nst.pictures.hdr import is_hdr, toned_down

_PLAIN = frozenset({"L", "RGB", "CMYK", "LAB"})
_DEEP = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
_ROWS = 256


def split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Part colour and opacity.

    Args:
        image: A loaded picture of any mode.

    Returns:
        Colour in mode L, RGB, CMYK or LAB, still in the file's own colour space, and opacity in
        mode L, or None if all is opaque.
    """
    if image.mode in _DEEP:
        return _grey(image)
    if not image.has_transparency_data:
        return _opaque(image), None
    with_alpha = image.convert("RGBA")
    colour = with_alpha.convert("L" if image.mode in {"1", "L", "LA", "La"} else "RGB")
    alpha = with_alpha.getchannel("A")
    return colour, alpha if alpha.getextrema() != (255, 255) else None


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Pillow takes every CMYK JPEG for Adobe's, which stores inks inverted; without the marker they are not.
        return ImageChops.invert(image)
    if image.mode in _PLAIN:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _grey(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Greys of 16 bits, some rows at once: a second copy of a large picture would be four times as large."""
    values = np.asarray(image)
    levels = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _ROWS):
        levels[top : top + _ROWS] = (values[top : top + _ROWS].astype(np.uint32) * 255 + 32767) // 65535
    grey = Image.fromarray(levels)
    hidden = image.info.get("transparency")
    if not isinstance(hidden, int) or not (values == hidden).any():
        return grey, None
    return grey, Image.fromarray(np.where(values == hidden, np.uint8(0), np.uint8(255)))


def to_srgb(colour: Image.Image, profile: bytes | None) -> Image.Image:
    """Bring colours to sRGB.

    Args:
        colour: Mode L, RGB, CMYK or LAB.
        profile: The file's ICC profile; one that is damaged or does not fit the mode is passed over.

    Returns:
        Mode RGB.
    """
    coded = code_points(profile or b"")
    if coded and is_hdr(coded) and colour.mode in {"L", "RGB"}:
        return toned_down(colour.convert("RGB"), *coded)
    source = _profile(colour.mode, profile)
    if source is not None:
        if colour.mode == "L" and source.profile.xcolor_space == "RGB ":
            colour = colour.convert("RGB")
        try:
            transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), colour.mode, "RGB")
        except (ImageCms.PyCMSError, ValueError):
            return colour.convert("RGB")
        # Through its own profile sRGB would come out a level off here and there.
        if not _changes_nothing(transform, colour.mode):
            return ImageCms.applyTransform(colour, transform) or colour.convert("RGB")
    return colour.convert("RGB")


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a profile says what sRGB says, whatever its name is."""
    if mode not in {"L", "RGB"}:
        return False
    probe = Image.fromarray(_PROBE).convert(mode)
    seen = ImageCms.applyTransform(probe, transform)
    return seen is not None and np.abs(np.asarray(seen) - np.asarray(probe.convert("RGB"), np.int16)).max() <= _SAME


# Colours all over the cube, and every grey.
_STEPS = np.arange(0, 256, 15, dtype=np.uint8)
_PROBE = np.concatenate(
    [
        np.stack(np.meshgrid(_STEPS, _STEPS, _STEPS), axis=-1).reshape(1, -1, 3),
        np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2),
    ],
    axis=1,
)
_SAME = 2  # levels


def _profile(mode: str, profile: bytes | None) -> ImageCms.ImageCmsProfile | None:
    if mode == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    if not profile:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
