"""The runs that a worker has in hand: one job's, or those of several that share a pass (docs/adr/0011-batches.md)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, cast

import redis
from redis.exceptions import ResponseError
from rq.executions import Execution
from rq.job import Job as RQJob
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from nst.fast.batches import MOST, PASS_PX
from workers.client.estimates import live_workers
from workers.routing import FAST
from workers.store import keys
from workers.worker.job_class import MAX_RETRIES
from workers.worker.lease import Lease, watchdog

# Waiting jobs that a worker takes along with the one it has just taken, so that all share a pass.
#
# Only from the head of the queue, and only while the next job is of the same kind: nobody is overtaken. Of what waits
# a worker takes its share, so that colleagues find some, too. A job whose worker died before takes nobody along and is
# taken by nobody: what kills workers kills no others' jobs twice.
WINDOW_S = 0.010
_LOOK_EVERY_S = 0.002

# KEYS: queue, intermediate. ARGV: kind, most, retries of a fresh job, prefix of records, prefix of RQ's jobs.
# Gives the ids taken, after a first number: 1 if the queue ended there, 0 if its next job does not fit.
_TAKE_ALONG = """
local taken = {}
while #taken < tonumber(ARGV[2]) do
  local id = redis.call('LINDEX', KEYS[1], 0)
  if not id then return {1, taken} end
  local kind = redis.call('HGET', ARGV[4] .. id, 'kind')
  local left = redis.call('HGET', ARGV[5] .. id, 'retries_left')
  if kind ~= ARGV[1] or left ~= ARGV[3] then return {0, taken} end
  redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')
  taken[#taken + 1] = id
end
return {redis.call('LLEN', KEYS[1]) == 0 and 1 or 0, taken}
"""


def most_together(kind: str) -> int:
    """How many jobs of a kind (see ``routing.kind_of``) may share a pass; 1 for those that never do."""
    method, _, side_px = kind.partition(":")
    if method != "fast" or not side_px.isdigit():  # another method, or a clip
        return 1
    return max(1, min(MOST, PASS_PX // int(side_px) ** 2))


class Companions:
    """Takes along.

    Args:
        connection: To the queue's Redis.
        clock: Monotonic seconds.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        connection: redis.Redis,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._sleep = sleep

    def take(self, job_id: str) -> list[bytes]:
        """Move further jobs' ids to the fast queue's intermediate list, as ``Turns.take`` does with one.

        Waits up to ``WINDOW_S`` for more to come, unless there are enough or the next one does not fit.

        Args:
            job_id: The job that was taken, of the fast queue.

        Returns:
            Their ids, in the queue's order.
        """
        kind = (cast("bytes | None", self._connection.hget(keys.record(job_id), "kind")) or b"").decode()
        room, taken, ends_s = most_together(kind) - 1, list[bytes](), self._clock() + WINDOW_S
        while room > len(taken):
            open_ended, more = self._take(kind, room - len(taken))
            taken += more
            if not open_ended or self._clock() >= ends_s:
                break
            self._sleep(_LOOK_EVERY_S)
        return taken

    def _take(self, kind: str, room: int) -> tuple[bool, list[bytes]]:
        waiting = self._connection.llen(keys.rq_queue(FAST))
        if not waiting:
            return True, []
        hands = sum(FAST in worker.get("queues", "").split(",") for worker in live_workers(self._connection))
        share = min(room, ceil(waiting / max(1, hands)))
        script = self._connection.register_script(_TAKE_ALONG)
        script_keys = [keys.rq_queue(FAST), keys.rq_intermediate(FAST)]
        answer = script(keys=script_keys, args=[kind, share, MAX_RETRIES, keys.record(""), keys.rq_job("")])
        ended, ids = cast("tuple[int, list[bytes]]", answer)
        return bool(ended), ids


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
