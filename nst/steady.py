"""Takes a camera's noise out of a clip before it is painted.

A style network makes strokes of what it sees, and noise is different in every frame: measured on a still scene, the
painted frames differ up to four times as much as the filmed ones. So a pixel follows what is filmed slowly where
only noise changes it, and at once where something moves: the recursive temporal filter of Dubois and Sabri 1984,
"Noise reduction in image sequences using motion-compensated temporal filtering", with motion detected instead of
compensated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

Floats = NDArray[np.float32]

# Of a new frame, where nothing moves. Noise that is independent from frame to frame then changes a pixel by
# slowness / sqrt(2 - slowness) = 0.11 of what it did.
_SLOWNESS = np.float32(0.15)
# Mean change around a pixel, of the range 0..1: noise below, movement above.
_NOISE, _MOVEMENT = 6 / 255, 12 / 255
_AROUND_PX = 5


class Steady:
    """Remembers what was seen; one per clip, asked once per frame in order."""

    def __init__(self) -> None:
        self._seen: Floats | None = None

    def __call__(self, rgb: Floats) -> Floats:
        """The frame without its noise.

        Args:
            rgb: ``[h, w, 3]`` float32 0..1.

        Returns:
            ``[h, w, 3]`` float32 0..1; the first frame and what moves as they are.
        """
        if self._seen is None:
            self._seen = rgb
            return rgb
        change = rgb - self._seen
        around = uniform_filter(np.abs(change).mean(axis=-1), _AROUND_PX, mode="nearest")
        moving = np.clip((around - np.float32(_NOISE)) / np.float32(_MOVEMENT - _NOISE), 0, 1)
        share = _SLOWNESS + (1 - _SLOWNESS) * moving
        self._seen = self._seen + share[..., None] * change
        return self._seen
