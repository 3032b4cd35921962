"""Large buffers go back to the system when they are freed: a frontend stays as small as it is when idle.

glibc learns from the first 10 MB picture that freed to keep such sizes in its heap from then on,
and has such a heap for every thread; a process that passes pictures on never needs them there.
"""

from __future__ import annotations

import ctypes
import gc
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_LARGE_BYTES = 256 * 1024


def return_freed_memory() -> bool:
    """Keep buffers of 256 kB and more out of the heap.

    Returns:
        Whether this C library has such a setting.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_M_MMAP_THRESHOLD, _LARGE_BYTES), (_M_TRIM_THRESHOLD, _LARGE_BYTES), (_M_ARENA_MAX, 2))
    return all(mallopt(name, value) == 1 for name, value in settings)


def settle_down() -> None:
    """Everything is loaded: what is there now stays, and collections need not look at it again."""
    gc.collect()
    gc.freeze()


def let_go() -> None:
    """A picture was passed on: free what still holds it.

    An HTTP response and its stream refer to each other, so only a collection frees the bytes;
    after ``settle_down`` it takes a millisecond or two.
    """
    gc.collect()
