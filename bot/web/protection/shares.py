"""What there is only so much of, and who holds how much: when it runs short, whoever holds most gives way.

A fixed limit for each address would either be too small for the people behind one, or leave room for few addresses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class Share:
    """What is held together.

    Attributes:
        address: By whom.
        give_way: Called when it is taken away; it is not held any more then.
        size: How much.
    """

    address: str
    give_way: Callable[[], None]
    size: int


class Shares:
    """All that is held; for one event loop.

    Args:
        most: How much there is.
        each: How many shares one address may hold; 0 for any number.
    """

    def __init__(self, most: int, each: int = 0) -> None:
        self._most, self._each = most, each
        self._held: dict[Share, None] = {}  # the oldest first
        self._sizes: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """How much is held in all."""
        return self._sizes.total()

    def take(self, address: str, give_way: Callable[[], None], size: int = 1) -> Share | None:
        """Hold something from now on.

        Returns:
            None if the address holds as many shares as it may.
        """
        if self._each and self._counts[address] >= self._each:
            return None
        share = Share(address, give_way, 0)
        self._held[share] = None
        self._counts[address] += 1
        self.grow(share, size)
        return share

    def resize(self, share: Share, size: int) -> None:
        """Hold so much from now on; somebody may have to give way for it, and that may be the same share."""
        self.grow(share, size - share.size)

    def grow(self, share: Share, size: int) -> None:
        """Hold more; as ``resize``."""
        if share not in self._held:
            return
        share.size += size
        self._sizes[share.address] += size
        while self.total > self._most:
            given = self._largest()
            self.leave(given)
            given.give_way()

    def leave(self, share: Share) -> None:
        """Hold it no longer; harmless when it was taken away before."""
        if share not in self._held:
            return
        del self._held[share]
        for counter, much in ((self._sizes, share.size), (self._counts, 1)):
            counter[share.address] -= much
            if counter[share.address] <= 0:
                del counter[share.address]

    def _largest(self) -> Share:
        """Of the address that holds most (of equals the one that came last) its largest (of equals its oldest)."""
        last = {share.address: number for number, share in enumerate(self._held)}
        greedy = max(last, key=lambda address: (self._sizes[address], last[address]))
        return max((share for share in self._held if share.address == greedy), key=lambda share: share.size)
