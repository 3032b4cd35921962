"""A transformer's graph as functions of arrays: painting, measuring its norms, painting by measured norms."""

from __future__ import annotations

import functools

from nst.forgetful_session import Part
from nst.graph_cut import Cut
from nst.graph_parts import GraphParts


class Transformer:
    """Functions of one graph, made when they are first needed: each takes memory of its own.

    Args:
        parts: The graph.
        cut: Where its inputs and norms are.
        output: Name of the operation that gives the picture.

    Attributes:
        parts: As above.
    """

    def __init__(self, parts: GraphParts, cut: Cut, output: str) -> None:
        self.parts = parts
        self._cut, self._output = cut, output

    @property
    def ends(self) -> tuple[list[str], list[str]]:
        """What ``paint`` is given and what it makes."""
        return [self._cut.content, self._cut.vector], [self._output]

    @functools.cached_property
    def paint(self) -> Part:
        """Of a picture and a vector."""
        return self.parts.part(*self.ends)

    # Only tiles need these two.

    @functools.cached_property
    def measure(self) -> Part:
        """The norms' statistics."""
        return self.parts.part(self.ends[0], self._cut.statistics)

    @functools.cached_property
    def paint_by(self) -> Part:
        """Of a picture, a vector and statistics."""
        return self.parts.part([*self.ends[0], *self._cut.statistics], self.ends[1])

    def reduced(self, option: str) -> Transformer:
        """The same in reduced precision, see ``GraphParts.reduced``."""
        return Transformer(self.parts.reduced(option), self._cut, self._output)
