"""JPEG: read as far as it goes, and without what only other programs need."""

from __future__ import annotations

import io
from typing import Any

from PIL import JpegImagePlugin

from nst.pictures.formats.cut_off import stand_in
from nst.pictures.signature import unsupported

_END = b"\xff\xd9"
_SCAN = b"\xff\xda"
# ITU T.81, table B.1: "Start of Frame".
_KINDS = {0xC0: "sequential", 0xC1: "sequential", 0xC2: "progressive"} | {
    marker: "lossless" if marker & 3 == 3 else "arithmetic" if marker > 0xC8 else "hierarchical"
    for marker in (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
}
_KINDS[0xF7] = "LS"  # ITU T.87
_READ = frozenset({"sequential", "progressive", "arithmetic"})
_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})  # markers without a length, and no markers
_REMARKS = frozenset({*range(0xE0, 0xF0), 0xFE})
_EXIF = (0xE1, b"Exif\0\0")
# Of these what else decides about colours, and from what length on it is taken for that.
_HEEDED = {
    0xE0: (b"JFIF\0", 14),
    0xE2: (b"ICC_PROFILE\0", 14),
    0xEE: (b"Adobe", 12),
}
_MOST_SEGMENTS = 10_000
_SEVERAL = 2  # only hierarchical ones may have more headers than one in front of their first scan
# libjpeg leaves blocks that the file did not come to at the middle of the range.
_GREY = (127, 128)


class JpegFile(JpegImagePlugin.JpegImageFile):
    """A JPEG; one that ends too early is loaded as far as it goes."""

    def _open(self) -> None:
        self._data, kind, exif = _without_strange_segments(self.fp.read())  # type: ignore[union-attr]
        if kind not in _READ:
            raise unsupported(f"JPEG ({kind})")
        self._progressive = kind == "progressive"
        self._ended = False
        self.fp = io.BytesIO(self._data)
        super()._open()
        self.info["exif"] = exif  # which Pillow has not seen: it would refuse pictures for it
        self._scan_at = self.fp.tell()

    def load_read(self, read_bytes: int) -> bytes:
        """What the decoder gets next: behind the last byte an end marker, once."""
        data = super().load_read(read_bytes)
        if data or self._ended:
            return data
        self._ended = True
        return _END

    def load(self) -> Any:
        """Decode.

        Raises:
            OSError: The data are damaged, or too much of them is lacking.
        """
        tiles = self.tile
        try:
            pixels = super().load()
        except OSError:
            if not self._ended:
                raise
            # It ended within a marker, which swallowed the end marker that was put behind it.
            self.fp, self.tile = io.BytesIO(self._data[: self._data.rfind(b"\xff")] + _END), tiles
            pixels = super().load()
        if tiles and self._data.find(_END, self._scan_at) < 0:
            self._mend()
        return pixels

    def _mend(self) -> None:
        import numpy as np

        scans = 1 + self._data.count(_SCAN, self._scan_at)
        if self._progressive and scans <= len(self.layer) + 1:
            raise OSError("only the coarsest of the picture is there")
        grey = np.isin(np.asarray(self), _GREY).reshape(self.height, self.width, -1).all(axis=2)
        scale = self.decoderconfig[0] if self.decoderconfig else 1
        across, down = (max(1, max(8 * layer[axis] for layer in self.layer) // scale) for axis in (1, 2))
        padded = np.pad(grey, ((0, -self.height % down), (0, -self.width % across)), mode="edge")
        blocks = padded.reshape(padded.shape[0] // down, down, -1, across).mean(axis=(1, 3)) > 0.5
        blocks = np.logical_and.accumulate(blocks[::-1], axis=0)[::-1]
        lacking = blocks.repeat(down, axis=0).repeat(across, axis=1)[: self.height, : self.width]
        # Chroma of a lower resolution tints its neighbours: a pixel around is lacking as well.
        lacking[:-1] |= lacking[1:]
        lacking[:, :-1] |= lacking[:, 1:]
        # Of small files, which are half header, a percent is much of the picture.
        stand_in(self, lacking, float(blocks.mean()) * (1 - self._scan_at / len(self._data)))


def _without_strange_segments(data: bytes) -> tuple[bytes, str, bytes]:
    """A JPEG without the segments that its decoder does not heed, its kind as ``_KINDS`` names it, and its EXIF."""
    kept, at, kind, exif, frames = [data[:2]], 2, "sequential", b"", 0
    for _ in range(_MOST_SEGMENTS):
        start = data.find(b"\xff", at)
        while data[start + 1 : start + 2] == b"\xff":
            start += 1
        marker = data[start + 1] if 0 <= start < len(data) - 1 else _SCAN[1]
        end = start + 2
        if marker not in _BARE:
            end += int.from_bytes(data[end : end + 2], "big")
        if marker in {_SCAN[1], _END[1]} or end > len(data) or end < start + 2:
            break
        if marker in _KINDS:
            frames += 1
            bits = int.from_bytes(data[start + 4 : start + 5], "big")
            kind = _KINDS[marker] if bits == 8 else f"{bits} bit"
        if not exif and marker == _EXIF[0] and data.startswith(_EXIF[1], start + 4):
            exif = data[start + 4 : end]
        if _is_heeded(marker, data[start + 4 : end]):
            kept.append(data[start:end])
        at = end
    kept.append(data[at:])
    return b"".join(kept), kind if frames < _SEVERAL else "several frames", exif


def _is_heeded(marker: int, body: bytes) -> bool:
    if marker not in _REMARKS:
        return True
    name, least = _HEEDED.get(marker, (b"", len(body) + 1))
    return body.startswith(name) and len(body) >= least
