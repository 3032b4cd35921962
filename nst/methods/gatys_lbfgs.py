"""L-BFGS on pixels in 0..1, one iteration at a time, with a state that can be saved.

Nocedal and Wright 2006, algorithms 7.4 and 7.5, from the first guess of ``gatys_preconditioner``; kept in the box by
the two-metric projection of Bertsekas 1982: pixels at a bound that the gradient pushes out of it sit out the iteration,
all others follow the quasi-Newton direction along the projected arc, with Armijo's rule. A library's minimiser keeps
its history to itself, and a job that was interrupted would lose it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst.methods.gatys_preconditioner import Energy, Flat, Preconditioner, places, remembered

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
