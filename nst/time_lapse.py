"""A time-lapse as a file: animated WEBP, which every browser plays."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from nst.images import Picture

MEDIA_TYPE = "image/webp"
_FRAME_MS, _LAST_MS = 120, 1500
_QUALITY = 80


def encode_time_lapse(frames: Sequence[Picture]) -> bytes:
    """Write the pictures of the way there; the last one stays longer, and then it begins again.

    Args:
        frames: At least one, all of one size.
    """
    images = [Image.fromarray(np.rint(frame.rgb * 255).astype(np.uint8)) for frame in frames]
    durations = [*[_FRAME_MS] * (len(images) - 1), _LAST_MS]
    buffer = io.BytesIO()
    images[0].save(
        buffer, "WEBP", save_all=True, append_images=images[1:], duration=durations, loop=0, quality=_QUALITY
    )
    return buffer.getvalue()
