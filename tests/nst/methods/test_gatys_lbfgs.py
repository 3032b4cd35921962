"""L-BFGS in a box, against a library's minimiser."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import Bounds, minimize

from nst.gatys.lbfgs import HISTORY, Flat, LbfgsState, as_arrays, first_state, from_arrays, iterate, preconditioner

RNG = np.random.default_rng(5)
SHAPE = (2, 7)
SIZE = 3 * SHAPE[0] * SHAPE[1]
_ROOT = RNG.normal(size=(SIZE, SIZE)) / np.sqrt(SIZE)
CURVATURE = _ROOT @ _ROOT.T + 0.05 * np.eye(SIZE)
LOWEST = RNG.uniform(-0.5, 1.5, SIZE)  # half of it outside the box
START = np.full(SIZE, 0.5, np.float32)


def loss(image: Flat) -> tuple[float, Flat]:
    """A bowl that is not round, with a ripple."""
    away = np.asarray(image, np.float64) - LOWEST
    value = 0.5 * away @ CURVATURE @ away + 0.05 * np.square(away).dot(np.square(away))
    return float(value), (CURVATURE @ away + 0.2 * away**3).astype(np.float32)


def run(state: LbfgsState | None, steps: int) -> list[LbfgsState]:
    states: list[LbfgsState] = []
    while state is not None and len(states) < steps:
        states.append(state)
        state = iterate(state, loss, preconditioner(*SHAPE))
    return states


def test_it_ends_where_a_librarys_minimiser_does() -> None:
    states = run(first_state(START, loss), 200)
    found = minimize(loss, START, jac=True, method="L-BFGS-B", bounds=Bounds(0, 1), tol=1e-12)
    assert states[-1].loss == pytest.approx(found.fun, rel=1e-4)
    np.testing.assert_allclose(states[-1].image, found.x, atol=0.02)
    assert 0 in states[-1].image
    assert 1 in states[-1].image


def test_every_step_is_better_stays_in_the_box_and_remembers_little() -> None:
    states = run(first_state(START, loss), 30)
    values = [state.loss for state in states]
    assert values == sorted(values, reverse=True)
    assert all(0 <= state.image.min() <= state.image.max() <= 1 for state in states)
    assert max(len(state.moves) for state in states) == HISTORY
    assert all(float(m @ t) > 0 for state in states for m, t in zip(state.moves, state.turns, strict=True))


def test_history_makes_it_quick() -> None:
    with_history = run(first_state(START, loss), 15)[-1].loss
    state: LbfgsState | None = first_state(START, loss)
    for _ in range(14):
        assert state is not None
        state = iterate(LbfgsState(state.image, state.loss, state.gradient), loss, preconditioner(*SHAPE))
    best = run(first_state(START, loss), 200)[-1].loss
    assert state is not None
    assert with_history - best < 0.1 * (state.loss - best)


def test_it_says_when_nothing_gets_better() -> None:
    corner = np.zeros(3, np.float32)

    def rising(image: Flat) -> tuple[float, Flat]:
        return float(image.sum()), np.ones_like(image)

    assert iterate(first_state(corner, rising), rising, preconditioner(1, 1)) is None


def test_a_stored_state_goes_on_bit_for_bit() -> None:
    states = run(first_state(START, loss), 9)
    again = from_arrays(states[4].image, as_arrays(states[4]))
    np.testing.assert_array_equal(run(again, 5)[-1].image, states[-1].image)
