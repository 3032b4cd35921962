"""A time-lapse as a file: animated WEBP, which every browser plays, GIF or MP4."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nst.pictures.clip import Timing
from nst.pictures.clip_header import MP4
from nst.pictures.decode import JPEG, Picture, decode, encode, fitted_size, resize

# A run's time-lapse: which steps are shown, and their small pictures, kept through every checkpoint.
#
# Early steps change much and late ones little, so the steps shown lie evenly on a logarithmic scale.
FRAMES = 32
SIDE_PX = 384
_QUALITY = 90
_KEY = "time_lapse_"


def shown_steps(steps: int) -> frozenset[int]:
    """The steps of a run that its time-lapse shows: the start (0), the end, and what lies between.

    Args:
        steps: Steps in all.
    """
    between = np.geomspace(1, max(steps, 1), FRAMES - 1)
    return frozenset({0, *np.rint(between).astype(int).tolist()})


class TimeLapse:
    """Collects a run's pictures; files in memory, for raw pixels would swell every checkpoint.

    Args:
        width_px: Of the pastiche.
        height_px: Of the pastiche.
        steps: Steps in all.
    """

    def __init__(self, width_px: int, height_px: int, steps: int) -> None:
        self._size = fitted_size(width_px, height_px, SIDE_PX)
        self._due = shown_steps(steps)
        self._files: list[bytes] = []
        self._seen = -1

    def look(self, step: int, picture: Callable[[], Picture]) -> None:
        """Keep a step's picture if it is to be shown.

        Args:
            step: Steps done.
            picture: Makes the picture as it stands, of any size.
        """
        if step in self._due and step > self._seen:
            small = Picture(resize(picture(), *self._size).rgb)
            self._files.append(encode(small, JPEG, _QUALITY))
            self._seen = step

    def frames(self) -> tuple[Picture, ...]:
        """First to last, all of one size."""
        return tuple(decode(file) for file in self._files)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """For a checkpoint."""
        files = {f"{_KEY}{index:03}": np.frombuffer(file, np.uint8) for index, file in enumerate(self._files)}
        return files | {f"{_KEY}seen": np.array(self._seen)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``as_arrays`` gave."""
        self._seen = int(arrays[f"{_KEY}seen"])
        names = sorted(name for name in arrays if name.startswith(_KEY) and name != f"{_KEY}seen")
        self._files = [arrays[name].tobytes() for name in names]


MEDIA_TYPE = "image/webp"
GIF = "image/gif"
_LARGEST_BYTES = 9_500_000
_FRAME_MS, _LAST_MS = 120, 1500
_CLIP_QUALITY = 80


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
    images[0].save(
        buffer, kind, save_all=True, append_images=images[1:], duration=durations, loop=0, quality=_CLIP_QUALITY
    )
    return buffer.getvalue()


def _film(frames: Sequence[Picture]) -> bytes:
    from nst.pictures.film import FilmWriter

    # H.264 wants even sides.
    width, height = frames[0].width_px - frames[0].width_px % 2, frames[0].height_px - frames[0].height_px % 2
    timing = Timing((*[float(_FRAME_MS)] * (len(frames) - 1), float(_LAST_MS)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "time-lapse.mp4"
        with FilmWriter(path, width, height, timing, None, _LARGEST_BYTES) as film:
            for frame in frames:
                film.add(np.rint(frame.rgb[:height, :width] * 255).astype(np.uint8))
        return path.read_bytes()
