"""TIFF: the one picture of its pages that is meant, and every depth of it.

Pillow reads up to 8 bits. What is deeper or stored in planes is unpacked here, strip by strip, and brought to 8 bits
at once. Compression is left to libtiff: a strip is handed to Pillow as a grey picture of its own, of bytes.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from PIL import Image, ImageFile, TiffImagePlugin

from nst.pictures.formats import tiff_pages as pages
from nst.pictures.formats.cut_off import replace, stand_in
from nst.pictures.formats.tiff_pages import Page, main_page
from nst.pictures.signature import unsupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

# In ``info``: how many other pages could have been meant.
OTHER_PAGES = "other_pages"
_ASSOCIATED, _ALPHA = 1, 2
_ROWS = 256  # unpacked at once


def open_tiff(file: IO[bytes]) -> ImageFile.ImageFile:
    """Open the page of a TIFF that is meant."""
    data = file.read()
    page, others = main_page(data)
    # As if the file began with it.
    place = struct.pack(page.order + "Q", page.offset) if data[2:4] in {b"+\0", b"\0+"} else b""
    head = data[:8] + place if place else data[:4] + struct.pack(page.order + "I", page.offset)
    data = head + data[len(head) :]
    image = _opened(data, page)
    if image is None:
        raise unsupported(page.name)
    if others:
        image.info[OTHER_PAGES] = others
    return image


def _opened(data: bytes, page: Page) -> ImageFile.ImageFile | None:
    if page.is_plain and not (page.is_deep and page.is_cut_off):
        try:
            return PlainTiffFile(io.BytesIO(data))
        except SyntaxError:  # a mode that Pillow has not
            if not {pages.STRIP_OFFSETS, pages.TILE_OFFSETS} & page.tags.keys():
                raise
    return DeepTiffFile(io.BytesIO(data), page) if page.is_deep else None


class PlainTiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF as Pillow reads it."""

    def _setup(self) -> None:
        super()._setup()
        if self._compression == "raw" and self.tag_v2.get(pages.PHOTOMETRIC) == pages.YCBCR:
            # Pillow's own reader takes no notice of chroma's lower resolution; libtiff does.
            self._mode, self.use_load_libtiff = "RGB", True
            box = (0, 0, *self._tile_size)
            self.tile = [ImageFile._Tile("libtiff", box, 0, ("RGBX", False, self.tag_v2.offset))]


class DeepTiffFile(ImageFile.ImageFile):
    """A TIFF of any depth, in planes or not; its mode is L, LA, RGB, RGBA or CMYK.

    Args:
        file: The whole of it.
        page: Which of its pictures.
    """

    format = "TIFF"
    format_description = "Adobe TIFF"

    def __init__(self, file: IO[bytes], page: Page) -> None:
        self._page = page
        super().__init__(file)

    def _open(self) -> None:
        self._size = self._page.size
        self.info["exif"] = self.fp.read()  # type: ignore[union-attr]  # TIFF is what EXIF is written in
        self._alpha = _alpha_kind(self._page)
        self._mode = {1: "L", 3: "RGB", 4: "CMYK"}[self._page.colours] + ("A" if self._alpha else "")
        profile = self._page.all(pages.ICC_PROFILE)
        if isinstance(profile, bytes) and profile:
            self.info["icc_profile"] = profile

    def load(self) -> Any:
        """Decode.

        Raises:
            OSError: The data are damaged, or too much of them is lacking.
        """
        if self._im is None:
            pixels, lacking = _pixels(self._page.data, self._page)
            colours = self._page.colours
            levels = pixels[..., : colours + bool(self._alpha)]
            if self._page.one(pages.PHOTOMETRIC) == pages.WHITE_IS_ZERO and self._page.format != pages.FLOAT:
                levels[..., 0] = 255 - levels[..., 0]
            if self._alpha == _ASSOCIATED:
                _divide(levels)
            replace(self, Image.fromarray(levels.squeeze(axis=2) if levels.shape[2] == 1 else levels, self.mode))
            if lacking.any():
                stand_in(self, lacking[:, None].repeat(self.width, axis=1))
        return Image.Image.load(self)


def _alpha_kind(page: Page) -> int:
    """Of the first value beyond the colours: 0 for none."""
    if page.samples <= page.colours or page.colours == 4:
        return 0
    # Without a word about it the fourth value of RGB is taken for alpha, as everybody does.
    kind = page.one(pages.EXTRA, _ALPHA if page.colours == 3 else 0)
    return kind if kind in {_ASSOCIATED, _ALPHA} else 0


def _divide(levels: Bytes) -> None:
    """Take out the alpha that colours were multiplied with."""
    import numpy as np

    for top in range(0, len(levels), _ROWS):
        part = levels[top : top + _ROWS]
        alpha = np.maximum(part[..., -1:], 1).astype(np.uint16)
        part[..., :-1] = np.minimum((part[..., :-1].astype(np.uint16) * 255 + alpha // 2) // alpha, 255)


def _pixels(data: bytes, page: Page) -> tuple[Bytes, NDArray[np.bool_]]:
    """Levels of 8 bits, ``[h, w, samples]``, and which rows the file did not come to."""
    import numpy as np

    width, height = page.size
    floats = page.format == pages.FLOAT
    made = np.zeros((height, width, page.samples), np.float32 if floats else np.uint8)
    lacking = np.zeros(height, bool)
    for top, left, planes, raw, rows, columns in _parts(data, page):
        values, there = _values(raw, page, rows, columns, planes.stop - planes.start)
        part = made[top : top + rows, left : left + columns, planes]
        part[...] = (values if floats else _levels(values, page))[: part.shape[0], : part.shape[1]]
        lacking[top + there : top + rows] = True
    if not floats:
        return made, lacking
    made = np.nan_to_num(made, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return np.rint(np.clip(made / full_scale(made), 0, 1) * 255).astype(np.uint8), lacking


def full_scale(values: NDArray[Any]) -> float:
    """What counts as white where no number of bits says so: the least of the usual ones that holds all."""
    highest = float(values.max())
    return next((scale for scale in (1.0, 255.0, 65535.0) if highest <= scale), highest)


def _parts(data: bytes, page: Page) -> Iterator[tuple[int, int, slice, bytes, int, int]]:
    """Every strip or tile: its place, which samples it has, its bytes, its rows and columns."""
    width, height = page.size
    tiled = pages.TILE_OFFSETS in page.tags
    rows = page.one(pages.TILE_HEIGHT) if tiled else min(page.one(pages.ROWS_PER_STRIP, height) or height, height)
    columns = page.one(pages.TILE_WIDTH) if tiled else width
    offsets = page.all(pages.TILE_OFFSETS if tiled else pages.STRIP_OFFSETS)
    sizes = page.all(pages.TILE_BYTES if tiled else pages.STRIP_BYTES) or (len(data),) * len(offsets)
    if rows < 1 or columns < 1 or rows * columns > 4 * max(width * height, 1 << 16):
        raise SyntaxError("strange tiles")
    apart = page.one(pages.PLANAR, 1) == 2
    groups = [slice(n, n + 1) for n in range(page.samples)] if apart else [slice(0, page.samples)]
    places = [
        (group, top, left) for group in groups for top in range(0, height, rows) for left in range(0, width, columns)
    ]
    for (group, top, left), offset, size in zip(places, offsets, sizes, strict=False):
        deep = rows if tiled else min(rows, height - top)
        yield top, left, group, data[offset : offset + size], deep, columns
    if len(offsets) < len(places) or len(sizes) < len(places):
        raise OSError("strips are lacking")


def _values(raw: bytes, page: Page, rows: int, columns: int, samples: int) -> tuple[NDArray[Any], int]:
    """A part's numbers as stored, ``[rows, columns, samples]``, and how many of its rows are there."""
    import numpy as np

    row_bytes = (columns * samples * page.bits + 7) // 8
    raw = _unpacked(raw, page, rows, row_bytes)
    there = len(raw) // row_bytes
    stored = np.frombuffer(raw[: rows * row_bytes].ljust(rows * row_bytes, b"\0"), np.uint8).reshape(rows, row_bytes)
    packed = page.one(pages.COMPRESSION, pages.RAW) not in {pages.RAW, pages.PACK_BITS}
    predictor = page.one(pages.PREDICTOR, 1) if packed else 1
    if predictor == 3 and page.format == pages.FLOAT:
        # Differences of bytes, the highest bytes of a whole row first (Adobe's technical note 3).
        sums = np.add.accumulate(stored.reshape(rows, -1, samples), axis=1, dtype=np.uint8)
        apart = sums.reshape(rows, page.bits // 8, columns * samples)
        values = np.ascontiguousarray(apart.transpose(0, 2, 1)).view(f">f{page.bits // 8}")
        return values.reshape(rows, columns, samples), there
    if page.bits not in {8, 16, 32, 64}:
        return _split(stored, page.bits, columns * samples).reshape(rows, columns, samples), there
    kind = {pages.UNSIGNED: "u", pages.SIGNED: "i", pages.FLOAT: "f"}[page.format]
    values = stored.view(f"{page.order}{kind}{page.bits // 8}").reshape(rows, columns, samples)
    if predictor == 2:
        values = np.add.accumulate(values, axis=1, dtype=values.dtype.newbyteorder("="))
    return values, there


def _unpacked(raw: bytes, page: Page, rows: int, row_bytes: int) -> bytes:
    compression, reversed_bits = page.one(pages.COMPRESSION, pages.RAW), page.one(pages.FILL_ORDER, 1) == 2
    if compression == pages.RAW:
        return raw.translate(_REVERSED) if reversed_bits else raw
    if compression in {pages.DEFLATE, 32946} and not reversed_bits:
        return zlib.decompressobj().decompress(raw, rows * row_bytes)
    entries = {
        pages.WIDTH: row_bytes,
        pages.HEIGHT: rows,
        pages.BITS: 8,
        pages.COMPRESSION: compression,
        pages.PHOTOMETRIC: pages.GREY,
        pages.FILL_ORDER: 1 + reversed_bits,
        pages.STRIP_OFFSETS: 8 + 2 + 10 * 12 + 4,
        pages.SAMPLES: 1,
        pages.ROWS_PER_STRIP: rows,
        pages.STRIP_BYTES: len(raw),
    }
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    alone = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(4) + raw
    try:
        return TiffImagePlugin.TiffImageFile(io.BytesIO(alone)).tobytes()
    except OSError:
        if not page.is_cut_off:
            raise
        return b""  # libtiff gives all of a strip or nothing


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _split(stored: Bytes, bits: int, count: int) -> NDArray[Any]:
    """Numbers of any number of bits, the first one in the highest bits; rows begin with a byte."""
    import numpy as np

    made = np.empty((len(stored), count), np.uint16)
    weights = 1 << np.arange(bits - 1, -1, -1, dtype=np.uint16)
    for top in range(0, len(stored), _ROWS):
        part = np.unpackbits(stored[top : top + _ROWS], axis=1, count=count * bits)
        made[top : top + _ROWS] = part.reshape(len(part), count, bits) @ weights
    return made


def _levels(values: NDArray[Any], page: Page) -> Bytes:
    """Whole numbers as levels of 8 bits; of signed ones as ImageMagick takes them."""
    import numpy as np

    bits = page.bits
    if page.format == pages.SIGNED and bits == 16 and page.colours == 1:
        values = values.astype(np.int32) + 0x8000
    elif page.format == pages.SIGNED and bits in {8, 16, 32}:
        values = np.ascontiguousarray(values).view(values.dtype.str.replace("i", "u"))
    if bits > 16:
        return (values >> (bits - 8)).astype(np.uint8)
    if bits == 8:
        return values.astype(np.uint8)
    highest = (1 << bits) - 1
    return ((values.astype(np.uint32) * 255 + highest // 2) // highest).astype(np.uint8)
