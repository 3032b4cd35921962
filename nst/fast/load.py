"""Load a stylization SavedModel and split it at its style vector.

Such a module (Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural artistic
stylization network") gives one picture at one strength. Its halves give more: a style network that
turns a style image into a vector, and a transformer that paints a content image by a vector, see ``split_module``.

The graph is flattened, see ``flat_graph``, and cut by structure, see ``graph_cut``.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np

from nst.device import configure_tensorflow, return_freed_memory, tensorflow_error
from nst.errors import OperatorError
from nst.fast.graph import FlatGraph, flatten
from nst.fast.network import Floats, SplitModule, opener

log = logging.getLogger(__name__)


class WholeModule:
    """A module that is only called whole.

    Args:
        flat: Its graph.
        identity: Hash of its files, the same on every machine.
        traced: As for ``SplitModule``.

    Attributes:
        identity: As above.
    """

    def __init__(self, flat: FlatGraph, identity: str, traced: bool = False) -> None:
        self.identity = identity
        picture = configure_tensorflow().TensorShape([None, None, None, 3])
        self._parts = opener(traced)(flat, flat.half(dict.fromkeys(flat.inputs, picture), flat.outputs[0]))
        self._paint = self._parts.part(flat.inputs, flat.outputs)
        self._content_first = self._output_follows_first()

    def __call__(self, content: Floats, style: Floats) -> Floats:
        """Stylize one picture.

        Args:
            content: ``[1, h, w, 3]`` float32 0..1.
            style: ``[1, h, w, 3]`` float32 0..1.

        Returns:
            ``[1, h', w', 3]`` float32; the sides may be rounded up.
        """
        (painted,) = self._paint(*((content, style) if self._content_first else (style, content)))
        return painted

    def _output_follows_first(self) -> bool:
        """Whether the first input is the content image: the output has its size, not the other's.

        Signatures know their inputs by name only, in the alphabet's order.
        """
        (painted,) = self._paint(np.zeros((1, 64, 128, 3), np.float32), np.zeros((1, 128, 64, 3), np.float32))
        return bool(painted.shape[2] >= 128)


def load_module(folder: Path, *, traced: bool = False) -> SplitModule | WholeModule:
    """Load a SavedModel that paints one picture in the style of another.

    Args:
        folder: Holds ``saved_model.pb``.
        traced: As for ``SplitModule``.

    Returns:
        The module in halves, or whole if no tensor of its graph carries the style alone.

    Raises:
        OperatorError: ``model_unusable``: not a SavedModel, or not one of two pictures.
    """
    try:
        module = _opened(folder, traced)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, tensorflow_error()) as error:
        raise unusable(folder, f"{type(error).__name__}: {str(error)[:200]}") from error
    return_freed_memory()
    if isinstance(module, SplitModule):
        log.info(
            "Split at a style vector of %d numbers, %d norms", module.vector_width, len(module.cut.statistics) // 2
        )
    else:
        log.warning("The module cannot be split at a style vector; strength is a pixel blend")
    return module


def _opened(folder: Path, traced: bool) -> SplitModule | WholeModule:
    flat, identity = flatten(folder), fingerprint(folder)
    return_freed_memory()
    if len(flat.inputs) != 2 or len(flat.outputs) != 1:
        raise unusable(folder, f"{len(flat.inputs)} inputs and {len(flat.outputs)} outputs, not 2 and 1")
    cut = flat.cut()
    return WholeModule(flat, identity, traced) if cut is None else SplitModule(flat, cut, identity, traced=traced)


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
