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
from dataclasses import replace

from nst.engine import Engine
from nst.errors import Cancelled
from nst.fast.batches import Passed, no_pass
from nst.method import (
    IsCancelled,
    Method,
    MethodSettings,
    OneStep,
    Pastiche,
    Progress,
    Report,
    Request,
    Run,
    never_cancelled,
    no_report,
)
from nst.pictures.decode import Picture
from nst.pictures.decoder import decoder_of_own_files
from workers.__main__ import run_worker
from workers.store.connection import connect

POISON = 100_001  # kills its process
BROKEN = 100_002  # raises what nobody foresaw
STUCK = 100_003  # never returns from native code
HUNGRY = 100_004  # runs out of memory
HOLD = "test:hold"


class CountedRun:
    """Takes the seed's milliseconds in steps of 50, and counts them by process; ``model`` says which did how many."""

    def __init__(self, picture: Picture, seed: int, done_by: dict[str, int]) -> None:
        self.picture, self.steps, self.done_by = picture, seed // 50, done_by

    def advance(
        self, budget_s: float | None = None, report: Report = no_report, cancelled: IsCancelled = never_cancelled
    ) -> bool:
        ends_s = time.monotonic() + (budget_s or 3600)
        while (steps := sum(self.done_by.values())) < self.steps and time.monotonic() < ends_s:
            if cancelled():
                raise Cancelled
            time.sleep(0.05)
            self.done_by[str(os.getpid())] = self.done_by.get(str(os.getpid()), 0) + 1
            report(Progress((steps + 1) / self.steps, steps + 1, self.steps))
        return steps >= self.steps

    def pastiche(self) -> Pastiche:
        return Pastiche(self.picture, "gatys", model=json.dumps(self.done_by))

    def state(self) -> bytes:
        return json.dumps(self.done_by).encode()


class Faulty:
    """A method that does what the seed says: slow ones count their steps, ``fast`` may share a pass and says so."""

    def __init__(self, name: str) -> None:
        self.name = name

    def prepare(self) -> None:
        """Nothing to load."""

    def begin(self, request: Request, state: bytes = b"") -> Run:
        content, seed = request.content, request.options.seed
        if self.name == "gatys":
            return CountedRun(content, seed, json.loads(state or b"{}"))
        model = "alone" if self.name == "fast" else ""
        made = Pastiche(content, self.name, model=model)

        def work(report: Report, cancelled: IsCancelled) -> Pastiche:
            if self.name != "fast":
                _do_what_it_says(content, seed, report, cancelled)
            return made

        return OneStep(made, work)

    def advance_together(
        self, runs: Sequence[Run], cancelled: IsCancelled = never_cancelled, passed: Passed = no_pass
    ) -> list[bool]:
        if self.name != "fast":
            return [False] * len(runs)
        if __name__ == "__main__":
            _while_held(cancelled)
        passed(len(runs))
        for run in runs:
            assert isinstance(run, OneStep)
            run.finish(replace(run.pastiche(), model="together"))
        return [True] * len(runs)


def _while_held(cancelled: IsCancelled) -> None:
    with connect(sys.argv[1]) as connection:
        while connection.exists(HOLD):
            if cancelled():
                raise Cancelled
            time.sleep(0.02)


def _do_what_it_says(picture: Picture, seed: int, report: Report, cancelled: IsCancelled) -> None:
    if seed == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == BROKEN:
        raise ZeroDivisionError("nobody foresaw this")
    if seed == HUNGRY:
        raise MemoryError
    if seed == STUCK:
        mutex, native = ctypes.create_string_buffer(64), ctypes.CDLL(None)
        native.pthread_mutex_lock(mutex)
        native.pthread_mutex_lock(mutex)
    ends_s = time.monotonic() + seed / 1000
    while (left_s := ends_s - time.monotonic()) > 0:
        if cancelled():
            raise Cancelled
        report(Progress(1 - left_s * 1000 / seed, preview=lambda: picture))
        time.sleep(min(0.02, left_s))


class FaultyEngine(Engine):
    """An engine of such methods."""

    def __init__(self) -> None:
        super().__init__(MethodSettings(), decoder_of_own_files())

    def __reduce__(self) -> tuple[type[FaultyEngine], tuple[()]]:
        return FaultyEngine, ()  # a last try makes another one in its process

    def method(self, name: str) -> Method:
        return self._methods.setdefault(name, Faulty(name))


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
