"""Weight files of the bundled networks: plain .npz, read without pickle, checked against known checksums."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from nst.bundled.checksums import SHA256
from nst.errors import OperatorError

FOLDER = Path(__file__).parent
NETWORK, EXTRACTOR = "network.npz", "extractor.npz"


@dataclass(frozen=True)
class WeightFile:
    """A checked weight file.

    Attributes:
        tensors: float32 by name (the file holds float16).
        sha256: Of the file.
    """

    tensors: dict[str, tf.Tensor]
    sha256: str


def read_weights(name: str, folder: Path | None = None) -> WeightFile:
    """Read a weight file and check it.

    Args:
        name: ``network.npz`` or ``extractor.npz``.
        folder: Where it lies; beside this module by default.

    Raises:
        OperatorError: ``weights_missing``: the file is absent, or not the one that this version was shipped with.
    """
    try:
        content = ((folder or FOLDER) / name).read_bytes()
    except OSError as error:
        raise OperatorError("weights_missing", {"model": f"bundled/{name}", "reason": str(error)}) from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256.get(name):
        reason = f"its checksum is {found[:12]}, expected {SHA256.get(name, 'none')[:12]}"
        raise OperatorError("weights_missing", {"model": f"bundled/{name}", "reason": reason})
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        tensors = {key: tf.constant(stored[key].astype(np.float32)) for key in stored.files}
    return WeightFile(tensors, found)
