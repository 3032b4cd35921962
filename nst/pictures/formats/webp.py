"""WEBP: still pictures are read by libwebp itself: as far as they go, and large ones reduced while they are decoded.

Pillow has a word for neither. Its own reader is for animations: it keeps three copies of a picture. The library is the
one that Pillow brings along; where that cannot be reached (Windows, where it is part of Pillow's module) Pillow reads
these pictures as well.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator
from functools import cache
from typing import IO, Any

from PIL import Image, ImageFile, WebPImagePlugin

from nst.pictures.formats.cut_off import stand_in
from nst.pictures.signature import declared_size

_LARGE_PX = 24_000_000
_ANIMATED = 0x02
_ALPHA_IN_LOSSLESS = 0x10
_NAMES = {b"ICCP": "icc_profile", b"EXIF": "exif"}
# webp/decode.h; versions of one major number are compatible.
_ABI_VERSION = 0x0200
_MODE_RGB, _MODE_RGBA = 0, 1
_ENDED = frozenset({5, 7})  # suspended; not enough data


class _Features(ctypes.Structure):
    _fields_ = [("known", ctypes.c_int * 5), ("pad", ctypes.c_uint32 * 5)]


class _Pixels(ctypes.Structure):
    _fields_ = [("rgba", ctypes.c_void_p), ("stride", ctypes.c_int), ("size", ctypes.c_size_t)]


class _Planes(ctypes.Structure):
    _fields_ = [("planes", ctypes.c_void_p * 4), ("strides", ctypes.c_int * 4), ("sizes", ctypes.c_size_t * 4)]


class _Room(ctypes.Union):
    _fields_ = [("pixels", _Pixels), ("planes", _Planes)]


class _Output(ctypes.Structure):
    _fields_ = [
        ("colorspace", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("is_external_memory", ctypes.c_int),
        ("room", _Room),
        ("pad", ctypes.c_uint32 * 4),
        ("private_memory", ctypes.c_void_p),
    ]


class _Options(ctypes.Structure):
    _fields_ = [
        ("filtering_and_cropping", ctypes.c_int * 7),
        ("use_scaling", ctypes.c_int),
        ("scaled_width", ctypes.c_int),
        ("scaled_height", ctypes.c_int),
        ("threads_dithering_flip", ctypes.c_int * 4),
        ("pad", ctypes.c_uint32 * 5),
    ]


class _Config(ctypes.Structure):
    _fields_ = [("input", _Features), ("output", _Output), ("options", _Options)]


@cache
def _library() -> ctypes.CDLL | None:
    from PIL import _webp

    library = ctypes.CDLL(_webp.__file__)
    known = all(hasattr(library, name) for name in ("WebPInitDecoderConfigInternal", "WebPDecode", "WebPIDecode"))
    return library if known else None


def open_webp(file: IO[bytes]) -> ImageFile.ImageFile:
    """Open a WEBP."""
    data = file.read()
    animated = data[12:16] == b"VP8X" and data[20:21] and data[20] & _ANIMATED
    if not animated and _library():
        return StillWebpFile(io.BytesIO(data))
    return WebPImagePlugin.WebPImageFile(io.BytesIO(_whole_frames(data) if animated else data))


class StillWebpFile(ImageFile.ImageFile):
    """A still WEBP; one that ends too early is loaded as far as it goes, a large one after ``draft`` into that size."""

    format = "WEBP"
    format_description = "WebP image"
    n_frames = 1

    def _open(self) -> None:
        self._data = self.fp.read()  # type: ignore[union-attr]
        size = declared_size(self._data, "WEBP")
        chunks = dict(_chunks(self._data))
        if size is None or not chunks.keys() & {b"VP8 ", b"VP8L"}:
            raise SyntaxError("no picture")
        for name, key in _NAMES.items():
            if chunks.get(name):
                self.info[key] = chunks[name]
        lossless = chunks.get(b"VP8L", b"")
        self._mode = "RGBA" if b"ALPH" in chunks or (lossless[4:5] and lossless[4] & _ALPHA_IN_LOSSLESS) else "RGB"
        self._size = self._stored = size

    def draft(self, mode: str | None, size: tuple[int, int] | None) -> None:
        """Have it decoded into this size or twice that, where it is larger still."""
        if size and self._im is None and self.width * self.height > _LARGE_PX:
            twice = (2 * size[0], 2 * size[1])
            self._size = twice if twice[0] < self.width and twice[1] < self.height else self._size

    def load(self) -> Any:
        """Decode.

        Raises:
            OSError: The data are damaged, or too much of them is lacking.
        """
        if self._im is None:
            made, there = self._decoded()
            self.im = made.im
            if there < self.height:
                import numpy as np

                stand_in(self, (np.arange(self.height) >= there)[:, None].repeat(self.width, axis=1))
        return Image.Image.load(self)

    def _decoded(self) -> tuple[Image.Image, int]:
        """The pixels, and how many rows the file came to."""
        library: Any = _library()
        bands = len(self.mode)
        pixels = bytearray(self.width * self.height * bands)
        config, there = _Config(), self.height
        if not library.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI_VERSION):
            raise OSError("libwebp of another version")
        config.options.use_scaling = int(self.size != self._stored)
        config.options.scaled_width, config.options.scaled_height = self.size
        output = config.output
        output.colorspace = _MODE_RGBA if bands == 4 else _MODE_RGB
        output.is_external_memory = 1
        output.room.pixels.rgba = ctypes.addressof(ctypes.c_char.from_buffer(pixels))
        output.room.pixels.stride, output.room.pixels.size = self.width * bands, len(pixels)
        status = library.WebPDecode(self._data, ctypes.c_size_t(len(self._data)), ctypes.byref(config))
        if status in _ENDED:
            status, there = _as_far_as_it_goes(library, self._data, config)
        if status == 1:
            raise MemoryError
        if status:
            raise OSError(f"libwebp says {status}")
        return Image.frombuffer(self.mode, self.size, pixels, "raw", self.mode, 0, 1), there


def _as_far_as_it_goes(library: Any, data: bytes, config: _Config) -> tuple[int, int]:
    """Decode again, row by row; libwebp's word for what came of it, and how many rows there are."""
    library.WebPIDecode.restype = ctypes.c_void_p
    reader = ctypes.c_void_p(library.WebPIDecode(None, ctypes.c_size_t(0), ctypes.byref(config)))
    if not reader:
        return 1, 0
    rows = ctypes.c_int(0)
    status = library.WebPIUpdate(reader, data, ctypes.c_size_t(len(data)))
    library.WebPIDecGetRGB.restype = ctypes.c_void_p
    if not library.WebPIDecGetRGB(reader, ctypes.byref(rows), None, None, None):
        rows.value = 0
    library.WebPIDelete(reader)
    return 0 if status in _ENDED else status, rows.value


def _whole_frames(data: bytes) -> bytes:
    """An animation without the frame within which its file ends."""
    at, size = 12, int.from_bytes(data[4:8], "little")
    if size + 8 <= len(data):
        return data
    for _, body in _chunks(data):
        after = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        if after - at - 8 > len(body):
            break
        at = after + (after & 1)
    return data[:4] + (at - 8).to_bytes(4, "little") + data[8:at]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)
