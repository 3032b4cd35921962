"""A trained pyramid: what is left of a style once its generators are trained, as a value and as bytes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst.methods.gatys_state import StateError
from nst.methods.singan_networks import BLOCKS, Weights
from nst.methods.singan_plan import size_at

Floats = NDArray[np.float32]
VERSION = 1  # of networks and training: another one is another pyramid
_TENSORS = 3 * BLOCKS + 2


@dataclass(frozen=True)
class Pyramid:
    """Generators, coarse to fine.

    Attributes:
        generators: Weights of each scale's generator.
        amplitudes: sigma_n of each scale.
        sides_px: Square root of each scale's area.
        shape: Height and width in pixels of the training picture; only their ratio counts.
    """

    generators: tuple[Weights, ...]
    amplitudes: tuple[float, ...]
    sides_px: tuple[float, ...]
    shape: tuple[int, int]

    @property
    def scales(self) -> int:
        """How many scales are trained."""
        return len(self.generators)

    def size_at(self, scale: int) -> tuple[int, int]:
        """Height and width in pixels of the training picture at a scale."""
        return size_at(*self.shape, self.sides_px[scale])

    def as_bytes(self) -> bytes:
        """An ``.npz`` without pickle; about a megabyte."""
        meta = {"version": VERSION, "amplitudes": self.amplitudes, "sides_px": self.sides_px, "shape": self.shape}
        arrays: dict[str, Any] = {"meta": np.frombuffer(json.dumps(meta).encode(), np.uint8)}
        for scale, weights in enumerate(self.generators):
            arrays |= {f"{scale}.{index}": weight.numpy() for index, weight in enumerate(weights)}
        out = io.BytesIO()
        np.savez(out, **arrays)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Pyramid:
        """The inverse of ``as_bytes``.

        Raises:
            StateError: Damaged, or of another release.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                meta = json.loads(archive["meta"].tobytes())
                if meta["version"] != VERSION:
                    raise StateError("a pyramid of another release")
                generators = tuple(
                    tuple(tf.constant(archive[f"{scale}.{index}"]) for index in range(_TENSORS))
                    for scale in range(len(meta["amplitudes"]))
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise StateError(f"not a pyramid: {error}") from error
        return cls(generators, tuple(meta["amplitudes"]), tuple(meta["sides_px"]), tuple(meta["shape"]))


def resized(image: tf.Tensor, size: Sequence[int]) -> tf.Tensor:
    """A picture [n, h, w, 3] at another height and width: averaged when it shrinks, bilinear when it grows."""
    if tuple(image.shape[1:3]) == tuple(size):
        return image
    return tf.image.resize(image, list(size), "bilinear", antialias=True)
