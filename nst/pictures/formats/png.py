"""PNG: its pixels and what decides about their colours; nothing else of the file can break it.

One pass over the chunks drops all others, which are many (text, thumbnails, dates, other programs' data) and often
damaged, and what Pillow refuses a whole picture for. What the rest says is taken as Chromium takes it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageChops, PngImagePlugin

from nst.pictures.formats.code_points import coded_profile, power
from nst.pictures.formats.cut_off import replace, stand_in
from nst.pictures.formats.icc import grey_profile, rgb_profile
from nst.pictures.signature import unsupported

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 100_000
_MOST_PROFILE_BYTES = 8 << 20
_GREY, _RGB, _PALETTE = 0, 2, 3
_SPACES = {_GREY: b"GRAY", 4: b"GRAY"}
# Of what is heeded besides, and how long it is; None for any length.
_REMARKS = {b"cICP": 4, b"iCCP": None, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32, b"eXIf": None, b"acTL": 8}
_INTENTS = 4
_USUAL = 0.05  # libpng's PNG_GAMMA_THRESHOLD: a gamma like sRGB's stands for sRGB


class PngFile(PngImagePlugin.PngImageFile):
    """A PNG; one that ends too early is loaded as far as it goes."""

    def _open(self) -> None:
        self._parts = _parts(self.fp.read())  # type: ignore[union-attr]
        # Until pixels are asked for, Pillow sees what is before them: a header costs no copy of the file.
        self.fp = io.BytesIO(b"".join(self._parts.mended()[: -len(self._parts.behind)]))
        super()._open()
        self.n_frames = self._parts.frames
        exif = self._parts.remarks.get(b"eXIf", b"")
        for name, value in (("icc_profile", self._parts.profile()), ("exif", exif)):
            if value and value[:4] != b"Exif":  # JPEG's own beginning; Chromium does not heed it here
                self.info[name] = value
        key = self._parts.key()
        if key is not None:
            self.info["transparency"] = key if len(key) > 1 else key[0]

    def load(self) -> Any:
        """Decode.

        Raises:
            OSError: The data are damaged, or too much of them is lacking.
        """
        if not self.tile:
            return super().load()
        self._data = b"".join(self._parts.mended())
        self.fp = io.BytesIO(self._data)
        if self.png is not None:
            self.png.fp = self.fp
        tiles = self.tile
        try:
            super().load()
            # Data may also be sound and too few, which Pillow takes for black.
            whole = self.crop((0, self.height - 1, *self.size)).getbbox(alpha_only=False) is not None
        except OSError:
            whole = False
        if not whole:
            self._load_part(tiles)
        if self.mode == "RGB" and self._parts.depth == 16 and "transparency" in self.info:
            self._hide_deep(tiles)
        return super().load()

    def _load_part(self, tiles: list[Any]) -> None:
        import numpy as np

        # What differs with the canvas is what the file did not come to.
        parts = [self._again(tiles, level) for level in (0, 255)]
        self.tile = []
        replace(self, parts[0])
        lacking = np.asarray(parts[0]) != np.asarray(parts[1])
        if lacking.any():
            stand_in(self, lacking.reshape(self.height, self.width, -1).any(axis=2))

    def _hide_deep(self, tiles: list[Any]) -> None:
        """Hide the key colour: all of its 16 bits have to be met, of which ``load`` keeps the upper ones."""
        low = self._again([tile._replace(args="RGB;16L") for tile in tiles], 0)
        key = self.info.pop("transparency")
        met = Image.new("L", self.size, 255)
        for image, shift in ((self, 8), (low, 0)):
            for band, value in zip(image.split(), key, strict=True):
                equal = band.point([255 * (level == value >> shift & 255) for level in range(256)])
                met = ImageChops.multiply(met, equal)
        hidden = self.copy()
        hidden.putalpha(ImageChops.invert(met))
        replace(self, hidden)

    def _again(self, tiles: list[Any], level: int) -> Image.Image:
        """Decode as far as it goes onto a canvas of one level."""
        image = PngImagePlugin.PngImageFile(io.BytesIO(self._data))
        image.tile = tiles
        bands = len(image.getbands())
        image.im = Image.new(image.mode, image.size, (level,) * bands if bands > 1 else level).im
        with suppress(OSError):
            image.load()
        image.tile = []
        return image


@dataclass
class _Parts:
    header: bytes = b""
    palette: bytes = b""
    transparency: bytes = b""
    pixels: list[memoryview] = field(default_factory=list)
    first_frame: list[memoryview] = field(default_factory=list)
    remarks: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        return self.header[8]

    @property
    def is_palette(self) -> bool:
        return self.header[9:10] == bytes([_PALETTE])

    @property
    def frames(self) -> int:
        frames = int.from_bytes(self.remarks.get(b"acTL", b"")[:4], "big")
        return frames if 0 < frames < 1 << 31 else 1

    def heed(self, kind: bytes, body: bytes) -> None:
        """Keep a sound chunk in front of the pixels, if it decides about them; of equals the first."""
        if kind == b"IHDR":
            self.header = self.header or body
        elif kind == b"PLTE":
            self.palette = self.palette or body
        elif kind == b"tRNS":
            if self.palette or not self.is_palette:
                self.transparency = self.transparency or body
        elif _REMARKS.get(kind, -1) in {None, len(body)} and not (kind == b"sRGB" and body[0] >= _INTENTS):
            self.remarks.setdefault(kind, body)

    @property
    def behind(self) -> list[bytes | memoryview]:
        """The pixels, and what ends the file."""
        return [*(self.first_frame or self.pixels), bytes(4), _chunk(b"IEND", b"")]

    def mended(self) -> list[bytes | memoryview]:
        """The file that Pillow reads, in pieces."""
        made: list[bytes | memoryview] = [_SIGNATURE, _chunk(b"IHDR", self.header)]
        if self.is_palette:
            colours = self.palette[: len(self.palette) // 3 * 3]
            # Levels without a colour take the last one.
            made.append(_chunk(b"PLTE", (colours + colours[-3:] * 256)[:768]))
            if self.transparency:
                made.append(_chunk(b"tRNS", self.transparency[:256]))
        # All in one, and with no checksum: nobody asks for it, and pixels are many.
        pixels = self.first_frame or self.pixels
        return [*made, struct.pack(">I", sum(map(len, pixels))), b"IDAT", *self.behind]

    def key(self) -> tuple[int, ...] | None:
        """The one colour that is transparent, in the levels of Pillow's modes; 16 bits stay 16."""
        values = {_GREY: 1, _RGB: 3}.get(self.header[9], 0)
        if not values or len(self.transparency) < 2 * values:
            return None
        stored = struct.unpack_from(f">{values}H", self.transparency)
        if self.depth == 16:
            return stored
        if self.depth == 8:
            return tuple(value & 255 for value in stored)
        return (stored[0] * 255 // ((1 << self.depth) - 1),) if stored[0] < 1 << self.depth else None

    def profile(self) -> bytes | None:
        """The ICC profile of the colours, by what ranks first in the specification's third edition: cICP to gAMA."""
        space = _SPACES.get(self.header[9], b"RGB ")
        said = self.remarks.get(b"cICP", b"\0\0\0\0")
        if space == b"RGB " and (coded := coded_profile(said[0], said[1])):
            return coded
        profile = _unpacked(self.remarks.get(b"iCCP", b""))
        if profile[36:40] == b"acsp" and profile[16:20] in {space, b"RGB "}:
            return profile
        gamma = int.from_bytes(self.remarks.get(b"gAMA", b""), "big") / 100_000
        primaries = self.remarks.get(b"cHRM")
        usual = primaries is None and abs(gamma * 2.2 - 1) < _USUAL
        if b"sRGB" in self.remarks or not gamma or usual:
            return None
        return _gamma_profile(1 / gamma, primaries, space)


def _gamma_profile(exponent: float, chromaticities: bytes | None, space: bytes) -> bytes | None:
    curve = power(exponent)
    if space == b"GRAY":
        return grey_profile(curve)
    if chromaticities is None:
        return rgb_profile(curve)
    values = [value / 100_000 for value in struct.unpack(">8I", chromaticities)]
    white, *primaries = [(values[i], values[i + 1]) for i in range(0, 8, 2)]
    try:
        return rgb_profile(curve, primaries, white)
    except (ArithmeticError, struct.error):
        return None  # they are no colours: Chromium then passes over the gamma as well


def _unpacked(chunk: bytes) -> bytes:
    name, _, rest = chunk.partition(b"\0")
    if not 0 < len(name) < 80 or rest[:1] != b"\0":
        return b""
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(rest[1:], _MOST_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpacker.eof else b""


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _parts(data: bytes) -> _Parts:
    parts, control, begun = _Parts(), b"", False
    for kind, body, sound in _chunks(data):
        if kind == b"CgBI":
            raise unsupported("CgBI (Apple's PNG)")
        if kind == b"IDAT":
            parts.pixels.append(body)
        elif kind == b"fcTL":
            # One before the pixels makes them the animation's first frame.
            begun = begun or not parts.pixels or bool(parts.first_frame)
            control = bytes(body)
        elif kind == b"fdAT":
            # Else that comes here, and the pixels are for programs that show no animations.
            if not begun and b"acTL" in parts.remarks and control[4:20] == parts.header[:8] + bytes(8):
                parts.first_frame.append(body[4:])
        elif sound and not parts.pixels:
            parts.heed(kind, bytes(body))
    if len(parts.header) != 13 or not parts.pixels or (parts.is_palette and len(parts.palette) < 3):
        raise SyntaxError("no picture")
    return parts


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Kind and body of each chunk, and whether its checksum is right; the last one may end early."""
    at, view = len(_SIGNATURE), memoryview(data)
    for _ in range(_MOST_CHUNKS):
        kind, size = data[at + 4 : at + 8], int.from_bytes(data[at : at + 4], "big")
        if len(kind) < 4 or kind == b"IEND":
            return
        body, checksum = view[at + 8 : at + 8 + size], data[at + 8 + size : at + 12 + size]
        yield kind, body, kind == b"IDAT" or checksum == struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
        at += 12 + size
    raise SyntaxError("more chunks than a picture has")
