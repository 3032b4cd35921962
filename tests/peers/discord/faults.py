"""Failures on order: what a test wants to go wrong, where and how often."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field


@dataclass
class Fault:
    """One thing to go wrong.

    Attributes:
        method: HTTP method.
        path: Regular expression, searched in the path.
        status: HTTP status; 0 cuts the connection, before the request is acted on.
        times: How many requests it meets.
        after: Act on the request first, then cut the connection or fail: the bot never learns of it.
        retry_after_s: With 429.
        hold: Requests wait for this event instead of failing.
        code: Discord's own number for the failure.
        met: How many requests it met.
    """

    method: str
    path: str
    status: int = 0
    times: int = 1
    after: bool = False
    retry_after_s: float = 0.2
    hold: asyncio.Event | None = None
    code: int = 0
    met: int = field(default=0, init=False)


class Faults:
    """The faults in force; made in the peer's loop, changed from any thread."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._loop = asyncio.get_running_loop()

    def add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        for fault in self._faults:
            if fault.hold:
                self._loop.call_soon_threadsafe(fault.hold.set)
        self._faults.clear()

    def meet(self, method: str, path: str) -> Fault | None:
        """The fault for a request, counted."""
        for fault in self._faults:
            if fault.method == method and fault.met < fault.times and re.search(fault.path, path):
                fault.met += 1
                return fault
        return None
