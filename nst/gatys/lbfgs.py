"""L-BFGS on pixels in 0..1, one iteration at a time, with a state that can be saved.

Nocedal and Wright 2006, algorithms 7.4 and 7.5, from the first guess of ``gatys_preconditioner``; kept in the box by
the two-metric projection of Bertsekas 1982: pixels at a bound that the gradient pushes out of it sit out the iteration,
all others follow the quasi-Newton direction along the projected arc, with Armijo's rule. A library's minimiser keeps
its history to itself, and a job that was interrupted would lose it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn, next_fast_len
from scipy.ndimage import uniform_filter

# Which frequencies, colours and places of a picture to move far for a given gradient, and which little.
#
# A network's loss is steep in fine light and shade and flat in broad ones and in colour, and steep in some places and
# flat in others. A handful of pairs cannot tell L-BFGS so about 200 000 unknowns, but its first guess of the inverse
# Hessian is free (Nocedal and Wright 2006, "Numerical Optimization", section 7.2). Here it is
# H_k^0 = γ_k P^½ D_k P^½, with P diagonal over frequencies and colours and the same for all pictures, and D diagonal
# over places and learnt on the way.
#
# Measured by ``bench.gatys`` at 256 px: within 5 % of the final loss of the tutorial's 1000 steps in a third of their
# time on 18 of 20 pairs (17 in a quarter, half of them in a sixth); with γ_k alone on 4 of the first 10.
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


HISTORY = 5  # pairs, each two pictures in every checkpoint; 20 or 50 gain nothing here, rectifiers make y too rough
_SUFFICIENT = 1e-4
_TRIALS = 20
_FIRST_MOVE = 0.01  # of the range, root mean square: nothing is known of the curvature yet
_FIRST_TRIAL = 1.4  # of the quasi-Newton step: at 1 the loss still falls at a fifth of its first slope

Loss = Callable[[Flat], tuple[float, Flat]]


@dataclass
class LbfgsState:
    """All that one iteration hands to the next.

    Attributes:
        image: float32 [n] in 0..1.
        loss: Its loss.
        gradient: Of the loss, float32 [n].
        moves: s, differences of images, oldest first, float32 [n] each.
        turns: y, differences of gradients, float32 [n] each.
        energy: Of moves and turns by place, float32 [2, h, w]; None before the first pair.
        guess: γ D, the part of the first guess that is learnt, float32 [n]; None before the first pair.
    """

    image: Flat
    loss: float
    gradient: Flat
    moves: list[Flat] = field(default_factory=list)
    turns: list[Flat] = field(default_factory=list)
    energy: Energy | None = None
    guess: Flat | None = None


def first_state(image: Flat, loss: Loss) -> LbfgsState:
    """The state before the first iteration: one evaluation.

    Args:
        image: float32 [n] in 0..1.
        loss: Image -> loss and gradient.
    """
    value, gradient = loss(image)
    return LbfgsState(image, value, gradient)


def iterate(state: LbfgsState, loss: Loss, preconditioner: Preconditioner) -> LbfgsState | None:
    """One iteration.

    Args:
        state: Before.
        loss: Image -> loss and gradient.
        preconditioner: Of the picture's size.

    Returns:
        The state after, or None where nothing gets better any more.
    """
    free = _free_gradient(state)
    direction = _direction(free, state, preconditioner)
    slope = _dot(direction, free)
    if state.moves and slope >= 0:
        direction, slope = -free, -_dot(free, free)
    after = _searched(state, direction, loss, preconditioner) if slope < 0 else None
    if after is None and state.moves:
        # The history may mislead after a rough patch: once more without it.
        return iterate(LbfgsState(state.image, state.loss, state.gradient), loss, preconditioner)
    return after


def as_arrays(state: LbfgsState) -> dict[str, NDArray[Any]]:
    """All of a state but its image, for a file."""
    learnt = {"energy": state.energy, "guess": state.guess}
    return {
        "loss": np.array(state.loss),
        "gradient": state.gradient,
        "moves": np.array(state.moves, np.float32),
        "turns": np.array(state.turns, np.float32),
    } | {name: array for name, array in learnt.items() if array is not None}


def from_arrays(image: Flat, arrays: Mapping[str, NDArray[Any]]) -> LbfgsState:
    """The inverse of ``as_arrays``."""
    moves, turns = list(arrays["moves"]), list(arrays["turns"])
    learnt = arrays.get("energy"), arrays.get("guess")
    return LbfgsState(image, float(arrays["loss"]), arrays["gradient"], moves, turns, *learnt)


def _free_gradient(state: LbfgsState) -> Flat:
    image, gradient = state.image, state.gradient
    held = ((image <= 0) & (gradient > 0)) | ((image >= 1) & (gradient < 0))
    return np.where(held, np.float32(0), gradient)


def _direction(free: Flat, state: LbfgsState, preconditioner: Preconditioner) -> Flat:
    """− H g by the two-loop recursion (algorithm 7.4), on the free pixels."""
    q, kept = free.astype(np.float32), []
    pairs = [(move, turn, _dot(move, turn)) for move, turn in zip(state.moves, state.turns, strict=True)]
    for move, turn, both in reversed(pairs):
        weight = _dot(move, q) / both
        q = q - np.float32(weight) * turn
        kept.append(weight)
    q = preconditioner.root(q)
    q = preconditioner.root(q if state.guess is None else q * state.guess)
    for (move, turn, both), weight in zip(pairs, reversed(kept), strict=True):
        q = q + np.float32(weight - _dot(turn, q) / both) * move
    return np.where(free == 0, np.float32(0), -q)


def _searched(state: LbfgsState, direction: Flat, loss: Loss, preconditioner: Preconditioner) -> LbfgsState | None:
    length = _FIRST_TRIAL
    if not state.moves:
        length = _FIRST_MOVE * np.sqrt(direction.size) / max(float(np.linalg.norm(direction)), 1e-30)
    for _ in range(_TRIALS):
        image = np.clip(state.image + np.float32(length) * direction, 0, 1).astype(np.float32)
        move = image - state.image
        promised = _dot(state.gradient, move)
        value, gradient = loss(image)
        if value <= state.loss + _SUFFICIENT * promised and promised < 0:
            return _remembering(state, LbfgsState(image, value, gradient), move, preconditioner)
        # The minimum of the parabola through what is known, within a tenth and a half.
        bend = value - state.loss - promised
        shrink = -promised / (2 * bend) if bend > 0 else 0.5
        length *= float(np.clip(shrink, 0.1, 0.5))
    return None


def _remembering(before: LbfgsState, after: LbfgsState, move: Flat, preconditioner: Preconditioner) -> LbfgsState:
    turn = after.gradient - before.gradient
    after.moves, after.turns, after.energy, after.guess = before.moves, before.turns, before.energy, before.guess
    if _dot(move, turn) > 1e-10 * _dot(turn, turn):  # else H would not stay positive definite
        after.moves, after.turns = [*before.moves, move][-HISTORY:], [*before.turns, turn][-HISTORY:]
        _learn(after, preconditioner)
    return after


def _learn(state: LbfgsState, preconditioner: Preconditioner) -> None:
    """γ D of the newest pair: γ as in equation 7.20, yᵀs / yᵀH⁰y with this first guess."""
    move, turn = preconditioner.inverse_root(state.moves[-1]), preconditioner.root(state.turns[-1])
    now = np.stack([preconditioner.energy(move), preconditioner.energy(turn)])
    state.energy = remembered(state.energy, now)
    diagonal = places(state.energy)
    scale = _dot(state.moves[-1], state.turns[-1]) / _dot(turn, diagonal * turn)
    state.guess = np.float32(scale) * diagonal


def _dot(a: Flat, b: Flat) -> float:
    return float(np.dot(a, b))
