"""Rewrite a flat graph so that a processor paints sooner, equal but for rounding.

Found by structure, never by name; what is not found stays as it is:

- a convolution after an enlargement by two (nearest) and a reflected border: see ``quick_convolution.enlarged``;
- a convolution to at most four channels: ``quick_convolution.neighbours``;
- a convolution of 3 x 3 taps between many channels: ``quick_convolution.winograd``;
- an enlargement by one: left out.

For norms see ``quick_norms``.

Whether a module still paints the same is for the caller to see, see ``split_module.SplitModule``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst.device import configure_tensorflow
from nst.fast.graph import FlatGraph, aligned, constant
from nst.fast.rewrite_convolutions import (
    enlarged,
    enlarged_kernel,
    neighbours,
    neighbours_kernel,
    winograd,
    winograd_kernel,
)

# Change a flat graph operation by operation; what reads a changed operation reads the new one, under the old name.
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


# Four outputs for each of these still fit into one vector of 16 numbers.
_FEW_CHANNELS = 4
# Measured: 30 % faster at 128 channels, 19 % at 96, nothing at 64, slower below.
_MANY_CHANNELS = 96
_BORDER_OF_ONE = [[0, 0], [1, 1], [1, 1], [0, 0]]


def with_quick_convolutions(flat: FlatGraph, names: Iterable[str], fold: bool) -> FlatGraph:
    """Replace convolutions by quicker forms, with any statistics and any number of pictures.

    Args:
        flat: The graph.
        names: Operations that may be replaced.
        fold: Put the new kernels into the graph as constants.

    Returns:
        A graph in which every operation still has its name.
    """
    patterns = _Patterns(flat, fold)
    for name in names:
        patterns.resize(name)
        patterns.convolution(name)
    return patterns.done()


class _Patterns:
    def __init__(self, flat: FlatGraph, fold: bool) -> None:
        self._graph = GraphRewriting(flat)
        self._fold = fold

    def done(self) -> FlatGraph:
        return self._graph.done()

    def resize(self, name: str) -> None:
        """Leave out an enlargement by one."""
        node = self._graph.nodes[name]
        if self._enlargement(node) == [1, 1]:
            kept = type(node)(name=name, op="Identity", input=node.input[:1])
            kept.attr["T"].CopyFrom(node.attr["T"])
            self._graph.nodes[name] = kept

    def convolution(self, name: str) -> None:
        """Replace a convolution where that pays."""
        node = self._graph.nodes[name]
        kernel = self._kernel(node)
        if kernel is None:
            return
        small = self._enlarged_by_two(node) if kernel.shape[:2] == (3, 3) else None
        channels = kernel.shape[2]
        if small is not None:
            self._put(name, enlarged, small, channels, _winograd_if_many(enlarged_kernel(kernel)))
        elif kernel.shape[3] <= _FEW_CHANNELS and min(kernel.shape[:2]) >= 3:
            self._put(name, neighbours, node.input[0], channels, neighbours_kernel(kernel))
        elif kernel.shape[:2] == (3, 3) and min(kernel.shape[2:]) >= _MANY_CHANNELS:
            self._put(name, winograd, node.input[0], channels, winograd_kernel(kernel))

    def _put(self, name: str, form: Callable[[Any, Any], Any], picture: str, channels: int, kernel: Floats) -> None:
        weight = self._graph.weight(f"{name}/quick_kernel", kernel, self._fold)
        self._graph.graft(name, form, [picture, weight], [[None, None, None, channels], kernel.shape])

    def _kernel(self, node: Any) -> Floats | None:
        """Of a plain convolution, neither strided nor padded."""
        if node.op != "Conv2D" or node.attr["padding"].s != b"VALID" or node.attr["data_format"].s != b"NHWC":
            return None
        if {*node.attr["strides"].list.i, *node.attr["dilations"].list.i} != {1}:
            return None
        kernel = self._graph.value(node.input[1])
        return kernel if kernel is not None and kernel.dtype == np.float32 else None

    def _enlarged_by_two(self, node: Any) -> str | None:
        """What a convolution's input was before it was enlarged and got a border."""
        pad = self._graph.source(node.input[0])
        if (
            pad.op != "MirrorPad"
            or pad.attr["mode"].s != b"REFLECT"
            or self._graph.integers(pad.input[1]) != _BORDER_OF_ONE
        ):
            return None
        resize = self._graph.source(pad.input[0])
        picture: str = resize.input[0] if resize.input else ""
        return picture if self._enlargement(resize) == [2, 2] else None

    def _enlargement(self, node: Any) -> list[int] | None:
        """By how much an operation enlarges rows and columns; None if it does not or that cannot be told."""
        if node.op != "ResizeNearestNeighbor" or node.attr["align_corners"].b:
            return None
        factors = self._multiples(node.input[1], self._graph.resolved(node.input[0]))
        return [factor for _, factor in factors] if [axis for axis, _ in factors] == [1, 2] else None

    def _multiples(self, entry: str, picture: str) -> list[tuple[int, int]]:
        """A size as multiples of a picture's sides: (axis, factor)."""
        node = self._graph.source(entry)
        if node.op == "Pack":
            return [pair for part in node.input for pair in self._multiples(part, picture)]
        if node.op == "Mul":
            for one, other in self._graph.either_way(node):
                factor = self._graph.integers(one)
                if isinstance(factor, int):
                    return [(axis, factor * known) for axis, known in self._multiples(other, picture)]
        if node.op == "StridedSlice" and not any(node.attr[mask].i for mask in ("begin_mask", "end_mask")):
            shape, (begin, end, step) = self._graph.source(node.input[0]), map(self._graph.integers, node.input[1:])
            if (
                shape.op == "Shape"
                and self._graph.resolved(shape.input[0]) == picture
                and step == [1]
                and begin
                and end
            ):
                return [(axis, 1) for axis in range(begin[0], end[0])]
        return []


def _winograd_if_many(kernel: Floats) -> Floats:
    return winograd_kernel(kernel) if min(kernel.shape[2:]) >= _MANY_CHANNELS else kernel
