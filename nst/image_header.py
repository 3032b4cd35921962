"""What a picture's header says, and whether it is within limits: asked before anything is decoded.

Pillow only, no NumPy: frontends refuse a hopeless picture at once and without weight. Everything
that Pillow can raise on hostile bytes leaves here as a ``UserError``.
"""

from __future__ import annotations

import importlib
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from PIL import (
    AvifImagePlugin,
    Image,
    ImageFile,
    WebPImagePlugin,
)

from nst.errors import UserError
from nst.formats.avif import AvifFile
from nst.formats.bmp import BmpFile
from nst.formats.gif import GifFile
from nst.formats.jpeg import JpegFile
from nst.formats.png import PngFile
from nst.formats.tiff import open_tiff
from nst.image_dimensions import Size, declared_size
from nst.image_parts import parts_of
from nst.image_polyglot import stowaway
from nst.image_signature import READABLE, identify

# Named one by one, because a broad except would hide our own mistakes as well as running out of memory.
HOSTILE_INPUT = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

_Opener = Callable[[IO[bytes]], ImageFile.ImageFile]


@dataclass(frozen=True)
class Limits:
    """What a picture may be at most, or must be at least.

    Attributes:
        max_bytes: Size of the file; 20 MiB is what Telegram lets bots download.
        max_pixels: Width times height; 40 million, above what phones make by default.
        max_ratio: Longer side by shorter side.
        min_side_px: Shorter side.
        transparent: Whether it may be transparent everywhere, as masks may; other pictures are taken as opaque then.
    """

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 40_000_000
    max_ratio: float = 20
    min_side_px: int = 16
    transparent: bool = False


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Header:
    """What a picture's header says.

    Attributes:
        format: One of ``image_signature.READABLE``.
        width_px: As stored; EXIF orientation may swap it with the height.
        height_px: As stored.
        frames: More than 1 for animations; 2 may mean "several".
        has_alpha: Whether something in it may be transparent.
    """

    format: str
    width_px: int
    height_px: int
    frames: int
    has_alpha: bool


def inspect(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Read a picture's header and hold it against the limits. Decodes nothing.

    Args:
        data: The whole file.
        limits: What is allowed.

    Raises:
        UserError: One of the ``image_*`` codes.
    """
    return open_image(data, limits)[1]


def open_image(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[ImageFile.ImageFile, Header]:
    """Open a picture without decoding it, after all checks that need no decoding.

    Args:
        data: The whole file.
        limits: What is allowed.

    Returns:
        Pillow's image, not loaded yet, and what its header says.

    Raises:
        UserError: One of the ``image_*`` codes.
    """
    if len(data) > limits.max_bytes:
        raise UserError("image_too_many_bytes", {"received_bytes": len(data), "allowed_bytes": limits.max_bytes})
    name = identify(data)
    parts = parts_of(data, name)
    hidden = stowaway(data, parts.end)
    if hidden:
        raise UserError("image_polyglot", {"found": hidden})
    declared = declared_size(data, name)
    if declared:
        # Before Pillow: some of its decoders take memory for the canvas as soon as they are made.
        _check_pixels(*declared, limits)
    image = _open(data, name, declared, limits)
    _check_size(image.width, image.height, limits)
    return image, Header(name, image.width, image.height, _frames(image, name), bool(image.has_transparency_data))


def readable_formats() -> tuple[str, ...]:
    """Those of ``image_signature.READABLE`` whose decoder is installed here."""

    def has_decoder(name: str) -> bool:
        try:
            return _opener(name) is not WebPImagePlugin.WebPImageFile or WebPImagePlugin.SUPPORTED
        except UserError:
            return False

    return tuple(filter(has_decoder, READABLE))


def _open(data: bytes, name: str, declared: Size | None, limits: Limits) -> ImageFile.ImageFile:
    opener = _opener(name)
    try:
        # The plugin itself, not Image.open: that one would refuse large pictures before we know their size.
        return opener(io.BytesIO(data))
    except HOSTILE_INPUT as error:
        if declared and 0 in declared:
            _check_size(*declared, limits)
        raise UserError("image_truncated") from error


def _opener(name: str) -> _Opener:
    if name == "HEIC" or (name == "AVIF" and not AvifImagePlugin.SUPPORTED):
        return _heif_opener()
    return _OPENERS[name]


def _heif_opener() -> _Opener:
    try:
        opener: _Opener = importlib.import_module("pillow_heif").HeifImageFile
    except ImportError as error:
        raise UserError("image_heic_unavailable") from error
    return opener


_OPENERS: dict[str, _Opener] = {
    # Not the factory for MPO: the further pictures behind a phone's photo are previews and gain maps.
    "JPEG": JpegFile,
    "PNG": PngFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifFile,
    "BMP": BmpFile,
    "TIFF": open_tiff,
    "AVIF": AvifFile,
}


def _check_pixels(width_px: int, height_px: int, limits: Limits) -> None:
    if width_px * height_px > limits.max_pixels:
        detail = {"width_px": width_px, "height_px": height_px, "allowed_px": limits.max_pixels}
        raise UserError("image_too_many_pixels", detail)


def _check_size(width_px: int, height_px: int, limits: Limits) -> None:
    _check_pixels(width_px, height_px, limits)
    short, long = sorted((width_px, height_px))
    size = {"width_px": width_px, "height_px": height_px}
    # The ratio first: 1 x 5000 is a line, and saying "too small" would not help.
    if short and long / short > limits.max_ratio:
        raise UserError("image_too_long", {**size, "allowed_ratio": limits.max_ratio})
    if short < limits.min_side_px:
        raise UserError("image_too_small", {**size, "allowed_px": limits.min_side_px})


def _frames(image: ImageFile.ImageFile, name: str) -> int:
    if name not in {"GIF", "PNG", "WEBP", "AVIF"}:
        return 1  # further pictures of the others are pages, bursts and previews
    if isinstance(image, GifFile):
        # Counting them all would mean reading them all; whether there is a second one is what matters.
        return 2 if image.is_animated else 1
    return int(getattr(image, "n_frames", 1))
