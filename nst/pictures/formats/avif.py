"""AVIF: read whatever its EXIF is."""

from __future__ import annotations

import io
import struct

from PIL import AvifImagePlugin


class AvifFile(AvifImagePlugin.AvifImageFile):
    """An AVIF; Pillow refuses those whose EXIF is none."""

    def _open(self) -> None:
        data = self.fp.read()  # type: ignore[union-attr]
        self.fp = io.BytesIO(data)
        try:
            super()._open()
        except (SyntaxError, ValueError, LookupError, TypeError, struct.error):
            # Items come first, by their types; those of a type that nobody knows are passed over.
            self.fp = io.BytesIO(data.replace(b"Exif", b"none", 1))
            super()._open()
