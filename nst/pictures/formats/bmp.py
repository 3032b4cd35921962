"""BMP of every header, depth and bit field, as Chromium shows it; but what is transparent everywhere is opaque."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFile

from nst.pictures.formats.cut_off import replace, stand_in
from nst.pictures.signature import unsupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

_FILE_HEADER = 14
_CORE = 12  # OS/2's: sides of 16 bits, colours of 3 bytes
_WITHOUT_MASKS, _WITH_ALPHA = 40, 56
_RAW, _RLE8, _RLE4, _FIELDS, _ALPHA_FIELDS = 0, 1, 2, 3, 6
_OTHERS = {4: "JPEG", 5: "PNG"}
_DEPTHS = {_RLE8: (8,), _RLE4: (4,), _FIELDS: (16, 24, 32), _ALPHA_FIELDS: (16, 32), _RAW: (1, 2, 4, 8, 16, 24, 32)}
_PLAIN = {16: (0x7C00, 0x3E0, 0x1F, 0), 24: (0xFF0000, 0xFF00, 0xFF, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}


class BmpFile(ImageFile.ImageFile):
    """A BMP; one that ends too early is loaded as far as it goes. Its mode is RGB or RGBA."""

    format = "BMP"
    format_description = "Windows Bitmap"

    def _open(self) -> None:
        data = self._data = self.fp.read()  # type: ignore[union-attr]
        start, header = struct.unpack_from("<II", data, 10)
        sides = "<HHHH" if header == _CORE else "<iiHH"
        width, height, _, self._bits = struct.unpack_from(sides, data, _FILE_HEADER + 4)
        self._compression = struct.unpack_from("<I", data, 30)[0] if header > 16 else _RAW
        if self._compression in _OTHERS:
            raise unsupported(f"BMP ({_OTHERS[self._compression]})")
        if self._bits not in _DEPTHS.get(self._compression, ()) or width < 0:
            raise SyntaxError("no BMP")
        self._size, self._top_down = (width, abs(height)), height < 0
        self._masks = _masks(data, header, self._compression, self._bits)
        at = _FILE_HEADER + header
        if self._compression in {_FIELDS, _ALPHA_FIELDS} and header == _WITHOUT_MASKS:
            at += 12 if self._compression == _FIELDS else 16
        used = struct.unpack_from("<I", data, 46)[0] if header >= _WITHOUT_MASKS else 0
        entry, colours = 3 if header == _CORE else 4, min(used or 1 << self._bits, 256)
        self._table = data[at : at + entry * colours] if self._bits <= 8 else b""
        self._entry, self._start = entry, start or at + len(self._table)
        self._mode = "RGBA" if self._masks[3] else "RGB"

    def load(self) -> Any:
        """Decode.

        Raises:
            OSError: Too much of the data is lacking.
        """
        if self._im is None:
            import numpy as np

            stored, there = self._rows()
            pixels = self._coloured(stored)
            lacking = np.arange(self.height) >= there
            if not self._top_down:
                pixels, lacking = pixels[::-1], lacking[::-1]
            if pixels.shape[2] == 4 and not pixels[..., 3].any():
                pixels = pixels[..., :3]
            replace(self, Image.fromarray(np.ascontiguousarray(pixels)))
            if lacking.any():
                stand_in(self, lacking[:, None].repeat(self.width, axis=1))
        return Image.Image.load(self)

    def _rows(self) -> tuple[NDArray[Any], int]:
        """What is stored of each pixel, ``[h, w]`` or ``[h, w, 3]``, and how many rows the file has."""
        import numpy as np

        width, height = self.size
        if self._compression in {_RLE8, _RLE4}:
            return _runs(self._data[self._start :], width, height, self._compression == _RLE4)
        stride = (width * self._bits + 31) // 32 * 4
        raw = self._data[self._start : self._start + stride * height]
        # The last row's padding may be left out.
        there = (len(raw) + stride - (width * self._bits + 7) // 8) // stride
        rows = np.frombuffer(raw.ljust(stride * height, b"\0"), np.uint8).reshape(height, stride)
        if self._bits < 8:
            bits = np.unpackbits(rows, axis=1)[:, : width * self._bits].reshape(height, width, self._bits)
            return bits @ (1 << np.arange(self._bits - 1, -1, -1, dtype=np.uint8)), there
        if self._bits == 24:
            return rows[:, : width * 3].reshape(height, width, 3), there
        return rows.view(f"<u{self._bits // 8}")[:, :width], there

    def _coloured(self, stored: NDArray[Any]) -> Bytes:
        import numpy as np

        if self._bits <= 8:
            table = np.zeros((257, 3), np.uint8)  # the last for what runs leave out: black
            colours = len(self._table) // self._entry
            bgr = np.frombuffer(self._table[: colours * self._entry], np.uint8).reshape(colours, self._entry)
            table[:colours] = bgr[:, 2::-1]
            return np.asarray(table[stored])
        if self._bits == 24:
            return stored[..., ::-1]
        return np.stack([_field(stored, mask) for mask in self._masks[: len(self._mode)]], axis=2)


def _masks(data: bytes, header: int, compression: int, bits: int) -> tuple[int, ...]:
    """Where red, green, blue and alpha are; 0 for an alpha that is not."""
    if compression not in {_FIELDS, _ALPHA_FIELDS}:
        return _PLAIN.get(bits, (0, 0, 0, 0))
    masks = struct.unpack_from("<4I", data.ljust(70, b"\0"), 54)
    if header < _WITH_ALPHA and compression == _FIELDS:
        masks = (*masks[:3], 0)
    if not any(masks[:3]):
        return _PLAIN[bits]  # as some writers leave them
    for mask in masks:
        field = mask // (mask & -mask) if mask else 0
        if field & (field + 1):
            raise SyntaxError("bits of a field lie apart")
    return masks


def _field(stored: NDArray[Any], mask: int) -> Bytes:
    """One channel of packed pixels in 8 bits."""
    import numpy as np

    if mask == 0:
        return np.zeros(stored.shape, np.uint8)
    low, bits = (mask & -mask).bit_length() - 1, mask.bit_count()
    values = (stored & mask) >> low
    if bits > 8:
        return (values >> (bits - 8)).astype(np.uint8)
    levels = np.rint(np.arange(1 << bits) * 255 / ((1 << bits) - 1)).astype(np.uint8)
    return np.asarray(levels[values])


def _runs(data: bytes, width: int, height: int, halves: bool) -> tuple[NDArray[np.int16], int]:
    """Run-length encoded indices, ``[h, w]``, 256 where nothing was said; and how many rows the file has."""
    import numpy as np

    rows = np.full(width * height, 256, np.int16)
    at = x = y = 0
    ended = False
    while at + 1 < len(data) and y < height:
        count, value = data[at], data[at + 1]
        at += 2
        if count == 0 and value == 0:
            x, y = 0, y + 1
            continue
        if count == 0 and value == 1:
            ended = True
            break
        if count == 0 and value == 2:
            x, y = x + data[at], y + data[at + 1]
            at += 2
            continue
        if count:
            stored = bytes([value]) * (1 if halves else count)
        else:
            count, size = value, (value + 1) // 2 if halves else value
            stored = data[at : at + size]
            at += size + (size & 1)
        indices = _nibbles(stored, count) if halves else stored
        there = max(0, min(len(indices), width - x))
        rows[y * width + x : y * width + x + there] = np.frombuffer(indices[:there], np.uint8)
        x += count
    return rows.reshape(height, width), height if ended or y + (x >= width) >= height else y


def _nibbles(data: bytes, count: int) -> bytes:
    """The first halves of bytes, from the beginning again where they are too few."""
    pairs = [half for byte in data for half in (byte >> 4, byte & 15)]
    return bytes(pairs[i % len(pairs)] for i in range(count)) if pairs else b""
