"""What a picture's header says, and whether it is within limits: asked before anything is decoded.

Pillow only, no NumPy: frontends refuse a hopeless picture at once and without weight. Everything
that Pillow can raise on hostile bytes leaves here as a ``UserError``.
"""

from __future__ import annotations

import io
import struct
import sys
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
from nst.pictures.formats.avif import AvifFile
from nst.pictures.formats.bmp import BmpFile
from nst.pictures.formats.gif import GifFile
from nst.pictures.formats.heic import heic_is_readable, open_heic
from nst.pictures.formats.jpeg import JpegFile
from nst.pictures.formats.png import PngFile
from nst.pictures.formats.tiff import open_tiff
from nst.pictures.formats.webp import open_webp
from nst.pictures.parts import Parts, ends_early, parts_of
from nst.pictures.polyglot import stowaway
from nst.pictures.signature import READABLE, Size, declared_size, identify

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
        max_memory_bytes: What decoding it may take, as far as the header tells; the decoder's own bound is above it.
        max_pixels: Width times height. Memory decides before, but for JPEG, whose decoder takes none for more pixels.
        max_ratio: Longer side by shorter side.
        min_side_px: Shorter side.
        transparent: Whether it may be transparent everywhere, as masks may; other pictures are taken as opaque then.
    """

    max_bytes: int = 20 * 1024 * 1024
    max_memory_bytes: int = 880 * 1024 * 1024
    max_pixels: int = 1_000_000_000
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
        _check_pixels(*declared, limits, _BITMAP_BYTES if name in _BITMAPS else _bytes_per_px(name, parts))
    image = _open(data, name, declared, limits)
    bytes_per_px = _BITMAP_BYTES if image.mode == "1" else _bytes_per_px(name, parts)
    _check_size(image.width, image.height, limits, bytes_per_px)
    return image, Header(name, image.width, image.height, _frames(image, name), bool(image.has_transparency_data))


def _bytes_per_px(name: str, parts: Parts) -> float:
    return _BYTES_PER_PX.get(name, _USUAL_BYTES) + parts.kept_bytes_per_px


# What decoding takes for each pixel of a large file where a small picture is wanted, measured:
# ``nst.pictures.decode`` never has a second copy of all of it, JPEG and WEBP none at all (a WEBP's size is declared
# before its kind is known).
_USUAL_BYTES = 5.5
_BYTES_PER_PX = {"JPEG": 0.5, "WEBP": 4.5, "HEIC": 5.0, "AVIF": 9.5, "BMP": 10.0, "GIF": 15.0}
_BITMAPS, _BITMAP_BYTES = frozenset({"PNG", "BMP"}), 1.5


def readable_formats() -> tuple[str, ...]:
    """Those of ``image_signature.READABLE`` whose decoder is installed here."""
    heic = heic_is_readable()
    missing = {
        "HEIC": not heic,
        "AVIF": not (heic or AvifImagePlugin.SUPPORTED),
        "WEBP": not WebPImagePlugin.SUPPORTED,
    }
    return tuple(name for name in READABLE if not missing.get(name))


def _open(data: bytes, name: str, declared: Size | None, limits: Limits) -> ImageFile.ImageFile:
    opener = _opener(name)
    try:
        # The plugin itself, not Image.open: that one would refuse large pictures before we know their size.
        return opener(io.BytesIO(data))
    except HOSTILE_INPUT as error:
        if declared and 0 in declared:
            _check_size(*declared, limits, 0.0)
        raise damaged(data, name) from error


def damaged(data: bytes, name: str) -> UserError:
    """What to say of a file that cannot be decoded: of kinds that show nothing without their end, whether it is there.

    Args:
        data: The whole file.
        name: Its kind, as ``identify`` has it.
    """
    return UserError("image_cut_off", {"found": name}) if ends_early(data, name) else UserError("image_truncated")


def _opener(name: str) -> _Opener:
    return open_heic if name == "AVIF" and not AvifImagePlugin.SUPPORTED else _OPENERS[name]


_OPENERS: dict[str, _Opener] = {
    # Not the factory for MPO: the further pictures behind a phone's photo are previews and gain maps.
    "JPEG": JpegFile,
    "PNG": PngFile,
    "WEBP": open_webp,
    "HEIC": open_heic,
    "GIF": GifFile,
    "BMP": BmpFile,
    "TIFF": open_tiff,
    "AVIF": AvifFile,
}


def _check_pixels(width_px: int, height_px: int, limits: Limits, bytes_per_px: float) -> None:
    allowed_px = min(limits.max_pixels, int(limits.max_memory_bytes / bytes_per_px) if bytes_per_px else sys.maxsize)
    if width_px * height_px > allowed_px:
        detail = {"width_px": width_px, "height_px": height_px, "allowed_px": allowed_px}
        raise UserError("image_too_many_pixels", detail)


def _check_size(width_px: int, height_px: int, limits: Limits, bytes_per_px: float) -> None:
    _check_pixels(width_px, height_px, limits, bytes_per_px)
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
