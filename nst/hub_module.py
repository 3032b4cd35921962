"""Load a stylization SavedModel and split it at its style vector.

Such a module (Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural artistic
stylization network") gives one picture at one strength. Its halves give more: a style network that
turns a style image into a vector, and a transformer that paints a content image by a vector. Vectors
can be cached, mixed and moved towards the content's own.

The graph is frozen (every variable becomes a constant, so that TensorFlow can fold and fuse) and cut by
structure, see ``graph_cut``. The halves together give exactly what the whole gives. The statistics of the
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

from nst.device import configure_tensorflow
from nst.errors import OperatorError
from nst.graph_cut import Cut, find_cut

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Statistics = Sequence[Any]

_LARGE_NUMBERS = 4096
_HEAVY_BYTES = 32 << 20


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

    def __init__(self, frozen: Any, identity: str, content_first: bool = True) -> None:
        self.identity = identity
        self._function = frozen
        self._content_first = content_first

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


class SplitModule:
    """A module in two halves; a ``StyleNetwork``.

    Attributes:
        identity: Hash of its files, the same on every machine.
        vector_width: Numbers in a style vector.
        cut: Where its graph was cut.
    """

    def __init__(self, frozen: Any, cut: Cut, identity: str) -> None:
        graph = frozen.graph
        content, style, vector = (graph.get_tensor_by_name(f"{n}:0") for n in (cut.content, cut.style, cut.vector))
        statistics = [graph.get_tensor_by_name(f"{name}:0") for name in cut.statistics]
        output = frozen.outputs[0]
        self.identity = identity
        self.cut = cut
        self.vector_width = int(vector.shape[-1])
        self._vector_shape = (-1, *vector.shape[1:])
        weights = _heavy_constants(vector.op)
        self._weights = [_value(weight) for weight in weights]
        self._encode = frozen.prune([style, *weights], vector)
        self._transform = frozen.prune([content, vector], output)
        # A list of one fetch comes back as a tensor, hence the tuples of at least two below.
        self._measure = frozen.prune([content, vector], [*statistics, output]) if statistics else None
        self._transform_with = frozen.prune([content, vector, *statistics], output) if statistics else None

    def style_vector(self, style: Floats) -> Floats:
        """The style network alone.

        Args:
            style: ``[N, h, w, 3]`` float32 0..1.

        Returns:
            ``[N, 1, 1, D]`` float32.
        """
        vector = _first(self._encode(configure_tensorflow().constant(style), *self._weights))
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
        if statistics is None or self._transform_with is None:
            return _first(self._transform(*pair))
        return _first(self._transform_with(*pair, *statistics))

    def norm_statistics(self, content: Floats, vector: Floats) -> Statistics:
        """Means and variances of every instance norm.

        Args:
            content: ``[1, h, w, 3]`` float32 0..1.
            vector: ``[1, 1, 1, D]`` float32.

        Returns:
            For ``transform``; empty where the graph has no instance norm.
        """
        if self._measure is None:
            return ()
        tf = configure_tensorflow()
        measured = self._measure(tf.constant(content), tf.constant(vector.reshape(self._vector_shape)))
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
        frozen = _freeze(folder)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, _tensorflow_error()) as error:
        raise unusable(folder, f"{type(error).__name__}: {str(error)[:200]}") from error
    names = [tensor.op.name for tensor in frozen.inputs]
    if len(names) != 2 or len(frozen.outputs) != 1:
        raise unusable(folder, f"{len(names)} inputs and {len(frozen.outputs)} outputs, not 2 and 1")
    identity = fingerprint(folder)
    graph = frozen.graph
    nodes = (operation.node_def for operation in graph.get_operations())
    cut = find_cut(nodes, names, frozen.outputs[0].op.name, lambda name: _shape(graph, name))
    if cut is None:
        log.warning("The module cannot be split at a style vector; strength is a pixel blend")
        return WholeModule(frozen, identity, content_first=_output_follows_first(frozen))
    module = SplitModule(frozen, cut, identity)
    log.info("Split at a style vector of %d numbers, %d norms", module.vector_width, len(cut.statistics) // 2)
    return module


def _output_follows_first(frozen: Any) -> bool:
    """Whether the first input is the content image: the output has its size, not the other's.

    Signatures know their inputs by name only, in the alphabet's order.
    """
    tf = configure_tensorflow()
    wide, high = tf.zeros([1, 64, 128, 3]), tf.zeros([1, 128, 64, 3])
    return int(_first(frozen(wide, high)).shape[2]) >= 128


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


def _freeze(folder: Path) -> Any:
    """The module as one flat function of constants and two pictures."""
    tf = configure_tensorflow()
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    loaded = tf.saved_model.load(str(folder))
    signatures = loaded.signatures
    function = signatures["serving_default"] if "serving_default" in signatures else next(iter(signatures.values()))
    return convert_variables_to_constants_v2(function)


def _heavy_constants(operation: Any) -> list[Any]:
    """The weights of a heavy style network, to be kept outside its graph; none of a light one.

    TensorFlow copies a graph's constants several times. A network of 90 MB that runs once a style gains
    nothing from folding; a light one is kept as it is, bit for bit what the whole module computes.
    """
    seen, waiting, found = {operation.name}, [operation], []
    while waiting:
        current = waiting.pop()
        if current.type == "Const" and (current.outputs[0].shape.num_elements() or 0) >= _LARGE_NUMBERS:
            found.append(current.outputs[0])
        for tensor in current.inputs:
            if tensor.op.name not in seen:
                seen.add(tensor.op.name)
                waiting.append(tensor.op)
    size_bytes = sum(tensor.shape.num_elements() * tensor.dtype.size for tensor in found)
    return found if size_bytes >= _HEAVY_BYTES else []


def _value(constant: Any) -> Any:
    tf = configure_tensorflow()
    return tf.constant(tf.make_ndarray(constant.op.get_attr("value")))


def _tensorflow_error() -> type[Exception]:
    error: type[Exception] = configure_tensorflow().errors.OpError
    return error


def _shape(graph: Any, name: str) -> list[int | None] | None:
    outputs = graph.get_operation_by_name(name).outputs
    if not outputs or outputs[0].shape.rank is None:
        return None
    sides: list[int | None] = outputs[0].shape.as_list()
    return sides


def _first(result: Any) -> Floats:
    """A function's only output as an array; frozen functions give lists or tensors."""
    tensor = result[0] if isinstance(result, list | tuple) else result
    array: Floats = tensor.numpy()
    return array
