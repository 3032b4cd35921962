"""A SavedModel's function of two pictures as one flat graph, its weights still outside.

TensorFlow copies the constants of a graph many times (Python's graph, the runtime's, each optimiser pass),
so a module that is frozen whole takes several times its weights. Here the weights stay variables; only the
half that is worth it gets them as constants, see ``FlatGraph.half``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst.device import configure_tensorflow
from nst.graph_cut import Cut, find_cut


@dataclass(frozen=True)
class FlatGraph:
    """A function without functions in it.

    Attributes:
        definition: Its ``GraphDef``; variables are placeholders of their handles.
        inputs: Names of its pictures' placeholders.
        outputs: Names of what it gives.
        handles: What its other placeholders stand for: tensors, most of them handles of variables.
        variables: The variables among them; they live as long as somebody holds them.
    """

    definition: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    handles: dict[str, Any]
    variables: dict[str, Any]

    def cut(self) -> Cut | None:
        """Where it comes apart; None if nowhere."""
        graph = self.function(self.definition).graph
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
        """Size of the variables that a ``GraphDef`` of this graph's nodes uses."""
        used = [self.variables[node.name] for node in definition.node if node.name in self.variables]
        return sum(variable.shape.num_elements() * variable.dtype.size for variable in used)

    def weights(self, definition: Any) -> dict[str, Any]:
        """Tensors for a ``GraphDef``'s placeholders, except its inputs', by their names."""
        names = {node.name for node in definition.node} & set(self.handles)
        return {
            name: self.variables[name].read_value() if name in self.variables else self.handles[name] for name in names
        }

    def value(self, entry: str) -> NDArray[Any] | None:
        """What a constant or a variable holds; None for anything else.

        Args:
            entry: Name of an operation or of its only output; what only passes a tensor on may lie between.
        """
        node = self._nodes[entry.split(":")[0]]
        while node.op in ("Identity", "ReadVariableOp"):
            node = self._nodes[node.input[0].split(":")[0]]
        if node.name in self.variables:
            held: NDArray[Any] = self.variables[node.name].numpy()
            return held
        return configure_tensorflow().make_ndarray(node.attr["value"].tensor) if node.op == "Const" else None

    @functools.cached_property
    def _nodes(self) -> dict[str, Any]:
        return {node.name: node for node in self.definition.node}

    def function(self, definition: Any) -> Any:
        """A ``GraphDef`` of this graph's nodes as a function without inputs, to be pruned."""
        tf = configure_tensorflow()
        names = {node.name for node in definition.node} & set(self.handles)

        def body() -> None:
            graph = tf.compat.v1.get_default_graph()
            inside = {f"{name}:0": graph.capture(self.handles[name]) for name in names}
            tf.import_graph_def(definition, input_map=inside, name="")

        return tf.compat.v1.wrap_function(body, [])

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
    handles = {inside.op.name: outside for outside, inside in function.graph.captures}
    owners = {id(variable.handle): variable for variable in function.graph.variables}
    return FlatGraph(
        definition,
        tuple(tensor.op.name for tensor in function.inputs if tensor.op.name not in handles),
        tuple(tensor.op.name for tensor in function.outputs),
        handles,
        {name: owners[id(handle)] for name, handle in handles.items() if id(handle) in owners},
    )


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
