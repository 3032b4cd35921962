"""A worker's lease: a short-lived key that says it is alive and what it runs.

Apart from RQ's own registry scores, which stay far in the future so that RQ's clean-up (which is
not atomic, and which dashboards run) never takes a job for abandoned. The key expires by Redis's
clock, so workers and reapers need not agree on the time.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from redis.exceptions import RedisError

from nst.errors import JobError
from workers.client.executions import fail
from workers.client.reaper import reap_once
from workers.store import keys
from workers.store.refusals import refusal

# Ends a process whose job is stuck in native code, where no exception reaches it.
log = logging.getLogger(__name__)

SPARE_S = 5.0  # RQ's own timeout is an exception, and comes first where Python still runs
EXIT_STUCK = 70


@contextmanager
def watchdog(connection: redis.Redis, job_id: str, timeout_s: float) -> Iterator[None]:
    """Watch over a job; if it outlasts its timeout by five seconds, report it and end the process.

    Reported, not brought back: it would get stuck again.

    Args:
        connection: Not the one that the job uses.
        job_id: The job.
        timeout_s: The job's timeout.
    """
    timer = threading.Timer(timeout_s + SPARE_S, _bite, [connection, job_id, timeout_s])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _bite(connection: redis.Redis, job_id: str, timeout_s: float) -> None:
    log.critical("Job %s is stuck; the worker ends", job_id, extra={"job_id": job_id})
    try:
        fail(connection, job_id, JobError("job_timed_out", {"timeout_s": timeout_s}))
    finally:
        os._exit(EXIT_STUCK)


LEASE_S = 6.0
RENEW_S = 2.0
IDLE = "-"


class Lease:
    """What one worker holds; renewed by a thread, changed by the worker's own.

    Args:
        connection: To the queue's Redis, for the renewing thread alone; of few retries, so that it
            never falls far behind.
        worker: The worker's name, or that of one of its further seats: a name that nobody else has.
        about: Tells what the worker announces of itself; asked at every renewal. A seat announces nothing.

    Attributes:
        worker: As above.
        lost: Whether the run was given to another worker.
    """

    def __init__(self, connection: redis.Redis, worker: str, about: Callable[[], dict[str, str]] | None = None) -> None:
        self._connection = connection
        self.worker = worker
        self._about = about
        self._entry = IDLE
        self._queue = ""
        self._guard = threading.Lock()  # held over each write, so that an old one never lands last
        self.lost = threading.Event()

    def hold(self, pipe: Any, queue: str, entry: str) -> None:
        """Take the lease of a run, with the transaction that starts it, and execute that.

        Args:
            pipe: The transaction.
            queue: The job's queue.
            entry: ``job:execution``.
        """
        with self._guard:
            self._queue, self._entry = queue, entry
            self.lost.clear()
            pipe.set(keys.lease(self.worker), self._entry, px=int(LEASE_S * 1000))
            pipe.execute()

    def let_go(self) -> None:
        """Nothing runs any more; the next renewal tells Redis."""
        with self._guard:
            self._queue, self._entry = "", IDLE

    def renew(self) -> None:
        """Write the lease again, and see whether the run was given to another worker meanwhile."""
        with self._guard, self._connection.pipeline() as pipe:
            if self._entry == IDLE and not self._about:
                return  # an empty seat: its key expires
            self._write(pipe)
            if self._entry != IDLE:
                pipe.zscore(keys.rq_started(self._queue), self._entry)
            answers = pipe.execute()
            if self._entry != IDLE and answers[-1] is None:
                self.lost.set()

    def end(self) -> None:
        """The worker goes: its lease goes with it."""
        with self._guard, self._connection.pipeline() as pipe:
            pipe.delete(keys.lease(self.worker), keys.ready(self.worker))
            pipe.srem(keys.WORKERS, self.worker)
            pipe.execute()

    def _write(self, pipe: Any) -> None:
        pipe.set(keys.lease(self.worker), self._entry, px=int(LEASE_S * 1000))
        if self._about:
            pipe.sadd(keys.WORKERS, self.worker)
            pipe.expire(keys.WORKERS, keys.RESULT_TTL_S)
            pipe.hset(keys.ready(self.worker), mapping=self._about())
            pipe.pexpire(keys.ready(self.worker), int(LEASE_S * 1000))


class LeaseKeeper(threading.Thread):
    """Renews a worker's leases every two seconds, tells the supervisor, and looks after dead colleagues' jobs.

    Reaping happens here and not between jobs, because a busy worker has no "between".

    Args:
        leases: What to renew: the worker's own, and those of its further seats.
        connection: The leases' own.
        beat: Called at every renewal that succeeded.
    """

    def __init__(self, leases: Sequence[Lease], connection: redis.Redis, beat: Any) -> None:
        super().__init__(name="lease", daemon=True)
        self._leases = leases
        self._connection = connection
        self._beat = beat
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until ``stop``."""
        while not self._stopping.wait(RENEW_S):
            try:
                for lease in self._leases:
                    lease.renew()
                self._beat()
                reap_once(self._connection)
            except RedisError as error:
                log.warning("The lease cannot be renewed now: %s", refusal(error) or type(error).__name__)
            except OSError as error:  # the health file's disk: the supervisor will see that it is not touched
                log.error("The health file cannot be touched: %s", error.strerror)

    def stop(self) -> None:
        """Stop renewing and give the leases up."""
        self._stopping.set()
        self.join(timeout=RENEW_S)
        try:
            for lease in self._leases:
                lease.end()
        except RedisError as error:
            log.warning("The lease ends by itself: %s", type(error).__name__)
