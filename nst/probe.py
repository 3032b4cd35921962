"""A picture that has something of everything, to try on it what a network makes of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def probe(height: int, width: int) -> NDArray[np.float32]:
    """Smooth shades, edges and texture.

    Returns:
        ``[1, height, width, 3]`` float32 0..1, the same every time.
    """
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]
    waves = [np.sin(k * np.pi * (rows * a + columns * b)) for k, a, b in ((3, 1, 0.3), (5, -0.4, 1), (24, 0.7, 0.7))]
    shades = 0.5 + 0.35 * np.stack(waves, -1)
    shades[(rows - 0.5) ** 2 + (columns - 0.4) ** 2 < 0.06] = (0.9, 0.6, 0.2)
    return np.clip(shades + random.normal(0, 0.03, shades.shape), 0, 1).astype(np.float32)[None]
