"""The runs that a worker has in hand: one job's, or those of several that share a pass (docs/adr/0011-batches.md)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import ResponseError
from rq.executions import Execution
from rq.job import Job as RQJob
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from nst.batches import MOST
from workers.companions import Companions
from workers.job_class import MAX_RETRIES
from workers.lease import Lease
from workers.routing import FAST
from workers.watchdog import watchdog

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """A run that this worker has started: a job, and the lease that says so."""

    job: RQJob
    execution: Execution
    lease: Lease


class Batch:
    """Takes jobs along, and lets them share what they can.

    Args:
        connection: To the queue's Redis.
        side_connection: Another one, for leases and the watchdog; of few retries.
        worker: The worker's name.
        paint_ahead: Does for several jobs, by their ids, what they can share; None where jobs are taken one by one.

    Attributes:
        seats: Leases of those that come along.
        held: The runs in hand, in the order in which they are worked off.
    """

    def __init__(
        self,
        connection: redis.Redis,
        side_connection: redis.Redis,
        worker: str,
        paint_ahead: Callable[[Sequence[str]], object] | None,
    ) -> None:
        self._side_connection = side_connection
        self._companions = Companions(connection)
        self._paint_ahead = paint_ahead
        self.seats = [Lease(side_connection, f"{worker}+{n}") for n in range(1, MOST)] if paint_ahead else []
        self.held: list[Held] = []

    def holds(self, job_id: Any) -> bool:
        """Whether a job is in hand; for other threads, too."""
        return any(held.job.id == job_id for held in self.held)

    def fill(self, first: Held, fetch: Callable[[bytes], RQJob | None], start: Callable[[RQJob, Lease], Held]) -> None:
        """Hold a run, and start further jobs that can share a pass with it.

        Args:
            first: The run.
            fetch: A job by its id, None if it is gone.
            start: Starts a job's run under a lease.
        """
        self.held.append(first)
        if not self.seats or first.job.origin != FAST or first.job.retries_left != MAX_RETRIES:
            return
        try:
            for raw, seat in zip(self._companions.take(first.job.id), self.seats, strict=False):
                job = fetch(raw)
                if job:
                    self.held.append(start(job, seat))
        except ResponseError as error:  # no room for another run: whoever was taken comes back by itself
            log.warning("No job can be taken along now: %s", str(error)[:120])

    def share(self) -> None:
        """Do what the jobs in hand share; a pass that never ends is taken for the first one's."""
        if len(self.held) < 2 or not self._paint_ahead:
            return
        log.info("%d jobs are taken together", len(self.held))
        first = self.held[0].job
        timeout_s = first.timeout or 0
        with watchdog(self._side_connection, first.id, timeout_s):
            try:
                penalty = UnixSignalDeathPenalty(timeout_s, JobTimeoutException, job_id=first.id)  # type: ignore[no-untyped-call]
                with penalty:
                    self._paint_ahead([held.job.id for held in self.held])
            except JobTimeoutException:
                log.warning("A batch took too long; its jobs run one by one")

    def work_off(self, backwards: Callable[[], bool]) -> Iterator[Held]:
        """Every run in hand, once.

        Args:
            backwards: Whether what is left goes back to the queue's head: then the last one goes first.
        """
        left = list(self.held)
        while left:
            yield left.pop(-1 if backwards() else 0)

    def let_go(self) -> None:
        """Nothing is in hand any more."""
        for held in self.held:
            held.lease.let_go()
        self.held.clear()
