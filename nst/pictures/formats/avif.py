"""AVIF: read whatever its EXIF is, in the colours of its nclx box."""

from __future__ import annotations

import io
import struct

from PIL import AvifImagePlugin

from nst.pictures.formats.code_points import still_profile

_NCLX = b"colrnclx"
_MOST_HEAD_BYTES = 1 << 16


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
        if not self.info.get("icc_profile"):
            # Pillow does not say it. The picture's own is the first: what is added (opacity, gain maps) comes after it.
            kind, _, said = data[:_MOST_HEAD_BYTES].partition(_NCLX)
            profile = still_profile(*struct.unpack(">HH", said[:4])) if kind and len(said) >= 4 else None
            if profile:
                self.info["icc_profile"] = profile
