"""Small pictures of every kind, written byte by byte: what no library writes, because it should not be there."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nst.pictures.decode import Picture

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


# TIFF ---------------------------------------------------------------------------------------------------------------


@dataclass
class TiffPage:
    """One page of a TIFF, and how it is stored.

    Attributes:
        samples: ``[h, w, samples]``, as stored: integers of ``bits``, or floats.
        bits: Of each value.
        photometric: 0 white is zero, 1 black is zero, 2 RGB, 5 CMYK, ...
        format: 1 unsigned, 2 signed, 3 float.
        planar: Each sample in strips of its own.
        compression: 1 none, 8 Deflate, 32773 PackBits; others by ``packer``.
        predictor: 1 none, 2 differences of values, 3 of floats' bytes.
        tile: Width and height, or None for strips of ``rows``.
        rows: Of a strip.
        tags: More of them, of type LONG.
        below: Pages of its SubIFDs.
    """

    samples: NDArray[Any]
    bits: int = 8
    photometric: int = 2
    format: int = 1
    planar: bool = False
    compression: int = 1
    predictor: int = 1
    tile: tuple[int, int] | None = None
    rows: int = 7
    tags: Mapping[int, Sequence[int]] = field(default_factory=dict)
    below: Sequence[TiffPage] = ()


def tiff(pages: Sequence[TiffPage], order: str = "<", *, big: bool = False) -> bytes:
    """A TIFF of any layout; ``order`` is ``<`` or ``>``, ``big`` is BigTIFF."""
    made = _TiffFile(order, big)
    made.add(pages)
    return bytes(made.data)


class _TiffFile:
    def __init__(self, order: str, big: bool) -> None:
        self._order, self._big, self._offset = order, big, "Q" if big else "I"
        self.data = bytearray(b"II" if order == "<" else b"MM")
        self.data += struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0, 0) if big else (42, 0)))

    def add(self, pages: Sequence[TiffPage], link: int | None = None) -> list[int]:
        """Append pages, each linked to the next one; their offsets. A link of -1 is none."""
        room = struct.calcsize(self._offset)
        offsets, link = [], len(self.data) - room if link is None else link
        for page in pages:
            directory = self._directory(self._tags(page))
            offsets.append(len(self.data))
            if link >= 0:
                struct.pack_into(self._order + self._offset, self.data, link, len(self.data))
            self.data += directory
            link = len(self.data) - room
        return offsets

    def _tags(self, page: TiffPage) -> dict[int, Sequence[int]]:
        height, width, samples = page.samples.shape
        parts = [self._append(part) for part in _tiff_parts(page, self._order)]
        below = [self.add([under], -1)[0] for under in page.below]
        tags: dict[int, Sequence[int]] = {256: [width], 257: [height], 258: [page.bits] * samples}
        tags |= {259: [page.compression], 262: [page.photometric], 277: [samples], 284: [1 + page.planar]}
        tags |= {317: [page.predictor], 339: [page.format] * samples}
        where, sizes = [at for at, _ in parts], [size for _, size in parts]
        tags |= {322: [page.tile[0]], 323: [page.tile[1]], 324: where, 325: sizes} if page.tile else {}
        tags |= {} if page.tile else {273: where, 278: [page.rows], 279: sizes}
        return tags | ({330: below} if below else {}) | dict(page.tags)

    def _append(self, part: bytes) -> tuple[int, int]:
        self.data += part + b"\0" * (len(part) & 1)
        return len(self.data) - len(part) - (len(part) & 1), len(part)

    def _directory(self, tags: Mapping[int, Sequence[int]]) -> bytes:
        """With room for the next one's place at its end."""
        room, entries = struct.calcsize(self._offset), []
        for tag, values in sorted(tags.items()):
            short = tag == 274  # as EXIF has it, too
            body = struct.pack(f"{self._order}{len(values)}{'H' if short else 'I'}", *values)
            if len(body) > room:
                body = struct.pack(self._order + self._offset, self._append(body)[0])
            entries.append(
                struct.pack(self._order + "HH" + self._offset, tag, 3 if short else 4, len(values))
                + body.ljust(room, b"\0")
            )
        count = struct.pack(self._order + ("Q" if self._big else "H"), len(entries))
        return count + b"".join(entries) + bytes(room)


def _tiff_parts(page: TiffPage, order: str) -> Iterator[bytes]:
    height, width, samples = page.samples.shape
    columns, rows = page.tile or (width, page.rows)
    for plane in range(samples) if page.planar else [slice(None)]:
        values = page.samples[..., plane].reshape(height, width, -1)
        for top in range(0, height, rows):
            for left in range(0, width, columns):
                part = values[top : top + rows, left : left + columns]
                if page.tile:
                    part = np.pad(part, ((0, rows - part.shape[0]), (0, columns - part.shape[1]), (0, 0)))
                yield _tiff_packed(part, page, order)


def _tiff_packed(part: NDArray[Any], page: TiffPage, order: str) -> bytes:
    if page.predictor == 3:
        high_first = part.astype(f">f{page.bits // 8}").reshape(part.shape[0], -1)
        raw = high_first.view(np.uint8).reshape(part.shape[0], -1, page.bits // 8).transpose(0, 2, 1)
        raw = np.ascontiguousarray(raw).reshape(part.shape[0], -1, part.shape[2])
        body = np.diff(raw, axis=1, prepend=np.zeros_like(raw[:, :1])).astype(np.uint8).tobytes()
    elif page.format == 3:
        body = part.astype(f"{order}f{page.bits // 8}").tobytes()
    else:
        if page.predictor == 2:
            part = np.mod(np.diff(part.astype(np.int64), axis=1, prepend=0), 1 << page.bits)
        body = b"".join(packed(row.ravel() % (1 << page.bits), page.bits, order) for row in part.astype(np.int64))
    if page.compression == 8:
        return zlib.compress(body)
    if page.compression == 32773:
        return b"".join(bytes([len(body[at : at + 128]) - 1]) + body[at : at + 128] for at in range(0, len(body), 128))
    return body
