"""Small stylization SavedModels, made on the spot, with random weights and a structure of their own."""

import itertools
from pathlib import Path
from typing import Any

from nst.device import configure_tensorflow

WIDTH = 12


def save_splittable(folder: Path, seed: int = 0) -> Path:
    """Two convolutions with conditional instance norm; vector [N, 12], rank 2, names of its own."""
    tf = configure_tensorflow()
    module = _module(tf, seed)

    def paint(photo: Any, art: Any) -> Any:
        pooled = tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(art, module.look, 2, "SAME")), [1, 2])
        vector = tf.linalg.matmul(pooled, module.mix)
        hidden = tf.nn.relu(_norm(tf, tf.nn.conv2d(photo, module.first, 1, "SAME"), vector, module.norms[0]))
        hidden = _norm(tf, tf.nn.conv2d(hidden, module.second, 1, "SAME"), vector, module.norms[1])
        return {"painted": tf.sigmoid(hidden)}

    return _save(tf, module, paint, folder, "photo", "art")


def save_entangled(folder: Path) -> Path:
    """The style reaches the output through a map as well, so no vector carries all of it."""
    tf = configure_tensorflow()
    module = _module(tf, 0)

    def paint(photo: Any, art: Any) -> Any:
        resized = tf.image.resize(art, tf.shape(photo)[1:3])
        mean = tf.reduce_mean(art, [1, 2], keepdims=True)
        return {"painted": 0.5 * photo + 0.3 * resized + 0.2 * mean}

    return _save(tf, module, paint, folder, "photo", "art")


def save_enlarging(folder: Path, factor: int = 2) -> Path:
    """As large transformers are: reflected borders, many channels, enlarged and "enlarged" by one, few channels."""
    tf = configure_tensorflow()
    module = _module(tf, 0)
    random = tf.random.Generator.from_seed(1)
    widths = (3, 96, 96, 8, 3)
    module.kernels = [tf.Variable(random.normal([3, 3, *pair]) * 0.1) for pair in itertools.pairwise(widths)]
    # The last norm has one scale and one shift for all channels.
    module.scales = [tf.Variable(random.normal([WIDTH, 2, width]) * 0.3) for width in (96, 96, 8, 1)]

    def convolved(x: Any, vector: Any, layer: int) -> Any:
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
        return _norm(tf, tf.nn.conv2d(x, module.kernels[layer], 1, "VALID"), vector, module.scales[layer])

    def paint(photo: Any, art: Any) -> Any:
        vector = tf.linalg.matmul(tf.reduce_mean(tf.nn.conv2d(art, module.look, 2, "SAME"), [1, 2]), module.mix)
        x = tf.nn.relu(convolved(photo[:, ::2, ::2], vector, 0))
        x = tf.nn.relu(convolved(x, vector, 1))
        x = tf.nn.relu(convolved(tf.image.resize(x, tf.shape(x)[1:3] * factor, "nearest"), vector, 2))
        sides = tf.shape(x)
        x = tf.compat.v1.image.resize_nearest_neighbor(x, [sides[1], sides[2]])
        return {"painted": tf.sigmoid(convolved(x, vector, 3))}

    return _save(tf, module, paint, folder, "photo", "art")


def save_one_input(folder: Path) -> Path:
    tf = configure_tensorflow()
    module = tf.Module()

    def paint(photo: Any) -> Any:
        return {"painted": 1 - photo}

    return _save(tf, module, paint, folder, "photo")


def _module(tf: Any, seed: int) -> Any:
    module = tf.Module()
    random = tf.random.Generator.from_seed(seed)
    module.look = tf.Variable(random.normal([5, 5, 3, 8]) * 0.3)
    module.mix = tf.Variable(random.normal([8, WIDTH]))
    module.first = tf.Variable(random.normal([3, 3, 3, 6]) * 0.4)
    module.second = tf.Variable(random.normal([3, 3, 6, 3]) * 0.3)
    module.norms = [tf.Variable(random.normal([WIDTH, 2, 6]) * 0.3), tf.Variable(random.normal([WIDTH, 2, 3]) * 0.3)]
    return module


def _norm(tf: Any, x: Any, vector: Any, projection: Any) -> Any:
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    beta, gamma = tf.unstack(tf.einsum("nd,dkc->nkc", vector, projection)[:, :, None, None, :], axis=1)
    return tf.nn.batch_normalization(x, mean, variance, beta, 1 + gamma, 1e-5)


def _save(tf: Any, module: Any, paint: Any, folder: Path, *names: str) -> Path:
    pictures = [tf.TensorSpec([None, None, None, 3], tf.float32, name=name) for name in names]
    function = tf.function(paint, input_signature=pictures)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": function})
    return folder
