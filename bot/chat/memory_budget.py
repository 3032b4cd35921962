"""How many bytes of pictures are in memory at once: many small ones, or one large one."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# Large buffers go back to the system when they are freed: a frontend stays as small as it is when idle.
#
# glibc learns from the first 10 MB picture that freed to keep such sizes in its heap from then on,
# and has such a heap for every thread; a process that passes pictures on never needs them there.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_MAPPED_BYTES = 256 * 1024


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
    settings = ((_M_MMAP_THRESHOLD, _MAPPED_BYTES), (_M_TRIM_THRESHOLD, _MAPPED_BYTES), (_M_ARENA_MAX, 2))
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


_LARGE_BYTES = 1024 * 1024


class PictureRoom:
    """Room for pictures on their way to the queue.

    Args:
        budget_bytes: A picture that is larger still gets in, alone.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._free_bytes = budget_bytes
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def take(self, size_bytes: int) -> AsyncIterator[None]:
        """Hold room for ``size_bytes``; waits until there is that much."""
        share = min(max(0, size_bytes), self._budget_bytes)
        async with self._changed:
            await self._changed.wait_for(lambda: self._free_bytes >= share)
            self._free_bytes -= share
        try:
            yield
        finally:
            if share > _LARGE_BYTES:
                let_go()
            self._free_bytes += share
            async with self._changed:
                self._changed.notify_all()
