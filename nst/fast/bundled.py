"""The bundled network in the shape in which split modules come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nst.bundled import layers
from nst.bundled.network import BundledNetwork
from nst.device import configure_tensorflow
from nst.fast.graph import Cut, FlatGraph
from nst.fast.network import SplitModule

_STYLE, _CONTENT, _VECTOR, _PICTURE = "style", "content", "vector", "picture"


def split(network: BundledNetwork, *, traced: bool = False) -> SplitModule:
    """Both halves of the network as functions of arrays.

    Args:
        network: Pure TensorFlow functions.
        traced: As for ``SplitModule``.
    """
    tf = configure_tensorflow()
    with tf.Graph().as_default() as graph:
        constants = {name: tf.constant(weight.numpy()) for name, weight in network.weights.items()}
        fixed = replace(network, weights=constants)
        vector = tf.identity(fixed.style_vector(_picture(_STYLE)), _VECTOR)
        painting = fixed.paint(_picture(_CONTENT), vector)
        tf.identity(painting.picture, _PICTURE)
    cut = Cut(_CONTENT, _STYLE, _VECTOR, _names(painting.statistics))
    flat = FlatGraph(graph.as_graph_def(), (_CONTENT, _STYLE), (_PICTURE,), {})
    return SplitModule(flat, cut, network.identity, traced=traced)


def _picture(name: str) -> Any:
    tf = configure_tensorflow()
    return tf.compat.v1.placeholder(tf.float32, [None, None, None, 3], name)


def _names(statistics: layers.Statistics) -> tuple[str, ...]:
    return tuple(tensor.op.name for moments in statistics for tensor in moments)
