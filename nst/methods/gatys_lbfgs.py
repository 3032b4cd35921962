"""L-BFGS on pixels in 0..1, one iteration at a time, with a state that can be saved.

Liu and Nocedal 1989, algorithm 2.1, kept in the box by the two-metric projection of Bertsekas 1982: pixels at a bound
that the gradient pushes out of it sit out the iteration, all others follow the quasi-Newton direction along the
projected arc, with Armijo's rule. A library's minimiser keeps its history to itself, and a job that was interrupted
would lose it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

HISTORY = 5  # pairs: 3 to 7 as Liu and Nocedal recommend, and each is two pictures in every checkpoint
LONG_HISTORY = 20  # fewer evaluations where nothing is to be saved
_SUFFICIENT = 1e-4
_TRIALS = 20
_FIRST_MOVE = 0.01  # of the range, root mean square: nothing is known of the curvature yet

Flat = NDArray[np.float32]
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
    """

    image: Flat
    loss: float
    gradient: Flat
    moves: list[Flat] = field(default_factory=list)
    turns: list[Flat] = field(default_factory=list)


def first_state(image: Flat, loss: Loss) -> LbfgsState:
    """The state before the first iteration: one evaluation.

    Args:
        image: float32 [n] in 0..1.
        loss: Image -> loss and gradient.
    """
    value, gradient = loss(image)
    return LbfgsState(image, value, gradient)


def iterate(state: LbfgsState, loss: Loss, history: int = HISTORY) -> LbfgsState | None:
    """One iteration.

    Args:
        state: Before.
        loss: Image -> loss and gradient.
        history: Pairs that are kept.

    Returns:
        The state after, or None where nothing gets better any more.
    """
    free = _free_gradient(state)
    direction = _direction(free, state)
    slope = _dot(direction, free)
    if state.moves and slope >= 0:
        direction, slope = -free, -_dot(free, free)
    after = _searched(state, direction, loss, history) if slope < 0 else None
    if after is None and state.moves:
        # The history may mislead after a rough patch: once more without it.
        return iterate(LbfgsState(state.image, state.loss, state.gradient), loss, history)
    return after


def as_arrays(state: LbfgsState) -> dict[str, NDArray[Any]]:
    """All of a state but its image, for a file."""
    return {
        "loss": np.array(state.loss),
        "gradient": state.gradient,
        "moves": np.array(state.moves, np.float32),
        "turns": np.array(state.turns, np.float32),
    }


def from_arrays(image: Flat, arrays: Mapping[str, NDArray[Any]]) -> LbfgsState:
    """The inverse of ``as_arrays``."""
    moves, turns = list(arrays["moves"]), list(arrays["turns"])
    return LbfgsState(image, float(arrays["loss"]), arrays["gradient"], moves, turns)


def _free_gradient(state: LbfgsState) -> Flat:
    image, gradient = state.image, state.gradient
    held = ((image <= 0) & (gradient > 0)) | ((image >= 1) & (gradient < 0))
    return np.where(held, np.float32(0), gradient)


def _direction(free: Flat, state: LbfgsState) -> Flat:
    """− H g by the two-loop recursion, on the free pixels."""
    q, kept = free.astype(np.float32), []
    for move, turn in zip(reversed(state.moves), reversed(state.turns), strict=True):
        weight = _dot(move, q) / _dot(move, turn)
        q = q - np.float32(weight) * turn
        kept.append(weight)
    if state.moves:
        q = q * np.float32(_dot(state.moves[-1], state.turns[-1]) / _dot(state.turns[-1], state.turns[-1]))
    for move, turn, weight in zip(state.moves, state.turns, reversed(kept), strict=True):
        q = q + np.float32(weight - _dot(turn, q) / _dot(move, turn)) * move
    return np.where(free == 0, np.float32(0), -q)


def _searched(state: LbfgsState, direction: Flat, loss: Loss, history: int) -> LbfgsState | None:
    length = 1.0
    if not state.moves:
        length = _FIRST_MOVE * np.sqrt(direction.size) / max(float(np.linalg.norm(direction)), 1e-30)
    for _ in range(_TRIALS):
        image = np.clip(state.image + np.float32(length) * direction, 0, 1).astype(np.float32)
        move = image - state.image
        promised = _dot(state.gradient, move)
        value, gradient = loss(image)
        if value <= state.loss + _SUFFICIENT * promised and promised < 0:
            return _remembering(state, LbfgsState(image, value, gradient), move, history)
        # The minimum of the parabola through what is known, within a tenth and a half.
        bend = value - state.loss - promised
        shrink = -promised / (2 * bend) if bend > 0 else 0.5
        length *= float(np.clip(shrink, 0.1, 0.5))
    return None


def _remembering(before: LbfgsState, after: LbfgsState, move: Flat, history: int) -> LbfgsState:
    turn = after.gradient - before.gradient
    moves, turns = before.moves, before.turns
    if _dot(move, turn) > 1e-10 * _dot(turn, turn):  # else H would not stay positive definite
        moves, turns = [*moves, move][-history:], [*turns, turn][-history:]
    after.moves, after.turns = moves, turns
    return after


def _dot(a: Flat, b: Flat) -> float:
    return float(np.dot(a, b))
