"""The losses against independent float64 NumPy, and their gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

pytestmark = pytest.mark.tensorflow
tf = pytest.importorskip("tensorflow")

from nst import losses  # noqa: E402

Array = NDArray[np.float64]
SHAPE = (1, 5, 7, 4)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def by_hand_gram(F: Array, weight: Array | None = None) -> Array:  # noqa: N803 - the papers' own symbols
    G = np.zeros((F.shape[-1],) * 2)
    for i in range(F.shape[1]):
        for j in range(F.shape[2]):
            G += (1.0 if weight is None else weight[0, i, j, 0]) * np.outer(F[0, i, j], F[0, i, j])
    return G


def numerical_gradient(function: Callable[[Array], float], at: Array, step: float = 1e-6) -> Array:
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


def assert_gradient(function: Callable[[object], object], at: Array) -> None:
    with tf.GradientTape() as tape:
        x = tf.constant(at)
        tape.watch(x)
        value = function(x)
    found = tape.gradient(value, x).numpy()
    expected = numerical_gradient(lambda a: float(function(tf.constant(a))), at)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-7 * np.abs(expected).max())


def test_content_loss_is_half_the_sum_of_squares(rng: np.random.Generator) -> None:
    F, P = rng.normal(size=SHAPE), rng.normal(size=SHAPE)
    assert float(losses.content_loss(F, P)) == pytest.approx(
        0.5 * sum((f - p) ** 2 for f, p in zip(F.flat, P.flat, strict=True))
    )
    assert float(losses.relative_content_loss(F, P)) == pytest.approx(((F - P) ** 2).sum() / (P**2).sum())
    assert_gradient(lambda x: losses.content_loss(x, tf.constant(P)), F)
    assert_gradient(lambda x: losses.relative_content_loss(x, tf.constant(P)), F)


def test_gram_sums_over_positions(rng: np.random.Generator) -> None:
    F, weight = rng.normal(size=SHAPE), rng.uniform(size=(*SHAPE[:3], 1))
    np.testing.assert_allclose(losses.gram(F).numpy(), by_hand_gram(F), rtol=1e-12)
    np.testing.assert_allclose(losses.gram(F, weight).numpy(), by_hand_gram(F, weight), rtol=1e-12)


def test_style_loss_is_equations_4_and_5(rng: np.random.Generator) -> None:
    F, S = rng.normal(size=SHAPE), rng.normal(size=SHAPE)
    N, M = SHAPE[3], SHAPE[1] * SHAPE[2]
    G, A = by_hand_gram(F), by_hand_gram(S)
    expected = ((G - A) ** 2).sum() / (4 * N**2 * M**2)
    found = losses.style_layer_loss(losses.gram(F), losses.gram(S), N, M)
    assert float(found) == pytest.approx(expected)
    both = losses.style_loss([found, 3 * found], [0.2, 0.4])
    assert float(both) == pytest.approx(0.2 * expected + 1.2 * expected)
    assert float(losses.total_loss(tf.constant(2.0), tf.constant(5.0), 1e-3, 1.0)) == pytest.approx(5.002)
    assert_gradient(lambda x: losses.style_layer_loss(losses.gram(x), tf.constant(A), N, M), F)


def test_style_loss_refuses_a_wrong_number_of_weights() -> None:
    with pytest.raises(ValueError, match="zip"):
        losses.style_loss([tf.constant(1.0)], [0.5, 0.5])


def test_relative_gram_loss_knows_no_scale(rng: np.random.Generator) -> None:
    F, S = rng.normal(size=SHAPE), rng.normal(size=SHAPE)
    M = SHAPE[1] * SHAPE[2]
    G, A = by_hand_gram(F) / M, by_hand_gram(S) / M
    found = float(losses.relative_gram_loss(tf.constant(G), tf.constant(A)))
    assert found == pytest.approx(((G - A) ** 2).sum() / (A**2).sum())
    assert float(losses.relative_gram_loss(tf.constant(100 * G), tf.constant(100 * A))) == pytest.approx(found)
    assert_gradient(lambda x: losses.relative_gram_loss(losses.gram(x), tf.constant(A)), F)


def test_total_variation(rng: np.random.Generator) -> None:
    x = rng.uniform(size=(1, 4, 6, 3))
    expected = sum(
        (x[0, i, j + 1, c] - x[0, i, j, c]) ** 2 for i in range(4) for j in range(5) for c in range(3)
    ) + sum((x[0, i + 1, j, c] - x[0, i, j, c]) ** 2 for i in range(3) for j in range(6) for c in range(3))
    assert float(losses.total_variation(tf.constant(x))) == pytest.approx(expected)
    assert float(losses.mean_total_variation(tf.constant(x))) == pytest.approx(expected / x.size)
    assert_gradient(losses.total_variation, x)


def test_moments_with_and_without_weights(rng: np.random.Generator) -> None:
    F, weight = rng.normal(size=SHAPE), (rng.uniform(size=(*SHAPE[:3], 1)) > 0.5).astype(float)
    plain = losses.moments(tf.constant(F))
    np.testing.assert_allclose(plain.mean.numpy(), F.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(losses.covariance(plain).numpy(), np.cov(F.reshape(-1, 4).T, bias=True), atol=1e-12)
    kept = F[weight[..., 0] > 0]
    weighted = losses.moments(tf.constant(F), tf.constant(weight))
    np.testing.assert_allclose(weighted.mean.numpy(), kept.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(weighted.second.numpy(), kept.T @ kept / len(kept), rtol=1e-6)


def by_hand_wasserstein2(F: Array, S: Array) -> float:  # noqa: N803
    """With scipy's general matrix square root, another algorithm than ours."""
    from scipy.linalg import sqrtm

    f, s = F.reshape(-1, F.shape[-1]), S.reshape(-1, S.shape[-1])
    C1, C2 = np.cov(f.T, bias=True), np.cov(s.T, bias=True)
    root = np.real(sqrtm(C2))
    cross = np.real(np.trace(sqrtm(root @ C1 @ root)))
    return float(((f.mean(0) - s.mean(0)) ** 2).sum() + np.trace(C1) + np.trace(C2) - 2 * cross)


def test_wasserstein2_of_gaussians(rng: np.random.Generator) -> None:
    F, S = rng.normal(size=SHAPE), 2 * rng.normal(size=SHAPE) + 1
    target = losses.moments(tf.constant(S))
    root = losses.matrix_square_root(losses.covariance(target))

    def loss(x: object) -> object:
        return losses.wasserstein2_loss(losses.moments(x), target, root)

    assert float(loss(tf.constant(F))) == pytest.approx(by_hand_wasserstein2(F, S), rel=1e-6)  # type: ignore[arg-type]
    assert float(loss(tf.constant(S))) == pytest.approx(0.0, abs=1e-6)  # type: ignore[arg-type]
    relative = losses.relative_wasserstein2_loss(losses.moments(tf.constant(F)), target, root)
    energy = np.trace(by_hand_gram(S)) / (SHAPE[1] * SHAPE[2])
    assert float(relative) == pytest.approx(by_hand_wasserstein2(F, S) / energy, rel=1e-6)
    assert_gradient(loss, F)


def test_wasserstein2_gradient_is_finite_on_dead_filters() -> None:
    F = np.zeros(SHAPE)
    F[..., 0] = np.random.default_rng(1).normal(size=SHAPE[:3])
    target = losses.moments(tf.constant(F * 2))
    root = losses.matrix_square_root(losses.covariance(target))
    with tf.GradientTape() as tape:
        x = tf.constant(F)
        tape.watch(x)
        value = losses.wasserstein2_loss(losses.moments(x), target, root)
    assert np.isfinite(tape.gradient(value, x).numpy()).all()
