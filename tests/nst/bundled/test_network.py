import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from skimage import data as samples

from nst.bundled.network import BundledNetwork, load_bundled
from nst.bundled.weights import FOLDER, NETWORK
from nst.errors import OperatorError

pytestmark = pytest.mark.tensorflow

Float = NDArray[np.float32]
MAX_SIZE_BYTES = 1_500_000


@pytest.fixture(scope="module")
def network() -> BundledNetwork:
    return load_bundled()


@pytest.fixture(scope="module")
def content() -> Float:
    picture: Float = samples.astronaut()[:384:3, :480:3].astype(np.float32) / np.float32(255)  # type: ignore[no-untyped-call]
    return picture[None]


@pytest.fixture(scope="module")
def style() -> Float:
    """Orange and teal stripes, drawn."""
    y, x = np.mgrid[0:150, 0:200]
    stripe = 0.5 + 0.5 * np.sin((x + y) / 4)[..., None]
    return np.asarray(stripe * [0.95, 0.5, 0.1] + (1 - stripe) * [0.05, 0.3, 0.4], np.float32)[None]


def test_size() -> None:
    assert (FOLDER / NETWORK).stat().st_size <= MAX_SIZE_BYTES


def test_holds_float16_arrays_only() -> None:
    with zipfile.ZipFile(FOLDER / NETWORK) as archive:
        headers = [archive.read(name)[:128] for name in archive.namelist()]
    assert headers
    assert all(b"'descr': '<f2'" in header for header in headers)


def test_loads_in_a_moment(record_property: Callable[[str, object], None]) -> None:
    """Under 0.2 s on an idle machine; reported, because a busy one may be slower."""
    started = time.perf_counter()
    load_bundled()
    record_property("load_s", round(time.perf_counter() - started, 3))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    damaged = bytearray((FOLDER / NETWORK).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / NETWORK).write_bytes(damaged)
    with pytest.raises(OperatorError) as caught:
        load_bundled(tmp_path)
    assert caught.value.code == "weights_missing"
    assert "checksum" in str(caught.value.detail["reason"])


def test_an_absent_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        load_bundled(tmp_path)
    assert caught.value.code == "weights_missing"


def test_another_folder_serves_as_well(tmp_path: Path, network: BundledNetwork) -> None:
    shutil.copy(FOLDER / NETWORK, tmp_path)
    assert load_bundled(tmp_path).identity == network.identity


def test_identity_names_the_weights(network: BundledNetwork) -> None:
    assert network.identity.startswith("bundled-")
    assert len(network.identity) == len("bundled-") + 12


@pytest.mark.parametrize(("height", "width"), [(64, 64), (61, 87), (33, 128), (7, 90), (1, 1)])
def test_any_size(network: BundledNetwork, height: int, width: int) -> None:
    vector = network.style_vector(tf.random.uniform([1, height, width, 3], seed=1))
    assert vector.shape == (1, 1, 1, network.vector_width)
    pastiche = network.transform(tf.random.uniform([2, height, width, 3], seed=2), vector).numpy()
    assert pastiche.shape == (2, height, width, 3)
    assert np.isfinite(pastiche).all()
    assert pastiche.min() >= 0.0
    assert pastiche.max() <= 1.0


def test_unknown_sizes_in_a_graph(network: BundledNetwork, content: Float, style: Float) -> None:
    signature = [tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, None, None, 3])]
    whole = tf.function(lambda c, s: network.transform(c, network.style_vector(s)), input_signature=signature)
    cropped = content[:, :101, :90]
    eager = network.transform(tf.constant(cropped), network.style_vector(tf.constant(style)))
    np.testing.assert_allclose(whole(tf.constant(cropped), tf.constant(style)), eager, atol=2e-3)


def test_a_batch_is_the_same_as_one_by_one(network: BundledNetwork, content: Float, style: Float) -> None:
    vectors = tf.concat([network.style_vector(tf.constant(s)) for s in (style, style[..., ::-1])], 0)
    both = network.transform(tf.constant(np.repeat(content, 2, 0)), vectors)
    single = network.transform(tf.constant(content), vectors[1:])
    np.testing.assert_allclose(both[1:], single, atol=2e-3)


def test_styles_blend(network: BundledNetwork, content: Float, style: Float) -> None:
    """Half of two vectors paints a picture whose mean colour lies between the two, and whose pixels are neither's."""
    a, b = (network.style_vector(tf.constant(s)) for s in (style, style[..., ::-1]))
    first, mixed, second = (network.transform(tf.constant(content), v).numpy() for v in (a, (a + b) / 2, b))
    apart = np.abs(first - second).mean()
    assert np.abs(mixed - first).mean() < apart
    assert np.abs(mixed - second).mean() < apart
    redder = first.mean((0, 1, 2)) - second.mean((0, 1, 2))
    share = (mixed.mean((0, 1, 2)) - second.mean((0, 1, 2))) @ redder / (redder @ redder)
    assert 0.1 < share < 0.9


def test_comes_closer_to_the_style(network: BundledNetwork, content: Float, style: Float) -> None:
    pastiche = network.transform(tf.constant(content), network.style_vector(tf.constant(style))).numpy()
    assert np.abs(pastiche - content).mean() > 0.05
    wanted = _colours(style)
    assert np.linalg.norm(_colours(pastiche) - wanted) < 0.6 * np.linalg.norm(_colours(content) - wanted)


def _colours(picture: Float) -> Float:
    pixels = picture.reshape(-1, 3)
    return np.concatenate([pixels.mean(0), np.cov(pixels.T).ravel() * 4])


def test_own_statistics_change_nothing(network: BundledNetwork, content: Float, style: Float) -> None:
    vector = network.style_vector(tf.constant(style))
    statistics = network.norm_statistics(tf.constant(content), vector)
    plain = network.transform(tf.constant(content), vector)
    np.testing.assert_allclose(network.transform(tf.constant(content), vector, statistics), plain, atol=1e-5)


def test_statistics_of_the_whole_make_tiles_fit(network: BundledNetwork, content: Float, style: Float) -> None:
    vector = network.style_vector(tf.constant(style))
    statistics = network.norm_statistics(tf.constant(content), vector)
    whole = network.transform(tf.constant(content), vector).numpy()[:, :, :32]
    own = network.transform(tf.constant(content[:, :, :96]), vector).numpy()[:, :, :32]
    given = network.transform(tf.constant(content[:, :, :96]), vector, statistics).numpy()[:, :, :32]
    assert np.abs(given - whole).max() < 1e-2
    assert np.abs(given - whole).mean() < np.abs(own - whole).mean()


def test_no_checkerboard(network: BundledNetwork, style: Float) -> None:
    """Painting a flat grey leaves no energy at the pixel frequency."""
    pastiche = network.transform(tf.fill([1, 64, 64, 3], 0.5), network.style_vector(tf.constant(style))).numpy()[0]
    inner = pastiche[16:48, 16:48]
    checker = (-1.0) ** np.add.outer(np.arange(32), np.arange(32))[..., None]
    assert np.abs((inner * checker).mean((0, 1))).max() < 0.01
