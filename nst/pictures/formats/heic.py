"""HEIC: large pictures are reduced strip by strip as they leave libheif, whose own copy is the only whole one."""

from __future__ import annotations

from functools import cache
from typing import IO, Any

from PIL import Image, ImageFile

from nst.errors import UserError
from nst.pictures.formats.code_points import still_profile

_LARGE_PX = 24_000_000
_ROWS = 256


def open_heic(file: IO[bytes]) -> ImageFile.ImageFile:
    """Open a HEIC, or an AVIF where Pillow cannot.

    Raises:
        UserError: ``image_heic_unavailable``.
    """
    return _reader()(file)


def heic_is_readable() -> bool:
    """Whether the reader is installed here."""
    try:
        return bool(_reader())
    except UserError:
        return False


@cache
def _reader() -> type[ImageFile.ImageFile]:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise UserError("image_heic_unavailable") from error

    class HeicFile(HeifImageFile):
        """A HEIC; after ``draft`` a large one is reduced while it is loaded."""

        _factor = 1

        def _open(self) -> None:
            super()._open()  # type: ignore[no-untyped-call]
            said = self.info.get("nclx_profile")
            if said and not self.info.get("icc_profile"):
                self.info["icc_profile"] = still_profile(said["color_primaries"], said["transfer_characteristics"])

        def draft(self, mode: str | None, size: tuple[int, int] | None) -> None:
            """Reduce it by a whole number, if it stays twice as large as this or larger."""
            if size and self.width * self.height > _LARGE_PX:
                self._factor = max(1, min(self.width // size[0], self.height // size[1]) // 2)

        def load(self) -> Any:
            """Decode."""
            if self._factor == 1 or self._heif_file is None:
                return super().load()  # type: ignore[no-untyped-call]
            frame = self._heif_file[self.tell()]
            rows = self._factor * max(1, _ROWS // self._factor)
            data, (width, height) = frame.data, frame.size  # the size may change while it is decoded
            made = Image.new(frame.mode, (-(-width // self._factor), -(-height // self._factor)))
            for top in range(0, height, rows):
                size = (width, min(rows, height - top))
                part = data[top * frame.stride : (top + size[1]) * frame.stride]
                strip = Image.frombytes(frame.mode, size, part, "raw", (frame.mode, frame.stride))
                made.paste(strip.reduce(self._factor), (0, top // self._factor))
            self._heif_file, self._factor = None, 1
            self.im, self._mode, self._size = made.im, made.mode, made.size
            return Image.Image.load(self)

    return HeicFile
