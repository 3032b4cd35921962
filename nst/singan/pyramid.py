"""A trained pyramid: what is left of a style once its generators are trained, as a value and as bytes."""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst.errors import OperatorError
from nst.run_state import StateError
from nst.singan.networks import BLOCKS, Weights

# How large SinGAN's scales are, and how long each is trained.
COARSEST_PX = 28
FACTOR = 0.75  # between scales, at most this much is lost in one step
SMALLEST_SIDE_PX = 14  # a picture must be larger than a patch of 11
MOST_ITERATIONS = 10_000
_CUSTOM = re.compile(r"(\d{2,3}):(\d{1,5})")
_SIDES_PX = (40, 512)


@dataclass(frozen=True)
class Budget:
    """What training a pyramid may cost.

    Attributes:
        side_px: Square root of the finest scale's area.
        iterations: At the coarsest scale.
        last_share: How many of them the finest gets, 0..1; a step there costs twenty times one at the coarsest.
    """

    side_px: int
    iterations: int
    last_share: float

    @property
    def sides_px(self) -> tuple[float, ...]:
        """Square root of each scale's area, coarse to fine; the ratio is 4/3 or a little less.

        The authors fix the coarsest scale's shorter side (25 px) and the finest's longer one (250 px). Here areas are
        fixed, so that all pyramids of a budget have the same scales whatever their shape, and styles can be mixed.
        """
        steps = math.ceil(math.log(self.side_px / COARSEST_PX) / math.log(1 / FACTOR))
        return tuple(COARSEST_PX * (self.side_px / COARSEST_PX) ** (scale / steps) for scale in range(steps + 1))

    def iterations_at(self, scale: int) -> int:
        """Iterations of a scale; from the coarsest on they fall by the same factor each time."""
        last = len(self.sides_px) - 1
        share: float = self.last_share ** (scale / last)
        return max(1, round(self.iterations * share))

    @property
    def scales(self) -> int:
        """How many scales there are."""
        return len(self.sides_px)


QUICK = Budget(128, 240, 0.25)
FULL = Budget(250, 2000, 1.0)  # as published


def budget_of(setting: str, on_gpu: bool) -> Budget:
    """The budget that ``NST_SINGAN_BUDGET`` names.

    Args:
        setting: ``quick``, ``full``, ``auto`` (full on a GPU), or ``SIDE:ITERATIONS``, for instance ``160:400``.
        on_gpu: Whether there is one.

    Raises:
        OperatorError: ``bad_setting``.
    """
    if setting in ("quick", "full", "auto"):
        return FULL if setting == "full" or (setting == "auto" and on_gpu) else QUICK
    found = _CUSTOM.fullmatch(setting)
    if found:
        side_px, iterations = int(found[1]), int(found[2])
        if _SIDES_PX[0] <= side_px <= _SIDES_PX[1] and 1 <= iterations <= MOST_ITERATIONS:
            return Budget(side_px, iterations, QUICK.last_share)
    allowed = f"auto, quick, full or SIDE:ITERATIONS, {_SIDES_PX[0]}:1 to {_SIDES_PX[1]}:{MOST_ITERATIONS}"
    raise OperatorError("bad_setting", {"setting": "NST_SINGAN_BUDGET", "received": setting[:40], "allowed": allowed})


def size_at(height_px: int, width_px: int, side_px: float) -> tuple[int, int]:
    """Height and width of a picture at a scale: its own shape, the scale's area.

    Args:
        height_px: Of the picture.
        width_px: Of the picture.
        side_px: Square root of the scale's area.
    """
    shape = (height_px / width_px) ** 0.5
    return max(SMALLEST_SIDE_PX, round(side_px * shape)), max(SMALLEST_SIDE_PX, round(side_px / shape))


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
