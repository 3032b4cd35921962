"""The buckets of service and waiting times; light, because every result is counted into them."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)

BOUNDS = " ".join(map(str, BOUNDS_S))  # as a script takes them


def bucket(seconds: float) -> str:
    """The bucket that a duration falls into: its upper bound in seconds, or ``+Inf``."""
    place = bisect_left(BOUNDS_S, seconds)
    return str(BOUNDS_S[place]) if place < len(BOUNDS_S) else "+Inf"
