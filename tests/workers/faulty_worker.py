"""A worker process whose engine does what a job's seed says: the faults that the queue must bear.

    python faulty_worker.py REDIS_URL QUEUES GRACE_S MAX_SIDE_PX FAST_BATCH

Pictures are really decoded and encoded. Seeds: 0 at once, up to 60,000 that many milliseconds,
and the constants below. The fast method waits in a shared pass for as long as Redis has the key ``HOLD``.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Sequence

from nst.batches import Passed, Request, no_pass
from nst.engine import Perform, perform_whole
from nst.errors import Cancelled
from nst.images import Picture, decode
from nst.method import IsCancelled, MethodSettings, Pastiche, Progress, Report
from nst.options import StyleOptions
from workers.__main__ import run_worker
from workers.connection import connect

POISON = 100_001  # kills its process
BROKEN = 100_002  # raises what nobody foresaw
STUCK = 100_003  # never returns from native code
HUNGRY = 100_004  # runs out of memory
HOLD = "test:hold"


class CountedRun:
    """Takes the seed's milliseconds in steps of 50, and counts them by process."""

    def __init__(self, picture: Picture, seed: int, done_by: dict[str, int]) -> None:
        self.picture, self.steps, self.done_by = picture, seed // 50, done_by

    def advance(self, budget_s: float | None, report: Report, cancelled: IsCancelled) -> bool:
        ends_s = time.monotonic() + (budget_s or 3600)
        while (steps := sum(self.done_by.values())) < self.steps and time.monotonic() < ends_s:
            if cancelled():
                raise Cancelled
            time.sleep(0.05)
            self.done_by[str(os.getpid())] = self.done_by.get(str(os.getpid()), 0) + 1
            report(Progress((steps + 1) / self.steps, steps + 1, self.steps))
        return steps >= self.steps

    def state(self) -> bytes:
        return json.dumps(self.done_by).encode()


class Counted:
    """A resumable method whose result's ``model`` says which process did how many steps."""

    name = "gatys"

    def prepare(self) -> None:
        """Nothing to load."""

    def stylize(
        self,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        report: Report = lambda progress: None,
        cancelled: IsCancelled = lambda: False,
    ) -> Pastiche:
        run = self.start(content, styles, options)
        run.advance(None, report, cancelled)
        return self.pastiche(run, options)

    def start(self, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> CountedRun:
        return CountedRun(content, options.seed, {})

    def resume(self, state: bytes, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> CountedRun:
        return CountedRun(content, options.seed, json.loads(state))

    def pastiche(self, run: CountedRun, options: StyleOptions) -> Pastiche:
        return Pastiche(run.picture, options.method, model=json.dumps(run.done_by))


class Sharing:
    """A method that paints several at once; a result's ``model`` says whether it was."""

    name = "fast"

    def prepare(self) -> None:
        """Nothing to load."""

    def stylize(
        self,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        report: Report = lambda progress: None,
        cancelled: IsCancelled = lambda: False,
    ) -> Pastiche:
        if cancelled():
            raise Cancelled
        return Pastiche(content, self.name, model="alone")

    def stylize_batch(
        self, requests: Sequence[Request], cancelled: IsCancelled = lambda: False, passed: Passed = no_pass
    ) -> list[Pastiche | None]:
        if __name__ == "__main__":
            _while_held(cancelled)
        passed(len(requests))
        return [Pastiche(request.content, self.name, model="together") for request in requests]


def _while_held(cancelled: IsCancelled) -> None:
    with connect(sys.argv[1]) as connection:
        while connection.exists(HOLD):
            if cancelled():
                raise Cancelled
            time.sleep(0.02)


class FaultyEngine:
    """Gives the content back after doing what the seed says."""

    def stylize(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        report: Report = lambda progress: None,
        cancelled: IsCancelled = lambda: False,
        perform: Perform = perform_whole,
        mask: bytes | None = None,
    ) -> Pastiche:
        picture = decode(content, options.max_side_px)
        if options.method == "gatys":
            return perform(Counted(), picture, [decode(style) for style in styles], options, report, cancelled)
        if options.method == "fast":
            return perform(Sharing(), picture, [decode(style) for style in styles], options, report, cancelled)
        if options.seed == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        if options.seed == BROKEN:
            raise ZeroDivisionError("nobody foresaw this")
        if options.seed == HUNGRY:
            raise MemoryError
        if options.seed == STUCK:
            mutex, native = ctypes.create_string_buffer(64), ctypes.CDLL(None)
            native.pthread_mutex_lock(mutex)
            native.pthread_mutex_lock(mutex)
        ends_s = time.monotonic() + options.seed / 1000
        while (left_s := ends_s - time.monotonic()) > 0:
            if cancelled():
                raise Cancelled
            report(Progress(1 - left_s * 1000 / options.seed, preview=lambda: picture))
            time.sleep(min(0.02, left_s))
        return Pastiche(picture, options.method)


if __name__ == "__main__":
    url, queues, grace_s, max_side_px, batch = sys.argv[1:]
    sys.exit(
        run_worker(
            url,
            queues.split(","),
            MethodSettings(fast_batch=batch),
            engine=FaultyEngine(),
            grace_s=float(grace_s),
            max_side_px=int(max_side_px),
        )
    )
