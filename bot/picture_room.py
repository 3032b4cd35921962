"""How many bytes of pictures are in memory at once: many small ones, or one large one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.allocator import let_go

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
