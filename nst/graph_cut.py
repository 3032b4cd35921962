"""Where a stylization graph can be cut: the style vector and the norms' statistics, found by structure.

A graph of two pictures has a *style vector* if one tensor without spatial extent carries all that
the output learns from the style picture. Names and widths do not matter: 768 numbers in the public
Magenta module, 100 in its small sibling, anything in a module of one's own.

Operates on ``GraphDef`` only, so it neither loads nor runs TensorFlow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
