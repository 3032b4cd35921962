"""A watch on an event loop: how long it does not come round. SIGUSR1 writes what was seen and starts anew.

``lag_ms`` is how late a callback was that was due every 5 ms, which other processes lengthen as well;
``cpu_ms`` is the processor time of the loop's thread between two of them, ``process_ms`` that of all threads (what one
that keeps the interpreter's lock costs the loop): these two are the process' own doing.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path

_EVERY_S = 0.005


class LoopWatch:
    """Sees how long one loop does not come round.

    Args:
        loop: Which.
        report: The file for what was seen.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, report: Path) -> None:
        self._loop, self._report = loop, report
        self._reset()
        loop.add_signal_handler(signal.SIGUSR1, self._write)
        self._wait()

    def _reset(self) -> None:
        self._lags_ms: list[float] = []
        self._cpus_ms: list[float] = []
        self._process_ms: list[float] = []

    def _wait(self) -> None:
        self._due_s = time.perf_counter() + _EVERY_S
        self._cpu_s, self._process_s = time.thread_time(), time.process_time()
        self._loop.call_later(_EVERY_S, self._look)

    def _look(self) -> None:
        self._lags_ms.append(1000 * (time.perf_counter() - self._due_s))
        self._cpus_ms.append(1000 * (time.thread_time() - self._cpu_s))
        self._process_ms.append(1000 * (time.process_time() - self._process_s))
        self._wait()

    def _write(self) -> None:
        series = {"lag_ms": self._lags_ms, "cpu_ms": self._cpus_ms, "process_ms": self._process_ms}
        seen = {name: max(values) for name, values in series.items()} | {"looks": len(self._lags_ms)}
        draft = self._report.with_suffix(".draft")
        draft.write_text(json.dumps(seen), encoding="utf-8")
        os.replace(draft, self._report)
        self._reset()


def watch_every_loop(report: Path) -> None:
    """From here on, each new event loop is watched."""

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            loop = super().new_event_loop()
            LoopWatch(loop, report)
            return loop

    asyncio.set_event_loop_policy(Policy())
