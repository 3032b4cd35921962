"""SinGAN's losses and networks on what is known, and its training on a texture whose patches are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
tf = pytest.importorskip("tensorflow")

from nst.errors import OperatorError  # noqa: E402
from nst.run_state import StateError  # noqa: E402
from nst.singan.networks import PATCH_PX, criticise, first_weights, generate  # noqa: E402
from nst.singan.painting import contents_at, draw, inject  # noqa: E402
from nst.singan.pyramid import (  # noqa: E402
    FULL,
    QUICK,
    Budget,
    Pyramid,
    budget_of,
    size_at,
)
from nst.singan.step import (  # noqa: E402
    critic_loss,
    gradient_penalty,
    make_iterate,
    noise_amplitude,
)
from nst.singan.training import Training  # noqa: E402

ITERATE = make_iterate(1, 1)  # one step of each network: a third of the time
BRIEF = Budget(40, 3, 1.0)
PERIOD_PX = 8


def stripes() -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """Two colours in rows of four: whatever patch is taken, it does not change along a row."""
    bright = np.arange(40) % PERIOD_PX < PERIOD_PX // 2
    rows = np.where(bright[:, None], (0.9, 0.7, 0.3), (0.1, 0.1, 0.2))
    return np.repeat(rows[:, None], 40, axis=1).astype(np.float32)


def trained(budget: Budget, iterations: int | None = None) -> Training:
    training = Training(stripes(), budget, ITERATE)
    while not training.done and (iterations is None or training.done_iterations < iterations):
        training.advance()
    return training


@pytest.mark.parametrize(("slope", "penalty"), [(1.0, 0.0), (0.0, 1.0), (3.0, 4.0)])
def test_gradient_penalty_of_a_linear_critic_is_known(slope: float, penalty: float) -> None:
    direction = tf.constant([2.0, -1.0, 2.0]) / 3.0  # of length 1
    image = tf.random.stateless_uniform([1, 5, 7, 3], [0, 0])
    assert float(gradient_penalty(lambda x: slope * x * direction, image)) == pytest.approx(penalty, abs=1e-4)


def test_critic_loss_is_the_distance_of_its_scores_and_the_penalty() -> None:
    real, fake = tf.ones([1, 4, 4, 3]), tf.zeros([1, 4, 4, 3])
    found = critic_loss(lambda x: 2.0 * x[..., :1], real, fake, tf.constant(0.3))
    assert float(found) == pytest.approx(0.0 - 2.0 + 0.1 * (2.0 - 1.0) ** 2, abs=1e-4)


def test_noise_is_as_strong_as_a_tenth_of_what_is_missing() -> None:
    assert float(noise_amplitude(tf.zeros([1, 4, 4, 3]), 0.5 * tf.ones([1, 4, 4, 3]))) == pytest.approx(0.05)


def test_networks_see_patches_of_11_px() -> None:
    """One pixel changes what is said of the 11 x 11 patches that have it, and statistics elsewhere only a little."""
    image = tf.random.stateless_uniform([1, 40, 40, 3], [1, 1])
    touched = image + tf.scatter_nd([[0, 20, 20, 0]], [0.5], image.shape)
    critic = first_weights(1, 3)
    moved = np.abs(criticise(critic, touched) - criticise(critic, image))[0, ..., 0]
    assert moved.shape == (40 - PATCH_PX + 1,) * 2
    where = np.argwhere(moved > 0.05 * moved.max())
    assert where.min() >= 20 - PATCH_PX + 1
    assert where.max() <= 20
    assert generate(first_weights(3, 3), image, image).shape == image.shape


def test_budgets_have_the_papers_factor_and_a_bad_one_is_named() -> None:
    for budget, scales in ((QUICK, 7), (FULL, 9)):
        assert budget.scales == scales
        assert all(1.2 < b / a <= 4 / 3 + 1e-9 for a, b in pairwise(budget.sides_px))
    assert [budget_of("auto", gpu) for gpu in (True, False)] == [FULL, QUICK]
    assert budget_of("64:30", False).side_px == 64
    for bad in ("", "fast", "20:10", "64:0"):
        with pytest.raises(OperatorError, match="bad_setting"):
            budget_of(bad, False)


def test_samples_have_the_textures_patches() -> None:
    pyramid = trained(Budget(40, 30, 0.6)).pyramid()
    samples = [(draw(pyramid, seed, 56, 72)[0].numpy() + 1) / 2 for seed in range(3)]
    texture = stripes()
    for sample in samples:
        assert sample.shape == (56, 72, 3), "another size and ratio than the texture's"
        down, along = (np.abs(np.diff(sample, axis=axis)).mean() for axis in (0, 1))
        assert down > 1.5 * along, "stripes lie"
        assert np.abs(sample.mean((0, 1)) - texture.mean((0, 1))).max() < 0.1
        assert 0.4 < sample.std() / texture.std() < 1.3
        half, whole = (_alike(sample, lag) for lag in (PERIOD_PX // 2, PERIOD_PX))
        assert half < -0.15, "four rows further the other colour lies"
        assert whole > 0.15, "and after eight the same again"
    assert np.abs(samples[0] - samples[1]).mean() > 0.05, "another seed, another picture"


def _alike(image: np.ndarray[tuple[int, int, int], np.dtype[np.float32]], lag: int) -> float:
    """Correlation of a picture with itself some rows further, -1..1."""
    return float(np.corrcoef(image[lag:].ravel(), image[:-lag].ravel())[0, 1])


def test_training_goes_on_bit_for_bit_from_its_state() -> None:
    whole = trained(BRIEF)
    half = trained(BRIEF, 4)
    again = Training(stripes(), BRIEF, ITERATE)
    again.restore(half.state())
    while not again.done:
        again.advance()
    assert again.pyramid().as_bytes() == whole.pyramid().as_bytes()
    assert again.done_iterations == whole.iterations
    assert again.work_done == pytest.approx(whole.work)
    other = Training(stripes()[::-1], BRIEF, ITERATE)
    with pytest.raises(StateError):
        other.restore(half.state())


def test_pyramid_survives_as_bytes_and_damage_is_found() -> None:
    pyramid = trained(BRIEF).pyramid()
    data = pyramid.as_bytes()
    again = Pyramid.from_bytes(data)
    assert np.array_equal(draw(again, 1), draw(pyramid, 1))
    for bad in (b"", data[:-200], b"PK" + data[2:90]):
        with pytest.raises(StateError):
            Pyramid.from_bytes(bad)


def test_injection_moves_without_a_jump_from_scale_to_scale() -> None:
    pyramid = trained(BRIEF).pyramid()
    image = tf.random.stateless_uniform([1, 60, 90, 3], [2, 2], -1.0, 1.0)
    contents = contents_at(image, pyramid.sides_px)
    made = [inject((pyramid,), (1.0,), contents, start, 0).numpy() for start in (1.0, 1.01, 1.99, 2.0)]
    assert made[0].shape[1:3] == size_at(60, 90, 40)
    steps = [float(np.abs(a - b).mean()) for a, b in pairwise(made)]
    assert steps[0] < 0.1 * steps[1]
    assert steps[2] < 0.1 * steps[1]
