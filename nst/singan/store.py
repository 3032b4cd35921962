"""Where SinGAN's trained pyramids are kept, as bytes: minutes of training each, a megabyte each.

Standard library only, so that workers can say where before TensorFlow is loaded.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol


class PyramidStore(Protocol):
    """Where trained pyramids are kept; workers put one in that shares them, see ``share_pyramids``."""

    def get(self, key: str) -> bytes | None:
        """``Pyramid.as_bytes``, or None."""

    def put(self, key: str, pyramid: bytes) -> None:
        """Keep a pyramid."""


class MemoryPyramids:
    """A ``PyramidStore`` in the process: the least recently used go first.

    Args:
        capacity: Pyramids kept, a megabyte each.
    """

    def __init__(self, capacity: int = 16) -> None:
        self._capacity = capacity
        self._pyramids: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        """The pyramid, or None."""
        if key in self._pyramids:
            self._pyramids.move_to_end(key)
        return self._pyramids.get(key)

    def put(self, key: str, pyramid: bytes) -> None:
        """Keep a pyramid."""
        self._pyramids[key] = pyramid
        self._pyramids.move_to_end(key)
        if len(self._pyramids) > self._capacity:
            self._pyramids.popitem(last=False)


@dataclass
class _Process:
    """One store for a process, as it has one engine."""

    shared: PyramidStore | None = None


_process = _Process()


def share_pyramids(store: PyramidStore | None) -> None:
    """Say where this process keeps pyramids.

    Args:
        store: None for the process itself.
    """
    _process.shared = store


def shared_or(own: PyramidStore) -> PyramidStore:
    """The process's store, or one's own while it has none."""
    return _process.shared or own
