"""A SavedModel's function of two pictures as one flat graph, its weights still outside.

TensorFlow copies the constants of a graph many times (Python's graph, the runtime's, each optimiser pass),
so a module that is frozen whole takes several times its weights. Here the weights stay outside, in memory that is
none of TensorFlow's; only the half that is worth it gets them as constants, see ``FlatGraph.half``.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst.device import configure_tensorflow

# Where a stylization graph can be cut: the style vector and the norms' statistics, found by structure.
#
# A graph of two pictures has a *style vector* if one tensor without spatial extent carries all that
# the output learns from the style picture. Names and widths do not matter: 768 numbers in the public
# Magenta module, 100 in its small sibling, anything in a module of one's own.
#
# Operates on ``GraphDef`` only, so it neither loads nor runs TensorFlow.
Shape = Sequence[int | None] | None
Edges = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Cut:
    """Operation names of a flat graph where it comes apart.

    Attributes:
        content: Placeholder of the content image.
        style: Placeholder of the style image.
        vector: The style vector.
        statistics: Spatial means that only the content's half computes (means and variances of the
            instance norms), in topological order.
    """

    content: str
    style: str
    vector: str
    statistics: tuple[str, ...]


def find_cut(nodes: Iterable[Any], inputs: Sequence[str], output: str, shape_of: Callable[[str], Shape]) -> Cut | None:
    """Find the style vector of a graph.

    Args:
        nodes: ``NodeDef``s of a flat, frozen graph.
        inputs: Names of its two placeholders; where structure does not tell them apart, content comes first.
        output: Name of the operation that gives the pastiche.
        shape_of: Static shape of an operation's first output, None where it is unknown.

    Returns:
        The cut nearest to the output, or None if no single tensor carries the style.
    """
    if len(inputs) != 2:
        return None
    by_name = {node.name: node for node in nodes}
    parents = {name: [_operation(entry) for entry in node.input] for name, node in by_name.items()}
    children = _reversed(parents)
    needed = _reach(parents, output)
    for content, style in (inputs, inputs[::-1]):
        behind_content = _reach(children, content) & needed
        behind_style = (_reach(children, style) & needed) - behind_content
        for name in reversed(_topological(parents, behind_style)):
            if _is_vector(shape_of(name)) and output not in _reach(children, style, without=name):
                means = _spatial_means(by_name, behind_content, shape_of)
                order = _topological(parents, means)
                return Cut(content, style, name, tuple(order))
    return None


def _operation(entry: str) -> str:
    """``^control`` and ``name:1`` to the operation's name."""
    return entry.lstrip("^").split(":")[0]


def _reversed(parents: Edges) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, above in parents.items():
        for parent in above:
            children[parent].append(name)
    return children


def _reach(edges: Edges, start: str, without: str | None = None) -> set[str]:
    seen, queue = {start}, deque([start])
    while queue:
        for name in edges[queue.popleft()]:
            if name not in seen and name != without:
                seen.add(name)
                queue.append(name)
    return seen


def _topological(parents: Edges, wanted: set[str]) -> list[str]:
    """``wanted`` in an order in which every operation follows what it needs."""
    order: list[str] = []
    done: set[str] = set()
    for root in sorted(wanted):
        stack = [(root, False)]
        while stack:
            name, ready = stack.pop()
            if ready:
                order.append(name)
            elif name not in done:
                done.add(name)
                stack.append((name, True))
                stack.extend((parent, False) for parent in parents[name])
    return [name for name in order if name in wanted]


def _is_vector(shape: Shape) -> bool:
    """(N, D) or (N, 1, 1, D), D known."""
    if shape is None or len(shape) not in (2, 4) or shape[-1] in (None, 1):
        return False
    return all(side == 1 for side in shape[1:-1])


def _spatial_means(by_name: Mapping[str, Any], candidates: set[str], shape_of: Callable[[str], Shape]) -> set[str]:
    """``Mean`` over height and width of an NHWC tensor."""
    found = set()
    for name in candidates:
        node = by_name[name]
        if node.op == "Mean":
            source = shape_of(_operation(node.input[0]))
            axes = _constant_integers(by_name.get(_operation(node.input[1])))
            if source is not None and len(source) == 4 and sorted(axis % 4 for axis in axes) == [1, 2]:
                found.add(name)
    return found


def _constant_integers(node: Any) -> list[int]:
    if node is None or node.op != "Const" or node.attr["value"].tensor.dtype not in (3, 9):  # int32, int64
        return []
    tensor = node.attr["value"].tensor
    if tensor.tensor_content:
        width = 4 if tensor.dtype == 3 else 8
        raw = tensor.tensor_content
        return [int.from_bytes(raw[i : i + width], "little", signed=True) for i in range(0, len(raw), width)]
    return [int(value) for value in (tensor.int_val if tensor.dtype == 3 else tensor.int64_val)]


Array = NDArray[Any]

# EIGEN_MAX_ALIGN_BYTES with AVX-512; whatever a processor has, it is no more.
_ALIGNMENT_BYTES = 64


@dataclass(frozen=True)
class FlatGraph:
    """A function without functions in it.

    Attributes:
        definition: Its ``GraphDef``; weights are placeholders, some of them of variables' handles.
        inputs: Names of its pictures' placeholders.
        outputs: Names of what it gives.
        weights: What its other placeholders stand for, see ``aligned``.
    """

    definition: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: dict[str, Array]

    def cut(self) -> Cut | None:
        """Where it comes apart; None if nowhere."""
        tf = configure_tensorflow()
        with tf.Graph().as_default() as graph:
            # Shapes are known by those of weights.
            weights = {name: tf.compat.v1.placeholder(it.dtype, it.shape) for name, it in self.weights.items()}
            inside = {f"{reader}:0": weights[name] for reader, name in self.readings(self.definition).items()}
            tf.import_graph_def(self.definition, input_map=inside, name="")
        return find_cut(self.definition.node, self.inputs, self.outputs[0], lambda name: _shape(graph, name))

    def half(self, sources: Mapping[str, Any], target: str, fold: bool = False) -> Any:
        """The ``GraphDef`` of what lies between ``sources`` and ``target``.

        Control edges are left out: there is nothing in the function of a picture to wait for.

        Args:
            sources: Names of operations that become float32 placeholders, with their ``TensorShape``.
            target: Name of an operation.
            fold: Turn variables into constants.
        """
        half, waiting, done = type(self.definition)(), [target], set(sources)
        half.versions.CopyFrom(self.definition.versions)
        half.library.CopyFrom(self.definition.library)
        nodes = self._nodes
        for name, shape in sources.items():
            added = half.node.add(name=name, op="Placeholder")
            added.attr["dtype"].type = configure_tensorflow().float32.as_datatype_enum
            added.attr["shape"].shape.CopyFrom(shape.as_proto())
        while waiting:
            name = waiting.pop()
            if name not in done:
                done.add(name)
                node = self._folded(nodes[name]) if fold else nodes[name]
                inputs = [entry for entry in node.input if not entry.startswith("^")]
                added = half.node.add()
                added.CopyFrom(node)
                added.ClearField("input")
                added.input.extend(inputs)
                waiting.extend(entry.split(":")[0] for entry in inputs)
        return half

    def weights_bytes(self, definition: Any) -> int:
        """Size of the weights that a ``GraphDef`` of this graph's nodes uses."""
        return sum(self.weights[node.name].nbytes for node in definition.node if node.name in self.weights)

    def value(self, entry: str) -> Array | None:
        """What a constant or a variable holds; None for anything else.

        Args:
            entry: Name of an operation or of its only output; what only passes a tensor on may lie between.
        """
        node = self._nodes[entry.split(":")[0]]
        while node.op in ("Identity", "ReadVariableOp"):
            node = self._nodes[node.input[0].split(":")[0]]
        if node.name in self.weights:
            return self.weights[node.name]
        return configure_tensorflow().make_ndarray(node.attr["value"].tensor) if node.op == "Const" else None

    @functools.cached_property
    def _nodes(self) -> dict[str, Any]:
        return {node.name: node for node in self.definition.node}

    def readings(self, definition: Any) -> dict[str, str]:
        """Operations of a ``GraphDef`` that give a weight, and the weight's name."""
        return {node.name: source for node in definition.node if (source := self._weight_of(node))}

    def _weight_of(self, node: Any) -> str:
        """A handle is no weight, but what reads it gives one, whatever it passes through."""
        source = node
        while source.op in ("Identity", "ReadVariableOp"):
            source = self._nodes[source.input[0].split(":")[0]]
        if source.name not in self.weights:
            return ""
        is_handle = source.attr["dtype"].type == configure_tensorflow().resource.as_datatype_enum
        return str(source.name) if node.op == ("ReadVariableOp" if is_handle else "Placeholder") else ""

    def _folded(self, node: Any) -> Any:
        """A reading of a variable as a constant; any other node as it is."""
        value = self.value(node.name) if node.op == "ReadVariableOp" else None
        return node if value is None else constant(node.name, value)


def flatten(folder: Path) -> FlatGraph:
    """Load a SavedModel and flatten its first signature.

    Args:
        folder: Holds ``saved_model.pb``.
    """
    tf = configure_tensorflow()
    # The step of TensorFlow's own freezing that puts called functions in place of their calls.
    from tensorflow.python.framework.convert_to_constants import _run_inline_graph_optimization

    loaded = tf.saved_model.load(str(folder))  # held to the end: functions do not keep their variables alive
    signatures = loaded.signatures
    function = signatures["serving_default"] if "serving_default" in signatures else next(iter(signatures.values()))
    definition = _run_inline_graph_optimization(function, lower_control_flow=True, aggressive_inlining=False)
    owners = {id(variable.handle): variable for variable in function.graph.variables}
    captures = {inside.op.name: owners.get(id(outside), outside) for outside, inside in function.graph.captures}
    return FlatGraph(
        definition,
        tuple(tensor.op.name for tensor in function.inputs if tensor.op.name not in captures),
        tuple(tensor.op.name for tensor in function.outputs),
        {name: aligned(captured.numpy()) for name, captured in captures.items()},
    )


def aligned(array: NDArray[Any]) -> Array:
    """A copy at an address from which TensorFlow can use it without making another copy.

    In memory of its own, too: among what TensorFlow allocates for pictures, weights would lie between the holes.
    """
    room = np.empty(array.nbytes + _ALIGNMENT_BYTES, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT_BYTES
    copied: Array = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copied[...] = array
    return copied


def constant(name: str, value: NDArray[np.generic]) -> Any:
    """A ``NodeDef`` of a constant."""
    tf = configure_tensorflow()
    node = tf.compat.v1.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node


def _shape(graph: Any, name: str) -> list[int | None] | None:
    outputs = graph.get_operation_by_name(name).outputs
    if not outputs or outputs[0].shape.rank is None:
        return None
    sides: list[int | None] = outputs[0].shape.as_list()
    return sides
