"""Several pictures in one pass of a network: which of them share one.

One small picture does not fill a GPU, eight do better. The network's norms count each picture by itself, so every
picture comes out as it would alone, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Protocol, runtime_checkable

from nst.method import IsCancelled, Run

MOST = 8
# What a pass holds at most; a single picture of one pass may have 1280 * 1280.
PASS_PX = MOST * 512 * 512

Passed = Callable[[int], None]


@runtime_checkable
class Batching(Protocol):
    """A method whose runs can share passes: ``nst.fast.method.Fast``."""

    def advance_together(self, runs: Sequence[Run], cancelled: IsCancelled = ..., passed: Passed = ...) -> list[bool]:
        """Finish those that can share a pass.

        Args:
            runs: Of this method, none of them done.
            cancelled: Asked before each pass.
            passed: Told how many pictures each pass held.

        Returns:
            Which are done; the others share with nobody and were left as they are.

        Raises:
            Cancelled: ``cancelled()`` was true.
            PasticheError: Of the method, not of a picture.
        """


def no_pass(pictures: int) -> None:
    """Passes that nobody counts."""


def passes(shapes: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Who shares a pass with whom.

    Only pictures of one shape do. A pass holds 2, 4 or 8 of them, so that TensorFlow meets few shapes, and no more
    than ``PASS_PX`` pixels, so that it needs about the memory of one large picture.

    Args:
        shapes: Heights and widths as the network gets them.

    Returns:
        Passes as indices of ``shapes``; those that are left alone are in none.
    """
    order = sorted(range(len(shapes)), key=lambda index: shapes[index])
    found = []
    for (height, width), same in groupby(order, key=lambda index: shapes[index]):
        left = list(same)
        while (size := _largest(len(left), height * width)) > 1:
            found.append(left[:size])
            left = left[size:]
    return found


def _largest(pictures: int, picture_px: int) -> int:
    """The largest power of two that there are pictures and room for."""
    most = min(MOST, pictures, PASS_PX // max(1, picture_px))
    return 1 << (most.bit_length() - 1) if most else 0
