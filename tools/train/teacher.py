"""The teacher: an arbitrary-style SavedModel, cut at its style vector.

The teacher is any module with the interface of Magenta's arbitrary image stylization (Ghiasi et al. 2017,
"Exploring the structure of a real-time, arbitrary neural artistic stylization network"). Its loaded graph is cut at
the one tensor that feeds every beta/gamma convolution of the conditional instance norms.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

_STYLE_PARAMETER = re.compile(r"^style_params/.*/StyleNorm/Conv(_1)?/Conv2D$")
# Hidden activations that the student may be led by (FitNets, Romero et al. 2015), from shallow to deep.
_HINTS = (
    "transformer/contract/conv3/Relu",
    "transformer/residual/residual3/add",
    "transformer/residual/residual5/add",
    "transformer/expand/conv1/conv/Relu",
)


@dataclass(frozen=True)
class Teacher:
    """The two halves of the teacher, pure TensorFlow functions of constants.

    Attributes:
        vector: style image [N,h,w,3] float32 0..1 -> style vector [N,1,1,D].
        paint: (content [N,h,w,3] 0..1, vector [N,1,1,D]) -> pastiche [N,h',w',3] 0..1, sides rounded up to 4.
        paint_with_hints: the same, followed by its hidden activations; no activations where their names are unknown.
    """

    vector: Callable[[tf.Tensor], tf.Tensor]
    paint: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    paint_with_hints: Callable[[tf.Tensor, tf.Tensor], list[tf.Tensor]]


def load_teacher(folder: Path) -> Teacher:
    """Load the SavedModel in `folder` and cut it at the style vector.

    Args:
        folder: a SavedModel called as module(content, style).

    Returns:
        Both halves with their weights folded to constants, for speed.

    Raises:
        ValueError: the graph has no single tensor that feeds all style parameters.
    """
    module = tf.saved_model.load(str(folder))
    concrete = module.__call__
    graph_def = _folded(concrete)
    content, style = (tensor.name for tensor in concrete.inputs[:2])
    vector = _bottleneck(concrete.graph)
    output = concrete.outputs[0].name
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph_def, name=""), [])
    find = wrapped.graph.get_tensor_by_name
    hints = [find(f"{name}:0") for name in _HINTS if name in {node.name for node in graph_def.node}]
    return Teacher(
        vector=wrapped.prune(find(style), find(vector)),
        paint=wrapped.prune([find(content), find(vector)], find(output)),
        paint_with_hints=wrapped.prune([find(content), find(vector)], [find(output), *hints]),
    )


def _bottleneck(graph: Any) -> str:
    fed_by = {op.inputs[0].name for op in graph.get_operations() if _STYLE_PARAMETER.match(op.name)}
    if len(fed_by) != 1:
        raise ValueError(f"expected one tensor to feed all style parameters, found {sorted(fed_by)}")
    return str(fed_by.pop())


def _folded(concrete: Any) -> Any:
    """The function's graph_def with every read of a variable replaced by a constant."""
    graph_def = concrete.graph.as_graph_def()
    captures = {inner.op.name: outer for outer, inner in concrete.graph.captures}
    values = {variable.handle.ref(): variable.numpy() for variable in concrete.graph.variables}
    for node in graph_def.node:
        if node.op == "ReadVariableOp" and node.input[0] in captures:
            value = values[captures[node.input[0]].ref()]
            name = node.name
            node.Clear()
            node.name, node.op = name, "Const"
            node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return graph_def
