"""The bundled network as compiled functions of arrays, the shape in which split modules come."""

from __future__ import annotations

from typing import Any

from nst.bundled.network import BundledNetwork
from nst.device import configure_tensorflow
from nst.hub_module import Floats


class CompiledNetwork:
    """A ``StyleNetwork``: traced once, whatever the pictures' sizes.

    Args:
        network: Pure TensorFlow functions.
    """

    def __init__(self, network: BundledNetwork) -> None:
        tf = configure_tensorflow()
        self.identity = network.identity
        self.vector_width = network.vector_width
        picture = tf.TensorSpec([None, None, None, 3], tf.float32)
        vector = tf.TensorSpec([None, 1, 1, network.vector_width], tf.float32)
        self._encode = tf.function(network.style_vector, input_signature=[picture])
        self._transform = tf.function(
            lambda content, v: network.transform(content, v), input_signature=[picture, vector]
        )
        self._measure = tf.function(network.norm_statistics, input_signature=[picture, vector])
        self._transform_with = tf.function(network.transform, reduce_retracing=True)

    def style_vector(self, style: Floats) -> Floats:
        """``[N, h, w, 3]`` to ``[N, 1, 1, D]``."""
        return _array(self._encode(configure_tensorflow().constant(style)))

    def transform(self, content: Floats, vector: Floats, statistics: Any = None) -> Floats:
        """``[N, h, w, 3]`` and ``[N, 1, 1, D]`` to ``[N, h, w, 3]``; tiles share one shape."""
        tf = configure_tensorflow()
        pair = (tf.constant(content), tf.constant(vector))
        if statistics is None:
            return _array(self._transform(*pair))
        return _array(self._transform_with(*pair, statistics))

    def norm_statistics(self, content: Floats, vector: Floats) -> Any:
        """What ``transform`` takes as ``statistics``."""
        tf = configure_tensorflow()
        return self._measure(tf.constant(content), tf.constant(vector))


def _array(tensor: Any) -> Floats:
    array: Floats = tensor.numpy()
    return array
