"""Change a flat graph operation by operation; what reads a changed operation reads the new one, under the old name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst.device import configure_tensorflow
from nst.flat_graph import FlatGraph, aligned, constant

Floats = NDArray[np.float32]


class GraphRewriting:
    """A graph that is being changed.

    Args:
        flat: The graph as it came; it stays.

    Attributes:
        nodes: ``NodeDef``s by name.
    """

    def __init__(self, flat: FlatGraph) -> None:
        self.nodes = {node.name: node for node in flat.definition.node}
        self._flat = flat
        self._weights = dict(flat.weights)

    def done(self) -> FlatGraph:
        """The graph as it now is."""
        definition = type(self._flat.definition)()
        definition.versions.CopyFrom(self._flat.definition.versions)
        definition.library.CopyFrom(self._flat.definition.library)
        definition.node.extend(self.nodes.values())
        return replace(self._flat, definition=definition, weights=self._weights)

    def graft(
        self, name: str, build: Callable[..., Any], inputs: Sequence[str], shapes: Sequence[Sequence[int | None] | None]
    ) -> None:
        """Put what ``build`` makes of ``inputs`` in an operation's place, under its name."""
        tf = configure_tensorflow()
        with tf.Graph().as_default() as graph:
            given = [tf.compat.v1.placeholder(tf.float32, shape) for shape in shapes]
            tf.identity(build(*given), name="result")
        outside = {tensor.op.name: entry for tensor, entry in zip(given, inputs, strict=True)}
        outside["result"] = name
        for node in graph.as_graph_def().node:
            if node.op != "Placeholder":
                entries = [_renamed(entry, outside, name) for entry in node.input]
                node.name = _renamed(node.name, outside, name)
                node.ClearField("input")
                node.input.extend(entries)
                self.nodes[node.name] = node

    def source(self, entry: str) -> Any:
        """The operation that makes a tensor; what only passes it on is skipped."""
        return self.nodes[self.resolved(entry).split(":")[0]]

    def resolved(self, entry: str) -> str:
        """A tensor under its first name."""
        name, _, output = entry.partition(":")
        node = self.nodes[name]
        if node.op in ("Identity", "StopGradient"):
            return self.resolved(node.input[0])
        return name if output in ("", "0") else entry

    def value(self, entry: str) -> NDArray[Any] | None:
        """What a constant or a weight holds; None for anything else."""
        return self._flat.value(entry)

    def integers(self, entry: str) -> Any:
        """A constant's integers as (nested) lists; None for anything else."""
        value = self.value(entry)
        return value.tolist() if value is not None and value.dtype.kind == "i" else None

    def either_way(self, node: Any) -> list[tuple[str, str]]:
        """The two tensors that an operation takes, in both orders."""
        one, *rest = node.input
        return [(one, other) for other in rest[:1]] + [(other, one) for other in rest[:1]]

    def weight(self, name: str, array: Floats, fold: bool) -> str:
        """Add a weight.

        Args:
            name: For its operation.
            array: What it holds.
            fold: Put it into the graph as a constant.

        Returns:
            Its name.
        """
        tf = configure_tensorflow()
        if fold:
            self.nodes[name] = constant(name, array)
        else:
            placeholder = tf.compat.v1.NodeDef(name=name, op="Placeholder")
            placeholder.attr["dtype"].type = tf.float32.as_datatype_enum
            placeholder.attr["shape"].shape.CopyFrom(tf.TensorShape(array.shape).as_proto())
            self.nodes[name] = placeholder
            self._weights[name] = aligned(array)
        return name


def _renamed(entry: str, outside: dict[str, str], name: str) -> str:
    inside, *output = entry.split(":")
    return outside[inside] if inside in outside else ":".join([f"{name}/quick/{inside}", *output])
