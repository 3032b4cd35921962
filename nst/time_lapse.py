"""A time-lapse as a file: animated WEBP, which every browser plays, GIF or MP4."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nst.clip import Timing
from nst.clip_header import MP4
from nst.images import Picture

MEDIA_TYPE = "image/webp"
GIF = "image/gif"
_LARGEST_BYTES = 9_500_000
_FRAME_MS, _LAST_MS = 120, 1500
_QUALITY = 80


def encode_time_lapse(frames: Sequence[Picture], media_type: str = MEDIA_TYPE) -> bytes:
    """Write the pictures of the way there; the last one stays longer, and then it begins again.

    Args:
        frames: At least one, all of one size.
        media_type: ``image/webp``, ``image/gif`` or ``video/mp4``.
    """
    if media_type == MP4:
        return _film(frames)
    images = [Image.fromarray(np.rint(frame.rgb * 255).astype(np.uint8)) for frame in frames]
    durations = [*[_FRAME_MS] * (len(images) - 1), _LAST_MS]
    buffer = io.BytesIO()
    kind = "GIF" if media_type == GIF else "WEBP"
    images[0].save(buffer, kind, save_all=True, append_images=images[1:], duration=durations, loop=0, quality=_QUALITY)
    return buffer.getvalue()


def _film(frames: Sequence[Picture]) -> bytes:
    from nst.film import FilmWriter

    # H.264 wants even sides.
    width, height = frames[0].width_px - frames[0].width_px % 2, frames[0].height_px - frames[0].height_px % 2
    timing = Timing((*[float(_FRAME_MS)] * (len(frames) - 1), float(_LAST_MS)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "time-lapse.mp4"
        with FilmWriter(path, width, height, timing, None, _LARGEST_BYTES) as film:
            for frame in frames:
                film.add(np.rint(frame.rgb[:height, :width] * 255).astype(np.uint8))
        return path.read_bytes()
