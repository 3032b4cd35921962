"""What L-BFGS knows of a picture beforehand and learns on the way."""

from __future__ import annotations

import numpy as np
import pytest

from nst.gatys.lbfgs import Flat, Preconditioner, first_state, iterate, places, remembered

HEIGHT, WIDTH = 15, 34  # 34 is padded, 15 is not
N = HEIGHT * WIDTH * 3
RNG = np.random.default_rng(2)
U, V = RNG.normal(size=(2, N)).astype(np.float32)


def frequencies() -> Flat:
    """Slow light beside a fine check of light, one row each."""
    slow = np.cos(np.pi * (np.arange(WIDTH) + 0.5) / WIDTH)
    fine = np.where(np.arange(WIDTH) % 2, 1.0, -1.0)
    rows = [np.broadcast_to(wave[None, :, None], (HEIGHT, WIDTH, 3)).ravel() for wave in (slow, fine)]
    return np.array([row / np.linalg.norm(row) for row in rows], np.float32)


@pytest.mark.parametrize("tilt", [0.3, 1.0])
def test_its_root_is_symmetric_and_positive(tilt: float) -> None:
    metric = Preconditioner(HEIGHT, WIDTH, tilt)
    assert float(U @ metric.root(V)) == pytest.approx(float(V @ metric.root(U)), rel=1e-3)
    assert float(U @ metric.root(U)) > 0
    square = Preconditioner(15, 30, tilt)
    part = U[: 15 * 30 * 3]
    np.testing.assert_allclose(square.inverse_root(square.root(part)), part, atol=1e-4)


def test_broad_light_goes_farther_than_fine_and_not_so_at_tilt_zero() -> None:
    slow, fine = frequencies()
    metric, level = Preconditioner(HEIGHT, WIDTH, 1.0), Preconditioner(HEIGHT, WIDTH, 0.0)
    assert slow @ metric.root(slow) > 1.2 * (fine @ metric.root(fine))
    np.testing.assert_allclose(level.root(U), U, atol=1e-5)


def test_places_that_turn_much_for_their_moves_move_less() -> None:
    metric = Preconditioner(HEIGHT, WIDTH, 0.0)
    steep = np.ones((HEIGHT, WIDTH, 3), np.float32)
    steep[:, 17:] = 100
    energy = np.stack([metric.energy(U), metric.energy(U * steep.ravel())])
    diagonal = places(remembered(energy, energy)).reshape(HEIGHT, WIDTH, 3)
    assert diagonal[:, :15].min() > 5 * diagonal[:, 20:].max()


def test_it_saves_iterations_where_places_and_frequencies_differ_in_steepness() -> None:
    """A bowl as a network's loss is: steep for fine detail, and ten times steeper on one side."""
    metric, plain = Preconditioner(HEIGHT, WIDTH, 1.0), Plain(HEIGHT, WIDTH, 0.0)
    side = np.ones((HEIGHT, WIDTH, 3), np.float32)
    side[:, 17:] = 10
    scale = side.ravel() ** 0.5

    def loss(image: Flat) -> tuple[float, Flat]:
        away = scale * (image - 0.5 - 0.1 * U)
        flat = metric.inverse_root(metric.inverse_root(away))
        return float(away @ flat), 2 * scale * flat

    left = []
    for chosen in (metric, plain):
        state = first_state(np.full(N, 0.5, np.float32), loss)
        for _ in range(12):
            state = iterate(state, loss, chosen) or state
        left.append(state.loss)
    assert left[0] < 0.3 * left[1]


class Plain(Preconditioner):
    """Equation 7.20 alone: knows nothing, learns no places."""

    def energy(self, vector: Flat) -> Flat:
        return np.ones((HEIGHT, WIDTH), np.float32)
