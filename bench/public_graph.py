"""The public module's graph with random weights, for where the real ones cannot be had: time does not depend on them.

google/magenta/arbitrary-image-stylization-v1-256/2 is Inception v3 up to Mixed_6e, its mean as the style vector, and
a transformer of three convolutions down, five residual blocks and three convolutions up whose instance norms
take their scale and shift from the vector (Ghiasi et al. 2017, section 3; 81 GFLOP for 512 x 512 px).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nst.device import configure_tensorflow

VECTOR_WIDTH = 768


def save_public_graph(folder: Path) -> Path:
    """Write a SavedModel that is called as the public one: ``module(content, style)`` gives a list of one picture."""
    tf = configure_tensorflow()
    module = tf.Module()
    painter = _Painter(tf)
    module.encoder = encoder = tf.keras.applications.InceptionV3(include_top=False, weights=None)
    middle = tf.keras.Model(encoder.input, encoder.get_layer("mixed7").output)

    def paint(placeholder: Any, placeholder_1: Any) -> Any:
        features = middle(placeholder_1 * 2 - 1, training=False)
        return [painter(placeholder, tf.reduce_mean(features, [1, 2], keepdims=True))]

    picture = [tf.TensorSpec([None, None, None, 3], tf.float32, name=n) for n in ("placeholder", "placeholder_1")]
    function = tf.function(paint, input_signature=picture)
    module.paint = function
    signature = tf.function(lambda placeholder, placeholder_1: {"output_0": paint(placeholder, placeholder_1)[0]})
    concrete = signature.get_concrete_function(*picture)
    module.painter = list(painter.variables.values())  # made while tracing; tracked from here on
    tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})
    return folder


class _Painter:
    def __init__(self, tf: Any) -> None:
        self._tf = tf
        self._random = tf.random.Generator.from_seed(1)
        self.variables: dict[str, Any] = {}

    def __call__(self, x: Any, vector: Any) -> Any:
        tf = self._tf
        for name, side, width, stride in (("down1", 9, 32, 1), ("down2", 3, 64, 2), ("down3", 3, 128, 2)):
            x = tf.nn.relu(self._normed(self._convolved(x, name, side, width, stride), None, name))
        for block in range(5):
            inner = tf.nn.relu(self._normed(self._convolved(x, f"a{block}", 3, 128), vector, f"a{block}"))
            x += self._normed(self._convolved(inner, f"b{block}", 3, 128), vector, f"b{block}")
        for name, width in (("up1", 64), ("up2", 32)):
            x = tf.image.resize(x, 2 * tf.shape(x)[1:3], "nearest")
            x = tf.nn.relu(self._normed(self._convolved(x, name, 3, width), vector, name))
        return tf.sigmoid(self._normed(self._convolved(x, "out", 9, 3), vector, "out"))

    def _convolved(self, x: Any, name: str, side: int, width: int, stride: int = 1) -> Any:
        pad = side // 2
        kernel = self._variable(f"{name}/kernel", (side, side, x.shape[-1], width))
        padded = self._tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]], "REFLECT")
        return self._tf.nn.conv2d(padded, kernel, stride, "VALID")

    def _normed(self, x: Any, vector: Any, name: str) -> Any:
        tf = self._tf
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        beta, gamma = (self._scale(vector, f"{name}/{kind}", x.shape[-1]) for kind in ("beta", "gamma"))
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-5)

    def _scale(self, vector: Any, name: str, width: int) -> Any:
        if vector is None:
            return self._variable(name, (width,)) * 0.1 + (1.0 if name.endswith("gamma") else 0.0)
        shift = self._tf.nn.conv2d(vector, self._variable(name, (1, 1, VECTOR_WIDTH, width)), 1, "SAME")
        # Scales around 1, as a trained network has them: else the picture is one flat grey, which hides every error.
        return shift + (1.0 if name.endswith("gamma") else 0.0)

    def _variable(self, name: str, shape: tuple[int, ...]) -> Any:
        if name not in self.variables:
            with self._tf.init_scope():
                scale = 1.4 / max(1.0, float(self._tf.reduce_prod(shape[:-1]))) ** 0.5
                self.variables[name] = self._tf.Variable(self._random.normal(shape) * scale)
        return self.variables[name]


if __name__ == "__main__":
    save_public_graph(Path(sys.argv[1]))
