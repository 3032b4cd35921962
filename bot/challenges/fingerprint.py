"""Perceptual hash of a picture: what looks the same has nearly the same hash. Pillow only.

The difference hash: the picture in grey at 9 × 8 pixels, one bit for each pixel that is brighter
than its right neighbour (N. Krawetz, "Kind of Like That", 2013).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping

from PIL import Image

_SIDE = 8
ALIKE_BITS = 6  # of 64: a re-encoded or resized copy differs by 0 to 3


def dhash(data: bytes) -> str:
    """The hash of an encoded picture: 16 hexadecimal digits."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (8 * _SIDE, 8 * _SIDE))
        small = image.convert("RGBA" if image.has_transparency_data else "L").convert("L")
        small = small.resize((_SIDE + 1, _SIDE), Image.Resampling.BOX)
    shades = small.tobytes()
    bits = 0
    for row in range(_SIDE):
        for column in range(_SIDE):
            place = row * (_SIDE + 1) + column
            bits = bits << 1 | (shades[place] > shades[place + 1])
    return f"{bits:016x}"


def twins(own: str, others: Mapping[str, str]) -> Iterable[str]:
    """Names of those among ``others`` (name → hash) that look like ``own``."""
    bits = int(own, 16)
    return [name for name, other in others.items() if (bits ^ int(other, 16)).bit_count() <= ALIKE_BITS]
