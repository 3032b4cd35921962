"""TIFF's directories: which of its pictures is the picture, and how it is stored.

TIFF 6.0, with BigTIFF, and SubIFDs as in Adobe's technical note 1 and DNG. Nothing is decoded, and NumPy not needed.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nst.pictures.signature import unsupported

_MOST_DIRECTORIES = 64
_MOST_ENTRIES = 4096
_MOST_VALUES = 1 << 20
_MOST_SAMPLES = 8
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}

NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
FILL_ORDER, STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 266, 273, 274, 277, 278, 279, 284
PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, SUB_IFDS, EXTRA, FORMAT = (
    317,
    322,
    323,
    324,
    325,
    330,
    338,
    339,
)
ICC_PROFILE, DNG_VERSION, CFA_PATTERN = 34675, 50706, 33422
_READ = frozenset(
    {NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS}
    | {ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS}
    | {TILE_BYTES, SUB_IFDS, EXTRA, FORMAT, ICC_PROFILE, DNG_VERSION}
)
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_OLD_REDUCED = 2

WHITE_IS_ZERO, GREY, RGB, PALETTE, CMYK, YCBCR, LAB, SENSOR, LINEAR_RAW = 0, 1, 2, 3, 5, 6, 8, 32803, 34892
_PHOTOMETRICS = {
    PALETTE: "palette",
    CMYK: "CMYK",
    YCBCR: "YCbCr",
    LAB: "Lab",
    9: "ICC Lab",
    10: "ITU Lab",
    32844: "LogL",
    32845: "LogLuv",
}
_COMPRESSIONS = {6: "old JPEG", 7: "JPEG", 33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34676: "SGI log"}
_COMPRESSIONS |= {34661: "JBIG", 34887: "LERC", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL"}
_FORMATS = {2: "signed", 3: "float", 5: "complex", 6: "complex"}
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
RAW, LZW, DEFLATE, PACK_BITS = 1, 5, 8, 32773
PACKED = frozenset({RAW, LZW, DEFLATE, 32946, PACK_BITS, 34925, 50000})  # Deflate's second number, LZMA, Zstandard
# Pillow decodes these as it stands: JPEG, fax, palettes and the like, of at most 8 bits.
_PILLOWS_COMPRESSIONS = PACKED | {2, 3, 4, 6, 7, 32809}
_PILLOWS_COLOURS = frozenset({WHITE_IS_ZERO, GREY, RGB, PALETTE, CMYK, YCBCR, LAB})


@dataclass(frozen=True)
class Page:
    """One picture of a TIFF.

    Attributes:
        offset: Where its directory is.
        order: ``<`` or ``>``.
        big: Whether it is BigTIFF.
        data: The whole file.
        tags: Of those that are read here, the type's code, how many values there are and where.
    """

    offset: int
    order: str
    big: bool
    data: bytes = field(repr=False)
    tags: Mapping[int, tuple[str, int, int]] = field(repr=False)

    def one(self, tag: int, default: int = 0) -> int:
        """A tag's first value."""
        return self.all(tag, 1)[0] if tag in self.tags else default

    def all(self, tag: int, most: int = _MOST_VALUES) -> Sequence[int]:
        """A tag's values, none where it is not there; they are unpacked only now, for one page and not for all.

        Raises:
            struct.error: The file ends before them.
        """
        code, count, at = self.tags.get(tag, ("B", 0, 0))
        if code == "B":
            return self.data[at : at + count]
        return struct.unpack_from(f"{self.order}{min(count, most)}{code}", self.data, at)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.one(WIDTH), self.one(HEIGHT)

    @property
    def samples(self) -> int:
        """Values of each pixel."""
        return self.one(SAMPLES, 1)

    @property
    def bits(self) -> int:
        """Of each value, 0 where they differ."""
        bits = set(self.all(BITS, min(self.samples, _MOST_SAMPLES)) or (1,))
        return bits.pop() if len(bits) == 1 else 0

    @property
    def format(self) -> int:
        """``UNSIGNED``, ``SIGNED`` or ``FLOAT`` for what is read here."""
        return {4: UNSIGNED}.get(self.one(FORMAT, UNSIGNED), self.one(FORMAT, UNSIGNED))

    @property
    def colours(self) -> int:
        """Values of a pixel that are no extra ones; 0 where they are not read here."""
        return {WHITE_IS_ZERO: 1, GREY: 1, RGB: 3, CMYK: 4}.get(self.one(PHOTOMETRIC), 0)

    @property
    def is_whole(self) -> bool:
        """Whether it is neither a smaller version of another page nor a mask."""
        old = self.one(SUBFILE_TYPE) == _OLD_REDUCED
        return not (self.one(NEW_SUBFILE_TYPE) & (_REDUCED | _MASK) or old or self.one(PHOTOMETRIC) == _MASK)

    @property
    def is_plain(self) -> bool:
        """Whether Pillow reads it right."""
        plain = {self.bits} <= {1, 2, 4, 8} and self.format in {UNSIGNED, SIGNED}
        known = self.one(PHOTOMETRIC) in _PILLOWS_COLOURS and self.one(COMPRESSION, RAW) in _PILLOWS_COMPRESSIONS
        # Planes with alpha, greys that were multiplied with it, and big-endian BigTIFF are beyond it.
        beyond = self.one(PLANAR, 1) == 2 or (self.samples == 2 and self.one(EXTRA) == 1)
        beyond = beyond or (self.big and self.order == ">")
        return plain and known and not (beyond and self.is_deep)

    @property
    def is_deep(self) -> bool:
        """Whether ``nst.pictures.formats.tiff`` reads it."""
        depths = {16, 32, 64} if self.format == FLOAT else {*range(1, 17), 32}
        known = self.colours and self.one(COMPRESSION, RAW) in PACKED and self.format in {UNSIGNED, SIGNED, FLOAT}
        return bool(known and self.bits in depths and self.colours <= self.samples <= _MOST_SAMPLES)

    @property
    def is_cut_off(self) -> bool:
        """Whether the file ends before its pixels do."""
        tiled = TILE_OFFSETS in self.tags
        try:
            offsets = self.all(TILE_OFFSETS if tiled else STRIP_OFFSETS)
            sizes = self.all(TILE_BYTES if tiled else STRIP_BYTES)
        except struct.error:
            return True
        return any(offset + size > len(self.data) for offset, size in zip(offsets, sizes, strict=False))

    @property
    def is_readable(self) -> bool:
        """Whether it is, as far as its directory says."""
        try:
            return self.is_plain or self.is_deep
        except struct.error:
            return False

    @property
    def name(self) -> str:
        """What kind it is, for people."""
        if self.one(PHOTOMETRIC) in {SENSOR, LINEAR_RAW}:
            return "camera RAW"
        bits = str(self.bits or "/".join(map(str, self.all(BITS, _MOST_SAMPLES))))
        words = [_PHOTOMETRICS.get(self.one(PHOTOMETRIC), ""), f"{bits} bit"]
        words += [_FORMATS.get(self.format, ""), _COMPRESSIONS.get(self.one(COMPRESSION, RAW), "")]
        return f"TIFF ({' '.join(word for word in words if word)})"


def main_page(data: bytes) -> tuple[Page, int]:
    """The picture that a TIFF is meant to show, and how many others could be meant as well.

    That is the largest of those that are neither smaller versions nor masks; the first of equals. Where it is one of
    a sensor's raw data, a smaller version stands for it, if it has half the side.

    Raises:
        UserError: ``image_format_unsupported``, with the kind's name.
        SyntaxError, LookupError, struct.error: It is damaged.
    """
    found = [page for page in pages(data) if min(page.size) > 0]
    whole = sorted((page for page in found if page.is_whole), key=_area, reverse=True)
    readable = [page for page in whole or found if page.is_readable]
    if readable and (not whole or 4 * _area(readable[0]) >= _area(whole[0])):
        best = max(readable, key=_area)
        return best, sum(4 * _area(page) >= _area(best) for page in readable) - 1
    for page in sorted(found, key=_area, reverse=True):
        if page.is_readable and 4 * _area(page) >= _area(whole[0]):
            return page, 0
    if not found:
        raise SyntaxError("no picture")
    dng = any(DNG_VERSION in page.tags for page in found)
    raise unsupported("DNG (camera RAW)" if dng else max(whole or found, key=_area).name)


def _area(page: Page) -> int:
    width, height = page.size
    return width * height


def pages(data: bytes) -> list[Page]:
    """All directories of a TIFF, those below others included.

    Raises:
        SyntaxError, struct.error: It is damaged.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    waiting = [struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)[0]]
    found: dict[int, Page] = {}
    while waiting and len(found) < _MOST_DIRECTORIES:
        offset = waiting.pop(0)
        if offset and offset not in found and offset < len(data):
            found[offset], after = _page(data, offset, order, big)
            waiting += [*_below(found[offset]), after]
    return list(found.values())


def orientation(exif: bytes) -> int:
    """How EXIF says that a picture is turned, 1 to 8; 1 where it says nothing, or is no EXIF.

    As browsers read it: one number of 16 bits, whatever else in there is damaged.
    """
    start = 6 if exif.startswith(b"Exif\0\0") else 0
    if exif[start : start + 4] not in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return 1
    try:
        first = pages(exif[start:])[0]
        code, count, _ = first.tags.get(ORIENTATION, ("", 0, 0))
        return first.one(ORIENTATION) if (code, count) == ("H", 1) else 1
    except (struct.error, IndexError):
        return 1


def _below(page: Page) -> Sequence[int]:
    try:
        return page.all(SUB_IFDS, _MOST_DIRECTORIES)
    except struct.error:
        return ()


def _page(data: bytes, offset: int, order: str, big: bool) -> tuple[Page, int]:
    """A directory, and where the next one is; one that is cut off has what there is of it."""
    count_code, place_code = ("Q", "Q") if big else ("H", "I")
    tags: dict[int, tuple[str, int, int]] = {}
    page = Page(offset, order, big, data, tags)
    try:
        (entries,) = struct.unpack_from(order + count_code, data, offset)
        at, room = offset + struct.calcsize(order + count_code), struct.calcsize(order + place_code)
        for _ in range(min(entries, _MOST_ENTRIES)):
            tag, kind, count = struct.unpack_from(order + "HH" + place_code, data, at)
            at += 4 + room
            code = _CODES.get(kind)
            if tag in _READ and code and 0 < count <= len(data):
                # Values are where the entry ends or, if that has no room for them, elsewhere.
                far = count * struct.calcsize(order + code) > room
                tags[tag] = (code, count, struct.unpack_from(order + place_code, data, at)[0] if far else at)
            at += room
        return page, struct.unpack_from(order + place_code, data, at)[0]
    except struct.error:
        return page, 0
