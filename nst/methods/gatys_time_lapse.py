"""A run's time-lapse: which steps are shown, and their small pictures, kept through every checkpoint.

Early steps change much and late ones little, so the steps shown lie evenly on a logarithmic scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst.images import JPEG, Picture, decode, encode, fitted_size, resize

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
