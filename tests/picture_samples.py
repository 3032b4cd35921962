"""Small pictures of every kind, written byte by byte: what no library writes, because it should not be there."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nst.images import Picture

Bytes = NDArray[np.uint8]

# Four quarters in four colours: every turn and reflection of it is different.
COLOURS = ((220, 40, 40), (40, 200, 60), (50, 60, 210), (230, 230, 220))


def quarters(width_px: int = 96, height_px: int = 64, colours: Sequence[Sequence[int]] = COLOURS) -> Bytes:
    """Four quarters, ``[h, w, channels]``."""
    corners = np.array(colours, np.uint8).reshape(2, 2, -1)
    return corners.repeat(height_px // 2, 0).repeat(width_px // 2, 1)


def noise(width_px: int = 96, height_px: int = 64) -> Bytes:
    """Soft coloured spots, ``[h, w, 3]``."""
    rough = np.random.default_rng(3).integers(0, 256, (height_px // 4, width_px // 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(rough).resize((width_px, height_px), Image.Resampling.BICUBIC))


def saved(image: Bytes | Image.Image, image_format: str = "PNG", **choices: Any) -> bytes:
    """As Pillow writes it."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, image_format, **choices)
    return file.getvalue()


def seen(picture: Picture) -> NDArray[np.float32]:
    """A picture's colours in levels of 0 to 255, ``[h, w, 3]``."""
    return picture.rgb * 255


# PNG ----------------------------------------------------------------------------------------------------------------

_SAMPLES_OF = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind: bytes, data: bytes = b"", crc: int | None = None) -> bytes:
    """One chunk of a PNG; ``crc`` in place of the right checksum."""
    right = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", right)


def png(
    samples: NDArray[np.integer],
    colour_type: int = 2,
    depth: int = 8,
    *,
    interlaced: bool = False,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A PNG of ``[h, w, samples]`` whose values are of ``depth`` bits.

    Args:
        samples: As stored.
        colour_type: 0, 2, 3, 4 or 6.
        depth: 1, 2, 4, 8 or 16.
        interlaced: Adam7.
        before: Chunks between header and pixels.
        after: Chunks behind the pixels.
    """
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced)
    pixels = zlib.compress(b"".join(_png_rows(samples.reshape(height, width, -1), depth, interlaced)))
    parts = (chunk(b"IHDR", header), before, chunk(b"IDAT", pixels), after, chunk(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _png_rows(samples: NDArray[np.integer], depth: int, interlaced: bool) -> Iterator[bytes]:
    for x, y, right, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        part = samples[y::down, x::right]
        if part.size:
            for row in part:
                yield b"\0" + packed(row.ravel(), depth)


def packed(values: NDArray[np.integer], bits: int, order: str = ">") -> bytes:
    """Values of 1 to 32 bits in whole bytes, the first one in the highest bits."""
    if bits in {8, 16, 32}:
        return values.astype(f"{order}u{bits // 8}").tobytes()
    shifts = np.arange(bits - 1, -1, -1)
    return np.packbits((values.astype(np.int64)[:, None] >> shifts & 1).astype(np.uint8)).tobytes()


# BMP ----------------------------------------------------------------------------------------------------------------


def bmp(
    rgba: Bytes,
    bits: int = 24,
    masks: Sequence[int] = (),
    *,
    header_bytes: int = 40,
    compression: int | None = None,
    top_down: bool = False,
) -> bytes:
    """A BMP without palette of ``[h, w, 3 or 4]``.

    Args:
        rgba: Levels of 8 bits.
        bits: A pixel's: 16, 24 or 32.
        masks: Where red, green, blue and perhaps alpha are; without them as the format's BI_RGB says.
        header_bytes: 40, 52, 56, 108 or 124.
        compression: 3 with masks and 0 without unless given.
        top_down: Rows from the top.
    """
    height, width = rgba.shape[:2]
    plain = {16: (0x7C00, 0x3E0, 0x1F, 0), 24: (0xFF0000, 0xFF00, 0xFF, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0xFF000000)}
    values = np.zeros((height, width), np.int64)
    for channel, mask in enumerate(masks or plain[bits]):
        if mask and channel < rgba.shape[2]:
            low = mask & -mask
            values |= np.rint(rgba[..., channel] / 255 * (mask // low)).astype(np.int64) * low
    rows = values if top_down else values[::-1]
    raw = rows.astype("<u4").view(np.uint8).reshape(height, width, 4)[..., : bits // 8].reshape(height, -1)
    pixels = np.pad(raw, ((0, 0), (0, -raw.shape[1] % 4))).tobytes()
    kind = (3 if masks else 0) if compression is None else compression
    facts = struct.pack("<iiHHIIiiII", width, -height if top_down else height, 1, bits, kind, len(pixels), 0, 0, 0, 0)
    table = b"".join(struct.pack("<I", mask) for mask in masks)
    header = (facts + table).ljust(header_bytes - 4, b"\0") if header_bytes > 40 else facts + table
    start = 14 + 4 + len(header)
    return b"BM" + struct.pack("<IHHII", start + len(pixels), 0, 0, start, header_bytes) + header + pixels


# GIF ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GifFrame:
    """One frame of a GIF.

    Attributes:
        indices: ``[h, w]``, below 128.
        left: On the canvas.
        top: On the canvas.
        disposal: 0 to 7.
        transparent: An index.
        colours: A table of its own.
        control: Whether there is a graphic control extension at all.
    """

    indices: NDArray[np.integer]
    left: int = 0
    top: int = 0
    disposal: int = 0
    transparent: int | None = None
    colours: Sequence[Sequence[int]] = ()
    control: bool = True


def gif(
    frames: Sequence[GifFrame],
    width_px: int,
    height_px: int,
    colours: Sequence[Sequence[int]] = COLOURS,
    background: int = 0,
) -> bytes:
    """A GIF of frames that may be anywhere on the canvas, each for 100 ms."""
    parts = [
        b"GIF89a",
        struct.pack("<HHBBB", width_px, height_px, _table_flags(colours), background, 0),
        _table(colours),
    ]
    for frame in frames:
        if frame.control:
            flags = frame.disposal << 2 | (frame.transparent is not None)
            parts.append(struct.pack("<BBBBHBB", 0x21, 0xF9, 4, flags, 10, frame.transparent or 0, 0))
        height, width = frame.indices.shape
        parts.append(struct.pack("<BHHHHB", 0x2C, frame.left, frame.top, width, height, _table_flags(frame.colours)))
        parts += [_table(frame.colours), b"\7", _in_blocks(_lzw(frame.indices.ravel()))]
    return b"".join(parts) + b";"


def _table_flags(colours: Sequence[Sequence[int]]) -> int:
    return 0x80 | max(1, (len(colours) - 1).bit_length()) - 1 if colours else 0


def _table(colours: Sequence[Sequence[int]]) -> bytes:
    size = 3 << (_table_flags(colours) & 7) + 1 if colours else 0
    return bytes(value for colour in colours for value in colour).ljust(size, b"\0")


def _lzw(indices: NDArray[np.integer]) -> bytes:
    """Every index as itself, in 8 bits, with a new beginning before codes get longer."""
    codes: list[int] = []
    for start in range(0, len(indices), 100):
        codes += [128, *indices[start : start + 100].tolist()]
    codes.append(129)
    return sum(code << 8 * i for i, code in enumerate(codes)).to_bytes(len(codes), "little")


def _in_blocks(data: bytes) -> bytes:
    blocks = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
