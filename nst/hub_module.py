"""Load a stylization SavedModel and split it at its style vector.

Such a module (Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural artistic
stylization network") gives one picture at one strength. Its halves give more: a style network that
turns a style image into a vector, and a transformer that paints a content image by a vector. Vectors
can be cached, mixed and moved towards the content's own.

The graph is flattened, see ``flat_graph``, and cut by structure, see ``graph_cut``. The halves together give
exactly what the whole gives. The statistics of the
instance norms can be taken from one picture and used for another: that is what tiling needs (Chen et al.
2021, "Towards ultra-resolution neural style transfer via thumbnail instance normalization").
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nst.device import configure_tensorflow, has_gpu, return_freed_memory
from nst.errors import OperatorError
from nst.flat_graph import FlatGraph, flatten
from nst.graph_cut import Cut
from nst.probe import probe
from nst.quick_graph import with_quick_convolutions
from nst.transformer import Transformer, pruned

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Statistics = Sequence[Any]

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

    def transform(self, content: Floats, vector: Floats, statistics: Any = None) -> Floats:
        """``[N, h, w, 3]`` and ``[N, 1, 1, D]`` to ``[N, h', w', 3]``, h' and w' perhaps rounded up.

        With ``statistics`` the instance norms use these instead of the content's own.
        """

    def norm_statistics(self, content: Floats, vector: Floats) -> Any:
        """What ``transform`` takes as ``statistics``, measured on this content."""


class WholeModule:
    """A module that is only called whole.

    Attributes:
        identity: Hash of its files, the same on every machine.
    """

    def __init__(self, flat: FlatGraph, identity: str) -> None:
        function = flat.function(flat.definition)
        tensors = [function.graph.get_tensor_by_name(f"{name}:0") for name in (*flat.inputs, *flat.outputs)]
        self.identity = identity
        self._variables = tuple(flat.variables.values())
        self._function = function.prune(tensors[:2], tensors[2])
        self._content_first = self._output_follows_first()

    def __call__(self, content: Floats, style: Floats) -> Floats:
        """Stylize one picture.

        Args:
            content: ``[1, h, w, 3]`` float32 0..1.
            style: ``[1, h, w, 3]`` float32 0..1.

        Returns:
            ``[1, h', w', 3]`` float32; the sides may be rounded up.
        """
        tf = configure_tensorflow()
        pair = (tf.constant(content), tf.constant(style))
        return _first(self._function(*(pair if self._content_first else pair[::-1])))

    def _output_follows_first(self) -> bool:
        """Whether the first input is the content image: the output has its size, not the other's.

        Signatures know their inputs by name only, in the alphabet's order.
        """
        tf = configure_tensorflow()
        wide, high = tf.zeros([1, 64, 128, 3]), tf.zeros([1, 128, 64, 3])
        return int(_first(self._function(wide, high)).shape[2]) >= 128


class SplitModule:
    """A module in two halves; a ``StyleNetwork``.

    The style network keeps its weights outside its graph: it runs once a style, and folding gains it nothing.

    On a processor the transformer is rewritten, see ``quick_graph``: if it then paints a picture differently by no more
    than ``LARGEST_ROUNDING``, which is tried here, it paints that way; else as it came.

    Args:
        flat: The whole of it.
        cut: Where it comes apart.
        identity: Hash of its files, the same on every machine.
        fold_bytes: A transformer whose weights are no larger gets them as constants, which TensorFlow folds and
            rearranges once: 5 to 7 % faster, at the price of about nine copies of them in memory.
        quick: Allow rewriting. Without it, and with ``fold_bytes`` 0, the halves give to the last bit what the whole
            gives.

    Attributes:
        identity: As above.
        vector_width: Numbers in a style vector.
        cut: As above.
    """

    def __init__(
        self, flat: FlatGraph, cut: Cut, identity: str, *, fold_bytes: int = FOLD_BYTES, quick: bool = True
    ) -> None:
        tf = configure_tensorflow()
        self.identity = identity
        self.cut = cut
        self._output = flat.outputs[0]
        picture = tf.TensorShape([None, None, None, 3])
        encoder = flat.function(flat.half({cut.style: picture}, cut.vector))
        self._encode = pruned(encoder, [cut.style], [cut.vector])
        shape = self._encode.outputs[0].shape
        self.vector_width = int(shape[-1])
        self._vector_shape = (-1, *shape[1:])
        sources = {cut.content: picture, cut.vector: shape}
        half = flat.half(sources, self._output)
        fold = flat.weights_bytes(half) <= fold_bytes
        self._plain = self._quick = self._transformer(flat, sources, fold)
        if quick and not has_gpu():
            self._quicken(flat, [node.name for node in half.node], sources, fold)
        functions = (self._encode, self._plain.half, self._quick.half)
        captured = {id(handle) for function in functions for handle in function.captured_inputs}
        self._variables = [variable for variable in flat.variables.values() if id(variable.handle) in captured]

    @property
    def quick(self) -> bool:
        """Whether the transformer has been rewritten."""
        return self._quick is not self._plain

    @property
    def _transform(self) -> Any:
        """What paints; XLA puts its own in this place, see ``xla``."""
        return self._quick.paint

    @_transform.setter
    def _transform(self, paint: Any) -> None:
        self._quick.paint = paint

    def _transformer(self, flat: FlatGraph, sources: dict[str, Any], fold: bool) -> Transformer:
        return Transformer(flat.function(flat.half(sources, self._output, fold)), self.cut, self._output)

    def _quicken(self, flat: FlatGraph, names: list[str], sources: dict[str, Any], fold: bool) -> None:
        """Rewrite the transformer, if that changes nothing that can be seen."""
        content, error = probe(*_PROBE_PX), np.inf
        try:
            vector = self.style_vector(content[:, ::-1, :, ::-1].copy())
            expected = self.transform(content, vector)
            self._quick = self._transformer(with_quick_convolutions(flat, names, fold), sources, fold)
            error = float(np.abs(self.transform(content, vector) - expected).max())
        except (ValueError, TypeError, LookupError, AttributeError, _tensorflow_error()) as failure:
            log.warning("The module is not rewritten: %s: %s", type(failure).__name__, str(failure)[:200])
        if error <= LARGEST_ROUNDING:
            log.info("Rewriting changes a pastiche by up to %.4f/255", 255 * error)
        else:
            self._quick = self._plain

    def _for(self, content: Floats) -> Transformer:
        """A picture of one colour is painted as the module came.

        Rewritten, a convolution gives neighbouring pixels sums of different order, and norms magnify what they
        differ by if a picture has nothing else to normalise.
        """
        spread = content.max((1, 2)) - content.min((1, 2))
        return self._plain if spread.max(-1).min() < _ONE_COLOUR else self._quick

    def style_vector(self, style: Floats) -> Floats:
        """The style network alone.

        Args:
            style: ``[N, h, w, 3]`` float32 0..1.

        Returns:
            ``[N, 1, 1, D]`` float32.
        """
        vector = _first(self._encode(configure_tensorflow().constant(style)))
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
        tf = configure_tensorflow()
        pair = (tf.constant(content), tf.constant(vector.reshape(self._vector_shape)))
        transformer = self._for(content)
        if not statistics:
            return _first(transformer.paint(*pair))
        return _first(transformer.paint_by(*pair, *statistics))

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
        tf = configure_tensorflow()
        pair = (tf.constant(content), tf.constant(vector.reshape(self._vector_shape)))
        measured = self._for(content).measure(*pair)
        return tuple(measured[:-1])


def load_module(folder: Path) -> SplitModule | WholeModule:
    """Load a SavedModel that paints one picture in the style of another.

    Args:
        folder: Holds ``saved_model.pb``.

    Returns:
        The module in halves, or whole if no tensor of its graph carries the style alone.

    Raises:
        OperatorError: ``model_unusable``: not a SavedModel, or not one of two pictures.
    """
    try:
        module = _opened(folder)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, _tensorflow_error()) as error:
        raise unusable(folder, f"{type(error).__name__}: {str(error)[:200]}") from error
    return_freed_memory()
    if isinstance(module, SplitModule):
        log.info(
            "Split at a style vector of %d numbers, %d norms", module.vector_width, len(module.cut.statistics) // 2
        )
    else:
        log.warning("The module cannot be split at a style vector; strength is a pixel blend")
    return module


def _opened(folder: Path) -> SplitModule | WholeModule:
    flat, identity = flatten(folder), fingerprint(folder)
    if len(flat.inputs) != 2 or len(flat.outputs) != 1:
        raise unusable(folder, f"{len(flat.inputs)} inputs and {len(flat.outputs)} outputs, not 2 and 1")
    cut = flat.cut()
    return WholeModule(flat, identity) if cut is None else SplitModule(flat, cut, identity)


def fingerprint(folder: Path) -> str:
    """Hash of a model's files, 16 hex digits: equal wherever the model is the same.

    Args:
        folder: Every file in it counts, by relative path and bytes.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def unusable(folder: Path, reason: str) -> OperatorError:
    """The error for a model that is there and cannot be used."""
    return OperatorError("model_unusable", {"model": str(folder), "reason": reason})


def _tensorflow_error() -> type[Exception]:
    error: type[Exception] = configure_tensorflow().errors.OpError
    return error


def _first(result: Any) -> Floats:
    """A function's only output as an array; frozen functions give lists or tensors."""
    tensor = result[0] if isinstance(result, list | tuple) else result
    array: Floats = tensor.numpy()
    return array
