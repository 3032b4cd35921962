"""Colour transport against its definition, and against pictures that are flat or grey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import exposure

from nst.colour import guided_filter, keep_colours, luma, match_histograms, transport, transport_map

Floats = NDArray[np.float32]
WARM = (0.6, 0.4, 0.25)
COLD = (0.3, 0.45, 0.6)


def cloud(mean: tuple[float, float, float], seed: int, spread: float = 0.08) -> Floats:
    """Correlated colours round a mean, far from 0 and 1."""
    random = np.random.default_rng(seed)
    mix = random.normal(size=(3, 3))
    mix *= spread / np.linalg.norm(mix, axis=0).max()
    return (np.array(mean) + random.uniform(-1.5, 1.5, (60, 70, 3)) @ mix).astype(np.float32)


def moments(rgb: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    colours = rgb.reshape(-1, 3).astype(np.float64)
    return colours.mean(0), np.cov(colours.T)


@pytest.mark.parametrize("seed", range(4))
def test_transport_gives_the_targets_statistics(seed: int) -> None:
    target = cloud(COLD, seed + 10)
    mean, covariance = moments(transport_map(cloud(WARM, seed), target)(cloud(WARM, seed)))
    wanted_mean, wanted_covariance = moments(target)
    assert np.abs(mean - wanted_mean).max() < 1e-5
    # The noise floor (0.02) keeps the covariance from being met exactly.
    assert np.abs(np.sqrt(np.diag(covariance)) - np.sqrt(np.diag(wanted_covariance))).max() < 0.025


@pytest.mark.parametrize("seed", range(4))
def test_map_is_symmetric_and_positive(seed: int) -> None:
    """Brenier: the optimal map is the gradient of a convex function."""
    matrix = transport_map(cloud(WARM, seed), cloud(COLD, seed + 10)).matrix
    assert np.allclose(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_map_moves_colours_less_than_another_map_to_the_same_statistics() -> None:
    source, target = cloud(WARM, 1), cloud(COLD, 2)
    chosen = transport_map(source, target)
    floor = 0.02**2 * np.eye(3)
    (source_mean, a), (target_mean, b) = moments(source), moments(target)
    # Cholesky's map (Reinhard in correlated colours) has the same mean and covariance.
    other = np.linalg.inv(np.linalg.cholesky(a + floor)).T @ np.linalg.cholesky(b + floor).T
    moved = (source - source_mean) @ other + target_mean
    assert ((chosen(source) - source) ** 2).mean() < ((moved - source) ** 2).mean()


def test_transport_to_itself_changes_nothing() -> None:
    source = cloud(WARM, 5)
    assert np.abs(transport(source, source) - source).max() < 1e-5


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_source_takes_the_targets_mean(value: float) -> None:
    flat = np.full((20, 20, 3), value, np.float32)
    target = cloud(COLD, 3)
    assert np.allclose(transport(flat, target), target.reshape(-1, 3).mean(0), atol=1e-4)


def test_noise_of_a_flat_picture_is_not_blown_up() -> None:
    """JPEG noise of a level or two must not be stretched into the style's whole range."""
    noisy = (0.5 + np.random.default_rng(0).normal(0, 1 / 255, (64, 64, 3))).astype(np.float32)
    target = cloud(COLD, 3, spread=0.3)
    assert transport(noisy, target).std(axis=(0, 1)).max() < 0.3 * target.std(axis=(0, 1)).max()


def test_grey_stays_free_of_false_colours() -> None:
    """Greys lie on a line; mapped, they still lie on one."""
    grey = np.repeat(np.random.default_rng(1).uniform(0.2, 0.8, (40, 40, 1)), 3, axis=-1).astype(np.float32)
    values = np.linalg.eigvalsh(moments(transport_map(grey, cloud(COLD, 3))(grey))[1])
    assert values[1] < 1e-3 * values[2]


@given(st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=40, derandomize=True, deadline=None)
def test_transport_stays_in_range(seed: int, level: float, spread: float) -> None:
    random = np.random.default_rng(seed)
    source = np.clip(level + spread * random.normal(size=(8, 9, 3)), 0, 1).astype(np.float32)
    result = transport(source, random.random((5, 4, 3), dtype=np.float32))
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert 0 <= result.min() <= result.max() <= 1


def test_match_histograms_agrees_with_scikit_image() -> None:
    source, target = cloud(WARM, 1), cloud(COLD, 2)
    expected = exposure.match_histograms(source, target, channel_axis=-1)
    assert np.abs(match_histograms(source, target) - expected).mean() < 1e-3


def test_match_histograms_of_flat_pictures() -> None:
    flat = np.full((8, 8, 3), 0.25, np.float32)
    assert np.allclose(match_histograms(flat, flat), 0.25, atol=1e-4)


def test_one_value_goes_to_the_middle_of_its_quantiles() -> None:
    half = np.zeros((10, 10, 3), np.float32)
    half[5:] = np.linspace(0.5, 1, 50, dtype=np.float32).reshape(5, 10, 1)
    ramp = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10, 1).repeat(3, axis=-1)
    assert np.allclose(match_histograms(half, ramp)[:5], 0.25, atol=0.02)


def test_luma_weighs_as_bt709() -> None:
    assert luma(np.eye(3, dtype=np.float32)) == pytest.approx([0.2126, 0.7152, 0.0722])
    assert luma(np.ones((1, 3), np.float32)) == pytest.approx([1.0])


def test_keep_colours_has_the_pastiches_luma_and_the_contents_hue() -> None:
    content, pastiche = cloud(WARM, 1), cloud(COLD, 2)
    kept = keep_colours(content, pastiche)
    assert np.abs(luma(kept) - luma(pastiche)).max() < 1e-4
    chroma, kept_chroma = (rgb - luma(rgb)[..., None] for rgb in (content, kept))
    assert np.abs(np.cross(chroma, kept_chroma)).max() < 1e-4


def test_keep_colours_pales_what_is_out_of_range() -> None:
    content = np.array([[1.0, 0.0, 0.0]], np.float32)
    for brightness in (0.0, 0.5, 0.95, 1.0):
        kept = keep_colours(content, np.full((1, 3), brightness, np.float32))
        assert luma(kept) == pytest.approx([brightness], abs=1e-5)
        assert 0 <= kept.min() <= kept.max() <= 1


def test_guided_filter_smooths_within_edges_only() -> None:
    guide = np.zeros((40, 80), np.float32)
    guide[:, 40:] = 1
    noise = np.random.default_rng(2).normal(0, 0.05, (40, 80, 1)).astype(np.float32)
    smooth = guided_filter(guide, guide[..., None] + noise, radius_px=6)[..., 0]
    assert smooth[:, 50:].std() < 0.3 * noise.std()
    assert smooth[:, 38].mean() < 0.05
    assert smooth[:, 41].mean() > 0.95
