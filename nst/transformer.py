"""A transformer's graph as functions: painting, measuring its norms, painting by measured norms."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from nst.graph_cut import Cut


class Transformer:
    """Functions of one graph, made when they are first needed: each takes memory of its own.

    Args:
        half: The graph as a function without inputs.
        cut: Where its inputs and norms are.
        output: Name of the operation that gives the picture.

    Attributes:
        half: As above; holds on to what the graph captures.
    """

    def __init__(self, half: Any, cut: Cut, output: str) -> None:
        self.half = half
        self._cut, self._output = cut, output

    @functools.cached_property
    def paint(self) -> Any:
        """Of a picture and a vector."""
        return pruned(self.half, [self._cut.content, self._cut.vector], [self._output])

    # Only tiles need these two. A list of one fetch comes back as a tensor, hence the output among the statistics.

    @functools.cached_property
    def measure(self) -> Any:
        """The norms' statistics and, last, the picture."""
        return pruned(self.half, [self._cut.content, self._cut.vector], [*self._cut.statistics, self._output])

    @functools.cached_property
    def paint_by(self) -> Any:
        """Of a picture, a vector and statistics."""
        return pruned(self.half, [self._cut.content, self._cut.vector, *self._cut.statistics], [self._output])


def pruned(function: Any, feeds: Sequence[str], fetches: Sequence[str]) -> Any:
    """The part of a function between two sets of operations."""
    graph = function.graph
    tensors = [[graph.get_tensor_by_name(f"{name}:0") for name in names] for names in (feeds, fetches)]
    return function.prune(tensors[0], tensors[1] if len(fetches) > 1 else tensors[1][0])
