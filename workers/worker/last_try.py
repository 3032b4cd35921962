"""A job's last try runs in a process of its own: what has killed two workers kills no third one.

The worker keeps the lease and the watchdog and waits. The child is a worker's task without the worker: it
paints, posts the one result and ends; if it dies instead, the worker says so.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess

from redis.exceptions import RedisError

from nst.secrecy import Secrets, guarded
from workers.store.byte_stores import ByteStore, use_byte_store
from workers.store.connection import PATIENT, connect
from workers.store.made_before import MadeBefore
from workers.store.refusals import wait_out
from workers.worker.painting import Engine
from workers.worker.slices import Slices

_POLL_S = 0.1
_PR_SET_PDEATHSIG = 1  # sys/prctl.h


@dataclass(frozen=True)
class LastTry:
    """How to run a job apart; all of it travels to the child, so all of it can be pickled.

    Attributes:
        redis_url: The queue's Redis.
        make_engine: Makes the engine anew; TensorFlow is never shared with a child.
        store: Where pictures lie besides Redis, or None.
    """

    redis_url: str = field(repr=False)
    make_engine: Callable[[], Engine]
    store: ByteStore | None = None

    def run(self, job_json: str, stop: Callable[[], bool]) -> bool:
        """Run a job in a child process and wait for it.

        Args:
            job_json: A ``contract.Job``.
            stop: Asked ten times a second; True ends the child.

        Returns:
            Whether the child ended by itself and well: then the job has its result.
        """
        # Spawned: a child that is forked after TensorFlow was loaded hangs.
        spawn = multiprocessing.get_context("spawn")
        child = spawn.Process(target=_work, args=(self, job_json, guarded()), daemon=True)
        child.start()
        try:
            while child.is_alive() and not stop():
                child.join(_POLL_S)
        finally:
            _end(child)
        return child.exitcode == 0


def _end(child: BaseProcess) -> None:
    if child.is_alive():
        child.kill()
    child.join()


def _work(how: LastTry, job_json: str, secrets: Secrets) -> None:
    from workers.tasks import Workplace, open_workplace, stylize

    secrets.guard()
    _die_with_the_worker()
    for number in (signal.SIGINT, signal.SIGTERM):  # the worker decides
        signal.signal(number, signal.SIG_IGN)
    use_byte_store(how.store)
    with connect(how.redis_url, retries=PATIENT) as connection:
        slices, before = Slices(connection, _never), MadeBefore(connection)
        open_workplace(Workplace(connection, how.make_engine(), _never, _never, slices, before))
        while True:
            try:
                stylize(job_json)
                return
            except RedisError as error:
                wait_out(error)


def _never() -> bool:
    return False


def _die_with_the_worker() -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
