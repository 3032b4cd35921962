"""Which frequencies, colours and places of a picture to move far for a given gradient, and which little.

A network's loss is steep in fine light and shade and flat in broad ones and in colour, and steep in some places and
flat in others. A handful of pairs cannot tell L-BFGS so about 200 000 unknowns, but its first guess of the inverse
Hessian is free (Nocedal and Wright 2006, "Numerical Optimization", section 7.2). Here it is
H_k^0 = γ_k P^½ D_k P^½, with P diagonal over frequencies and colours and the same for all pictures, and D diagonal over
places and learnt on the way.

Measured by ``bench.gatys`` at 256 px: within 5 % of the final loss of the tutorial's 1000 steps in a third of their
time on 18 of 20 pairs (17 in a quarter, half of them in a sixth); with γ_k alone on 4 of the first 10.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn, next_fast_len
from scipy.ndimage import uniform_filter

Flat = NDArray[np.float32]
Energy = NDArray[np.float32]

# Light, orange to blue, green to magenta: close to the principal axes of natural colours (Ohta, Kanade, Sakai 1980).
_AXES = (np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])).astype(np.float32)
# After the sizes of L-BFGS's moves beside the changes of its gradients, with VGG-19 (16 times narrower) at 256 px:
# for each axis the level at high frequencies, and the frequency (1: the highest) under which it rises as 1 / f.
_LEVEL, _RISE = (2.5, 14.0, 10.0), (0.1, 0.03, 0.0)
_NEIGHBOURHOOD_PX = 3
_MEMORY = 0.9  # of the energies, from one iteration to the next
_LEAST = 0.01  # of the mean energy: no place stands still for ever


class Preconditioner:
    """P and places for pictures of one size; a flat vector is a picture [h, w, 3].

    Frequencies are those of the cosine transform, whose pictures go on reflected beyond their edges.

    Args:
        height_px: h.
        width_px: w.
        tilt: How far to go with what is the same for all pictures: P to this power, 0 for places alone.
    """

    def __init__(self, height_px: int, width_px: int, tilt: float) -> None:
        self._shape = (height_px, width_px, 3)
        # Zeros around it: a side with a big prime factor would take three times as long, and P stays symmetric.
        self._padded = h, w = next_fast_len(height_px, real=True), next_fast_len(width_px, real=True)
        frequency = np.hypot(np.arange(h)[:, None] / h, np.arange(w) / w)[..., None]
        frequency = np.maximum(frequency, 1 / max(h, w))
        self._root = ((_LEVEL * (1 + np.array(_RISE) / frequency)) ** (tilt / 2)).astype(np.float32)
        self._inverse_root = 1 / self._root

    def root(self, vector: Flat) -> Flat:
        """P^½ v, float32 [n]."""
        return self._weighted(vector, self._root)

    def inverse_root(self, vector: Flat) -> Flat:
        """P^-½ v, float32 [n]; but for what the zeros around the picture take at its edges."""
        return self._weighted(vector, self._inverse_root)

    def energy(self, vector: Flat) -> Energy:
        """Squares of a vector, summed over colours, in the mean around each place, float32 [h, w]."""
        picture = vector.reshape(self._shape)
        squares = np.einsum("ijk,ijk->ij", picture, picture)
        return np.asarray(uniform_filter(squares, _NEIGHBOURHOOD_PX))

    def _weighted(self, vector: Flat, weights: NDArray[np.float32]) -> Flat:
        h, w, _ = self._shape
        spectrum = dctn(vector.reshape(self._shape) @ _AXES.T, s=self._padded, axes=(0, 1), norm="ortho")
        picture = idctn(spectrum * weights, axes=(0, 1), norm="ortho")[:h, :w]
        return np.asarray((picture @ _AXES).ravel(), np.float32)


@lru_cache(maxsize=4)
def preconditioner(height_px: int, width_px: int, tilt: float = 1.0) -> Preconditioner:
    """The one of a size and tilt, made once."""
    return Preconditioner(height_px, width_px, tilt)


def remembered(before: Energy | None, now: Energy) -> Energy:
    """Energies of all iterations so far, [2, h, w]: P^-½ s and P^½ y; the older, the less they count."""
    return now if before is None else np.float32(_MEMORY) * before + now


def places(energy: Energy) -> Flat:
    """D's diagonal, float32 [3 h w]: how far each place has moved for the change of its gradient.

    Args:
        energy: Of P^-½ s and of P^½ y, float32 [2, h, w].
    """
    moved, turned = energy + np.float32(_LEAST) * energy.mean(axis=(1, 2), keepdims=True)
    tiny = np.float32(1e-30)
    return np.repeat(np.sqrt((moved + tiny) / (turned + tiny)).ravel(), 3)
