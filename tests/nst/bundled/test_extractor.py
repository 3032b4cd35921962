from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nst.bundled.extractor import BundledExtractor, load_bundled_extractor
from nst.bundled.weights import EXTRACTOR, FOLDER
from nst.errors import OperatorError

pytestmark = pytest.mark.tensorflow

MAX_SIZE_BYTES = 1_000_000
CHANNELS = {
    "block1_conv1": 16,
    "block2_conv1": 32,
    "block3_conv1": 64,
    "block4_conv1": 128,
    "block4_conv2": 128,
    "block5_conv1": 128,
}


@pytest.fixture(scope="module")
def extractor() -> BundledExtractor:
    return load_bundled_extractor()


def test_size() -> None:
    assert (FOLDER / EXTRACTOR).stat().st_size <= MAX_SIZE_BYTES


def test_an_absent_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        load_bundled_extractor(tmp_path)
    assert caught.value.code == "weights_missing"


@pytest.mark.parametrize(("height", "width"), [(64, 64), (61, 87), (32, 33)])
def test_layers(extractor: BundledExtractor, height: int, width: int) -> None:
    features = extractor.features(tf.random.uniform([2, height, width, 3], seed=1))
    assert {name: feature.shape[-1] for name, feature in features.items()} == CHANNELS
    for name, feature in features.items():
        shrunk = 2 ** (int(name[5]) - 1)
        assert feature.shape[1:3] == (height // shrunk, width // shrunk)
        assert np.isfinite(feature.numpy()).all()
        assert feature.numpy().min() >= 0.0


def test_gradients_reach_the_image(extractor: BundledExtractor) -> None:
    image = tf.Variable(tf.random.uniform([1, 48, 48, 3], seed=1))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(extractor.features(image)["block5_conv1"])
    assert float(tf.reduce_max(tf.abs(tape.gradient(loss, image)))) > 0


def test_tells_textures_apart(extractor: BundledExtractor) -> None:
    """Two cuts of one texture are nearer to each other than to another texture of the same colours."""
    rng = np.random.default_rng(0)
    stripes = np.repeat(np.tile([0.2, 0.8], (96, 48))[..., None], 3, -1).repeat(2, 1)[:, :192]
    noise = rng.choice([0.2, 0.8], (96, 192, 1)).repeat(3, -1)
    left, right, other = (_gram(extractor, part) for part in (stripes[:, :96], stripes[:, 96:], noise[:, :96]))
    assert np.linalg.norm(left - right) < 0.3 * np.linalg.norm(left - other)


def _gram(extractor: BundledExtractor, picture: np.ndarray) -> np.ndarray:
    feature = extractor.features(tf.constant(picture[None], tf.float32))["block3_conv1"].numpy().reshape(-1, 64)
    return np.asarray(feature.T @ feature / len(feature))
