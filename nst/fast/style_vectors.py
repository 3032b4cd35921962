"""Style vectors of pictures: made once, kept by content hash and model, mixed.

A vector is what the style network says about a picture (768 numbers in the public Magenta module). It
depends on the picture, its ``style_scale`` and the model, on nothing else: changing strength, colours or a
mix's weights costs no style network.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nst.fast.network import StyleNetwork
from nst.pictures.decode import Picture, resize

Floats = NDArray[np.float32]

# What arbitrary-image-stylization was trained on; its authors advise to keep the style at this size.
VIEW_SIDE_PX = 256
MAX_VIEWS_PER_AXIS = 3


class VectorStore(Protocol):
    """Where vectors are kept; workers put one in that shares them, see ``share_vectors``."""

    def get(self, key: str) -> Floats | None:
        """The vector, ``[1, 1, 1, D]`` float32, or None."""

    def put(self, key: str, vector: Floats) -> None:
        """Keep a vector."""


class MemoryVectors:
    """A ``VectorStore`` in the process: the least recently used go first.

    Args:
        capacity: Vectors kept; a vector takes up to 3 KB.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self._capacity = capacity
        self._vectors: OrderedDict[str, Floats] = OrderedDict()

    def get(self, key: str) -> Floats | None:
        """The vector, or None."""
        if key in self._vectors:
            self._vectors.move_to_end(key)
        return self._vectors.get(key)

    def put(self, key: str, vector: Floats) -> None:
        """Keep a vector."""
        self._vectors[key] = vector
        self._vectors.move_to_end(key)
        if len(self._vectors) > self._capacity:
            self._vectors.popitem(last=False)

    def drop(self, key: str) -> None:
        """Forget a vector, if it is there."""
        self._vectors.pop(key, None)


@dataclass
class _Process:
    """One store for a process, as it has one engine."""

    shared: VectorStore | None = None


_process = _Process()


def share_vectors(store: VectorStore | None) -> None:
    """Say where this process keeps vectors, before its methods are made.

    Args:
        store: None for the process itself.
    """
    _process.shared = store


def shared_or(own: VectorStore) -> VectorStore:
    """The process's store, or one's own while it has none."""
    return _process.shared or own


class StyleVectors:
    """Vectors of one network.

    Args:
        network: Makes the vectors.
        cache: Keeps them.
    """

    def __init__(self, network: StyleNetwork, cache: VectorStore) -> None:
        self._network = network
        self._cache = cache

    def of(self, picture: Picture, scale: float = 1.0) -> Floats:
        """The vector of a picture.

        Args:
            picture: A style image, or a content image for its own vector.
            scale: Size of the strokes, see ``style_views``.

        Returns:
            ``[1, 1, 1, D]`` float32.
        """
        key = f"{self._network.identity}:{picture_hash(picture)}:{scale:g}"
        vector = self._cache.get(key)
        if vector is None:
            views = style_views(picture, scale)
            vector = self._network.style_vector(views).mean(axis=0, keepdims=True, dtype=np.float32)
            self._cache.put(key, vector)
        return vector


def mixed(vectors: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Convex combination of vectors.

    Args:
        vectors: ``[1, 1, 1, D]`` each.
        weights: One per vector, from 0, any scale; empty means equal.

    Returns:
        ``[1, 1, 1, D]`` float32; the vector itself if there is only one.
    """
    shares = normalised(weights, len(vectors))
    if len(vectors) == 1:
        return vectors[0]
    total = sum(share * vector.astype(np.float64) for share, vector in zip(shares, vectors, strict=True))
    return np.asarray(total, np.float32)


def normalised(weights: Sequence[float], count: int) -> list[float]:
    """Weights that sum to 1; missing ones are equal, surplus ones are dropped."""
    given = list(weights[:count]) if len(weights) >= count else [1.0] * count
    total = sum(given)
    return [weight / total for weight in given] if total > 0 else [1.0 / count] * count


def picture_hash(picture: Picture) -> str:
    """Hash of a picture's pixels and size, 32 hex digits."""
    digest = hashlib.blake2b(repr(picture.rgb.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(picture.rgb).data)
    return digest.hexdigest()


def style_views(picture: Picture, scale: float = 1.0) -> Floats:
    """Square views of a picture, as the style network wants them.

    A picture that is not square is covered by squares instead of being squeezed, and their vectors are
    averaged: a style vector is a mean over the picture anyway. ``scale`` changes what a view covers: at 2 it
    shows half a side at double size, so strokes become larger; at 1/2 the picture is continued by
    reflection and shown at half size. This also works for modules that resize the style themselves.

    Args:
        picture: Any size.
        scale: Size of the strokes, 1 as the picture is.

    Returns:
        ``[N, 256, 256, 3]`` float32 0..1, N from 1 to 9.
    """
    side = max(8, round(min(picture.rgb.shape[:2]) / scale))
    rgb = _continued(picture.rgb, side)
    tops, lefts = (_starts(extent, side) for extent in rgb.shape[:2])
    squares = (rgb[top : top + side, left : left + side] for top, left in product(tops, lefts))
    return np.stack([resize(Picture(square), VIEW_SIDE_PX, VIEW_SIDE_PX).rgb for square in squares])


def _continued(rgb: Floats, side: int) -> Floats:
    """At least ``side`` in both directions, by reflection."""
    missing = [max(0, side - extent) for extent in rgb.shape[:2]]
    if not any(missing):
        return rgb
    return np.pad(rgb, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="reflect")


def _starts(extent: int, side: int) -> list[int]:
    count = min(MAX_VIEWS_PER_AXIS, ceil(extent / side - 0.1))
    return [(extent - side) // 2] if count <= 1 else [round(x) for x in np.linspace(0, extent - side, count)]
