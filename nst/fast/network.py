"""A stylization network in two halves: a style network and a transformer that share a style vector.

The halves together give exactly what the whole gives. Vectors can be cached, mixed and moved towards the content's own.
The statistics of the instance norms can be taken from one picture and used for another: that is what tiling needs (Chen
et al. 2021, "Towards ultra-resolution neural style transfer via thumbnail instance normalization").
"""

from __future__ import annotations

import copy
import functools
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nst.device import configure_tensorflow, has_gpu, tensorflow_error
from nst.fast.execution import GraphParts, SessionParts, TracedParts, as_part
from nst.fast.graph import Cut, FlatGraph
from nst.fast.rewrite import with_quick_convolutions
from nst.fast.rewrite_norms import with_quick_norms
from nst.fast.sessions import ForgetfulSession, Part


# A picture that has something of everything, to try on it what a network makes of it.
def probe(height: int, width: int) -> NDArray[np.float32]:
    """Smooth shades, edges and texture.

    Returns:
        ``[1, height, width, 3]`` float32 0..1, the same every time.
    """
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]
    waves = [np.sin(k * np.pi * (rows * a + columns * b)) for k, a, b in ((3, 1, 0.3), (5, -0.4, 1), (24, 0.7, 0.7))]
    shades = 0.5 + 0.35 * np.stack(waves, -1)
    shades[(rows - 0.5) ** 2 + (columns - 0.4) ** 2 < 0.06] = (0.9, 0.6, 0.2)
    return np.clip(shades + random.normal(0, 0.03, shades.shape), 0, 1).astype(np.float32)[None]


# A transformer's graph as functions of arrays: painting, measuring its norms, painting by measured norms.
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


log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Statistics = Sequence[Any]
Open = Callable[[FlatGraph, Any], GraphParts]
Rewrite = Callable[[FlatGraph], FlatGraph]

FOLD_BYTES = 4 << 20
# Of any single value: no pixel of eight bits changes unless it lay on the edge already.
LARGEST_ROUNDING = 0.05 / 255
_PROBE_PX = (72, 104)
# Half a step of eight bits.
_ONE_COLOUR = 0.5 / 255


class StyleNetwork(Protocol):
    """A style network and a transformer that share a vector. Pictures are float32, NHWC, 0..1 sRGB."""

    identity: str
    vector_width: int

    def style_vector(self, style: Floats) -> Floats:
        """``[N, h, w, 3]`` to ``[N, 1, 1, D]``."""

    def transform(self, content: Floats, vector: Floats, statistics: Statistics | None = None) -> Floats:
        """``[N, h, w, 3]`` and ``[N, 1, 1, D]`` to ``[N, h', w', 3]``, h' and w' perhaps rounded up.

        With ``statistics`` the instance norms use these instead of the content's own.
        """

    def norm_statistics(self, content: Floats, vector: Floats) -> Statistics:
        """What ``transform`` takes as ``statistics``, measured on this content."""


class SplitModule:
    """A network in two halves; a ``StyleNetwork``.

    The style network keeps its weights outside its graph: it runs once a style, and folding gains it nothing.

    On a processor the transformer is rewritten, see ``quick_graph`` and ``quick_norms``: each form is tried here, and
    stays if it paints a picture differently by no more than ``LARGEST_ROUNDING``.

    Args:
        flat: The whole of it.
        cut: Where it comes apart.
        identity: Hash of its files, the same on every machine.
        fold_bytes: A transformer whose weights are no larger gets them as constants, which TensorFlow folds and
            rearranges once: 5 to 7 % faster, at the price of several copies of them in memory.
        quick: Allow rewriting. Without it, and with ``fold_bytes`` 0, the halves give to the last bit what the whole
            gives.
        traced: Run as TensorFlow's functions, which XLA can compile, also where there is no GPU.

    Attributes:
        identity: As above.
        vector_width: Numbers in a style vector.
        cut: As above.
    """

    def __init__(
        self,
        flat: FlatGraph,
        cut: Cut,
        identity: str,
        *,
        fold_bytes: int = FOLD_BYTES,
        quick: bool = True,
        traced: bool = False,
    ) -> None:
        picture = configure_tensorflow().TensorShape([None, None, None, 3])
        self.identity = identity
        self.cut = cut
        self._traced: Any = None
        self._open = opener(traced)
        self._encoder = self._open(flat, flat.half({cut.style: picture}, cut.vector))
        self._encode = self._encoder.part([cut.style], [cut.vector])
        shape = self._encoder.shape(cut.vector)
        self.vector_width = int(shape[-1])
        self._vector_shape = (-1, *shape[1:])
        self._sources, self._output = {cut.content: picture, cut.vector: shape}, flat.outputs[0]
        half = flat.half(self._sources, self._output)
        fold = flat.weights_bytes(half) <= fold_bytes
        # As it came; rewritten; and rewritten for single pictures that come without statistics.
        self._plain = self._quick = self._single = self._transformer(flat, fold)
        if quick and not has_gpu():
            self._quicken(flat, [node.name for node in half.node], fold)

    @property
    def quick(self) -> bool:
        """Whether the transformer has been rewritten."""
        return self._quick is not self._plain

    def _transformer(self, flat: FlatGraph, fold: bool) -> Transformer:
        return Transformer(self._open(flat, flat.half(self._sources, self._output, fold)), self.cut, self._output)

    def _quicken(self, flat: FlatGraph, names: list[str], fold: bool) -> None:
        """Rewrite the transformer, as far as that changes nothing that can be seen."""
        content = probe(*_PROBE_PX)
        vector = self.style_vector(content[:, ::-1, :, ::-1].copy())
        expected = self.transform(content, vector)

        def tried(form: Rewrite, flat: FlatGraph, otherwise: Transformer) -> tuple[FlatGraph, Transformer]:
            try:
                rewritten = form(flat)
                transformer = self._transformer(rewritten, fold)
                (painted,) = transformer.paint(content, vector.reshape(self._vector_shape))
            except (ValueError, TypeError, LookupError, AttributeError, tensorflow_error()) as failure:
                log.warning("The module is not rewritten: %s: %s", type(failure).__name__, str(failure)[:200])
                return flat, otherwise
            error = float(np.abs(painted - expected).max())
            log.info("Rewriting changes a pastiche by up to %.4f/255", 255 * error)
            return (rewritten, transformer) if error <= LARGEST_ROUNDING else (flat, otherwise)

        convolutions = partial(with_quick_convolutions, names=names, fold=fold)
        norms = partial(with_quick_norms, names=names, statistics=self.cut.statistics)
        flat, self._quick = tried(convolutions, flat, self._plain)
        _, self._single = tried(norms, flat, self._quick)

    def _for(self, content: Floats, *, by_statistics: bool) -> Transformer:
        """A picture of one colour is painted as the module came.

        Rewritten, a convolution gives neighbouring pixels sums of different order, and norms magnify what they
        differ by if a picture has nothing else to normalise.
        """
        spread = content.max((1, 2)) - content.min((1, 2))
        if spread.max(-1).min() < _ONE_COLOUR:
            return self._plain
        return self._quick if by_statistics or len(content) > 1 else self._single

    def style_vector(self, style: Floats) -> Floats:
        """The style network alone.

        Args:
            style: ``[N, h, w, 3]`` float32 0..1.

        Returns:
            ``[N, 1, 1, D]`` float32.
        """
        (vector,) = self._encode(style)
        return vector.reshape(len(style), 1, 1, self.vector_width)

    def transform(self, content: Floats, vector: Floats, statistics: Statistics | None = None) -> Floats:
        """The transformer alone.

        Args:
            content: ``[N, h, w, 3]`` float32 0..1.
            vector: ``[N, 1, 1, D]`` float32.
            statistics: From ``norm_statistics``; None uses the content's own.

        Returns:
            ``[N, h', w', 3]`` float32; the sides may be rounded up.
        """
        transformer = self._for(content, by_statistics=bool(statistics))
        vector = vector.reshape(self._vector_shape)
        (painted,) = (
            transformer.paint_by(content, vector, *statistics) if statistics else transformer.paint(content, vector)
        )
        return painted

    def norm_statistics(self, content: Floats, vector: Floats) -> Statistics:
        """Means and variances of every instance norm.

        Args:
            content: ``[1, h, w, 3]`` float32 0..1.
            vector: ``[1, 1, 1, D]`` float32.

        Returns:
            For ``transform``; empty where the graph has no instance norm.
        """
        if not self.cut.statistics:
            return ()
        transformer = self._for(content, by_statistics=True)
        return transformer.measure(content, vector.reshape(self._vector_shape))

    def reduced(self, option: str) -> SplitModule:
        """The same network with its transformer in reduced precision.

        Args:
            option: How, see ``GraphParts.reduced``.
        """
        reduced, kinds = copy.copy(self), (self._plain, self._quick, self._single)
        twins = {kind: kind.reduced(option) for kind in kinds}
        reduced._plain, reduced._quick, reduced._single = (twins[kind] for kind in kinds)
        return reduced

    def replace(self, wrap: Callable[[Any], Any]) -> None:
        """Put another function of tensors in the transformer's place, for pictures that come without statistics.

        Args:
            wrap: From the function in use to the new one.

        Raises:
            TypeError: The network is not ``traced``.
        """
        parts = self._single.parts
        if not isinstance(parts, TracedParts):
            raise TypeError("only a traced network has functions of tensors")
        self._traced = wrap(self._traced or parts.traced(*self._single.ends))
        self._single.paint = as_part(self._traced)


def opener(traced: bool) -> Open:
    """What makes functions of graphs: TensorFlow's own on a GPU or if need be, else sessions'."""
    if traced or has_gpu():
        return TracedParts
    session = ForgetfulSession()
    return lambda flat, definition: SessionParts(session, session.load(flat, definition))
