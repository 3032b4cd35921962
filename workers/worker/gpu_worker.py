"""The process that does the work: one warm engine, one job after another, nothing lost when it dies.

RQ's ``SimpleWorker`` with RQ's own extension points. RQ's forking worker hangs once TensorFlow is
loaded; ``SimpleWorker`` has no heartbeat during a job, ignores stop-job and loses what it popped
from several queues when it is killed. ``docs/adr/0003-queue.md`` has the measurements, and
``docs/adr/0011-batches.md`` says how several fast jobs share a pass.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import redis
from redis.exceptions import RedisError, ResponseError
from rq import SimpleWorker
from rq.command import parse_payload
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.executions import Execution
from rq.job import Job as RQJob
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker.base import WorkerStatus
from rq.worker_registration import register

from nst.errors import JobError
from workers.client.executions import End, end_run, fail
from workers.contract import ContractError
from workers.routing import FAST
from workers.store import keys
from workers.store.clock import server_time_s
from workers.store.refusals import refusal, wait_out
from workers.worker.batch import Batch, Held
from workers.worker.job_class import ForbiddenFunctionError, PasticheJob, UnreadableRecordError
from workers.worker.job_log import about_job
from workers.worker.lease import Lease, LeaseKeeper, watchdog
from workers.worker.turns import Turns
from workers.worker.vitals import gpu_bytes, rss_bytes

log = logging.getLogger(__name__)

GRACE_S = 8.0  # Docker kills after 10
_FAREWELL_S = 10.0  # after the grace period; without Redis every step of a farewell waits for it, for minutes in all
EXIT_LOST_REDIS = 1
_POLL_S = 0.25  # how long a worker waits on its first queue before it looks at the others
_PAUSE_S = 3.0  # so long after a job the next one of a conversation is not to be expected at once
# What a job's record can do to its run: no other try would end otherwise. TypeError: other arguments than one.
_HOPELESS = (ForbiddenFunctionError, DeserializationError, ContractError, TypeError)
_WORKER_TTL_S = 17  # RQ waits this less 15 s for a job
_SILENT_WORKER_S = _WORKER_TTL_S + 60  # and keeps a silent worker's record that long

# KEYS: execution, started, executions of the job. ARGV: entry, execution id, ttl_s.
# RQ wrote these by the clock of this host; a dashboard elsewhere would take a run from another time for abandoned.
_BY_REDIS_CLOCK = """
local time = redis.call('TIME')
local now = string.format('%.3f', time[1] + time[2] / 1000000)
redis.call('HSET', KEYS[1], 'created_at', now, 'last_heartbeat', now)
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[3], now + ARGV[3] + 60, ARGV[2])
"""


class GpuWorker(SimpleWorker):
    """A worker with a lease for each job that it holds: one, or several that share a pass.

    Args:
        connection: To the queue's Redis; patient.
        side_connection: Another one, for the lease and the watchdog; of few retries.
        queues: Names, in order of priority.
        device: For the announcement.
        grace_s: Seconds after SIGTERM in which the running job may finish.
        beat: Called every two seconds while the process is well.
        enough: Asked between jobs; True ends the process (to give back its memory, say).
        about: What it announces besides its vitals; asked at every renewal of the lease.
        idle: Called again and again once nothing has waited for some seconds: whoever comes next waits for it.
        paint_ahead: Does for several jobs, by their ids, what they can share; None where jobs are taken one by one.
    """

    def __init__(
        self,
        connection: redis.Redis,
        side_connection: redis.Redis,
        queues: Sequence[str],
        *,
        device: str = "",
        grace_s: float = GRACE_S,
        beat: Callable[[], None] = lambda: None,
        enough: Callable[[], bool] = lambda: False,
        about: Callable[[], Mapping[str, str]] = dict,
        idle: Callable[[], None] = lambda: None,
        paint_ahead: Callable[[Sequence[str]], object] | None = None,
    ) -> None:
        super().__init__(
            list(queues),
            name=f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}",
            connection=connection,
            job_class=PasticheJob,
            serializer=JSONSerializer,
            worker_ttl=_WORKER_TTL_S,
            log_job_description=False,
        )
        self._side_connection = side_connection
        self._grace_s = grace_s
        self._leave_at_s: float | None = None
        self._stopped_jobs: set[str] = set()
        self._last_try = False
        self._busy_s = time.monotonic()  # when the last job ended
        self._enough = enough
        self._beat = beat
        self._announced, self._idle = about, idle
        self._device, self._ready_s = device, server_time_s(connection)
        self._turns = Turns(connection, self.name, queues)
        self.lease = Lease(side_connection, self.name, self._about)
        self._batch = Batch(connection, side_connection, self.name, paint_ahead)
        self._running: Held | None = None
        self._ends: End | None = None  # how the running job's run ends

    def _about(self) -> dict[str, str]:
        return {
            "queues": ",".join(self.queue_names()),
            "pid": str(os.getpid()),
            "device": self._device,
            "ready_s": f"{self._ready_s:.0f}",
            "rss_bytes": str(rss_bytes()),
            "gpu_bytes": str(gpu_bytes()),
            **self._announced(),
        }

    # What a job asks.

    def stopped(self) -> bool:
        """Whether RQ's stop-job command came for the running job."""
        return self._running is not None and self._running.job.id in self._stopped_jobs

    def running_job(self) -> str:
        """The running job's id; "" while none runs."""
        return self._running.job.id if self._running else ""

    def on_last_try(self) -> bool:
        """Whether the running job's workers died twice before: it has no try left after this one."""
        return self._last_try

    def leaving(self) -> bool:
        """Whether the running job has to go: the grace period is over, or another worker has it."""
        lease = self._running.lease if self._running else self.lease
        return self._out_of_time() or lease.lost.is_set()

    def _out_of_time(self) -> bool:
        return self._leave_at_s is not None and time.monotonic() >= self._leave_at_s

    def give_way(self) -> bool:
        """Whether a slow job should make room: a fast one waits for this worker, or the process has to end."""
        return bool(self._stop_requested) or (FAST in self.queue_names() and self._waits(FAST))

    def _waits(self, queue: str) -> bool:
        return bool(self.connection.llen(keys.rq_queue(queue)))

    @property
    def stop_requested(self) -> bool:
        """Whether the process was asked to end."""
        return bool(self._stop_requested)

    # Signals and commands. RQ's own talk to Redis inside the signal handler, or raise through whatever runs.

    def request_stop(self, signum: Any, frame: Any) -> None:
        """First signal: finish within the grace period. Second one: hand the job back now."""
        again = self._leave_at_s is not None
        if not again:
            last_call = threading.Timer(self._grace_s + _FAREWELL_S, os._exit, [EXIT_LOST_REDIS])
            last_call.daemon = True  # a worker that ends by itself does not wait for it
            last_call.start()
        self._leave_at_s = time.monotonic() + (0 if again else self._grace_s)
        self._stop_requested = True

    def handle_payload(self, message: Any) -> None:
        """RQ's commands; stop-job is for any job that is held, and its next step sees it: there is no horse to kill."""
        payload = parse_payload(message)
        if payload.get("command") != "stop-job":
            super().handle_payload(message)  # type: ignore[no-untyped-call]
        elif self._batch.holds(payload.get("job_id")):
            self._stopped_jobs.add(payload["job_id"])

    # The loop.

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until a signal, ``enough``, or Redis being away for too long.

        Args:
            ready: Called once, when the worker is about to take jobs.
        """
        for number in (signal.SIGTERM, signal.SIGINT):  # RQ does it later, after others can see this worker
            signal.signal(number, self.request_stop)
        keeper = LeaseKeeper([self.lease, *self._batch.seats], self._side_connection, self._alive)
        self._patiently(self.lease.renew)
        keeper.start()
        ready()
        try:
            self.work(logging_level="WARNING")
        finally:
            keeper.stop()

    def run_maintenance_tasks(self) -> None:
        """Nothing: the lease's thread reaps, because a busy worker has no time for maintenance."""

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[RQJob, Queue] | None:
        """Take the next job, in the order of ``Turns``, without ever holding it nowhere.

        Each queue is asked with LMOVE, which leaves the job in RQ's intermediate list, where the
        reaper finds it; RQ's BLPOP over several queues loses it for good if the worker dies.

        Returns:
            A job and its queue; None when the worker should end (or nothing waits, in a burst).
        """
        while not self._stop_requested and not self._enough():
            try:
                taken = self._take() or (self._wait() if timeout is not None else None)
            except RedisError as error:
                wait_out(error)
                continue
            if taken or timeout is None:
                return taken
        return None

    def _take(self) -> tuple[RQJob, Queue] | None:
        while found := self._turns.take():
            name, raw = found
            taken = self._fetch(next(queue for queue in self.queues if queue.name == name), raw)
            if taken:
                return taken
        return None

    def _wait(self) -> tuple[RQJob, Queue] | None:
        if self.get_state() != WorkerStatus.IDLE:
            self.set_state(WorkerStatus.IDLE)
        if time.monotonic() - self._busy_s >= _PAUSE_S:
            self._idle()
        first = next((queue for queue in self.queues if queue.name == FAST), self.queues[0])
        wait_s: Any = _POLL_S  # redis-py's types say int; Redis takes fractions since 6.0
        return self._fetch(first, self.connection.blmove(first.key, first.intermediate_queue_key, wait_s))

    def _fetch(self, queue: Queue, raw: Any) -> tuple[RQJob, Queue] | None:
        if raw is None:
            return None
        try:
            job = PasticheJob.fetch(raw.decode(), connection=self.connection, serializer=self.serializer)
            if job.origin != queue.name:
                raise UnreadableRecordError("its queue")
            return job, queue
        except (NoSuchJobError, UnreadableRecordError, ValueError) as error:  # an id that is none is a ValueError
            self._give_up(queue, raw, error)
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            self._give_up(queue, raw, error)
        return None

    def _give_up(self, queue: Queue, raw: bytes, error: Exception) -> None:
        """Tell whoever waits for a job that nobody can read, and take it out of the queue: it is met once."""
        job_id = raw.decode(errors="replace")
        if not self.connection.exists(keys.done(job_id)):  # else it was cancelled a moment ago
            log.error("The record of job %r cannot be read: %s", job_id[:80], type(error).__name__)
            fail(self.connection, job_id, JobError("job_failed", {"job_id": job_id[:80]}))
        with self.connection.pipeline() as pipe:
            pipe.lrem(queue.intermediate_queue_key, 0, raw)  # type: ignore[arg-type] # RQ's own ids are text
            pipe.hdel(keys.line(queue.name), raw)
            pipe.delete(keys.rq_job(job_id))
            pipe.execute()

    def register_birth(self) -> None:
        """RQ's record of this worker, as soon as Redis takes it."""
        self._patiently(super().register_birth)

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """RQ's note for its dashboards; a Redis that refuses it is met again where it matters."""
        try:
            self._note(super().set_state, state, pipeline)
        except RedisError as error:
            if not refusal(error):
                raise

    def set_current_job_id(self, job_id: str | None = None, pipeline: Any = None) -> None:
        """RQ's note for its dashboards."""
        self._note(super().set_current_job_id, job_id, pipeline)

    def _note(self, write: Callable[[Any, Any], object], value: str | None, pipeline: Any) -> None:
        """Write on RQ's record of this worker; where Redis lost that, this begins another one, which has to end."""
        pipe = self.connection.pipeline() if pipeline is None else pipeline
        write(value, pipe)
        pipe.expire(self.key, _SILENT_WORKER_S)
        if pipeline is None:
            pipe.execute()

    def register_death(self) -> None:
        """RQ's record of this worker's end; what Redis refuses now it forgets by itself."""
        try:
            super().register_death()  # type: ignore[no-untyped-call]
        except RedisError as error:
            log.warning("The worker's record ends by itself: %s", refusal(error) or type(error).__name__)

    def check_for_suspension(self, burst: bool) -> None:
        """RQ asks in a transaction, which a full Redis refuses although it only reads."""
        self._patiently(lambda: super(GpuWorker, self).check_for_suspension(burst))

    def _patiently(self, ask: Callable[[], object]) -> None:
        """Ask once, and again while Redis refuses, unless the process has to end."""
        while True:
            try:
                ask()
                return
            except RedisError as error:
                wait_out(error)
            if self._stop_requested:
                return

    # One job, or several that share a pass.

    def execute_job(self, job: RQJob, queue: Queue) -> None:
        """Run a job, and those that come along, each under a lease and a watchdog of its own."""
        self._stopped_jobs.clear()
        self._busy_s = math.inf
        try:
            self._batch.fill(self._start(job, self.lease), lambda raw: self._fetched(queue, raw), self._start)
            self._batch.share()
            for held in self._batch.work_off(self._out_of_time):
                self._execute(held, queue)
        except RedisError as error:
            wait_out(error)
        finally:
            self._batch.let_go()
            self._busy_s = time.monotonic()

    def _fetched(self, queue: Queue, raw: bytes) -> RQJob | None:
        taken = self._fetch(queue, raw)
        return taken[0] if taken else None

    def _execute(self, held: Held, queue: Queue) -> None:
        """Run one job; its end is told as soon as Redis takes it, and its lease is held until then."""
        self._running, self.execution, self._ends = held, held.execution, None
        self._last_try = held.job.retries_left == 0
        try:
            if held.lease is not self.lease:
                self.set_current_job_id(held.job.id)
            with about_job(held.job.id), watchdog(self._side_connection, held.job.id, held.job.timeout or 0):
                log.info("Job %s begins", held.job.id)
                self.perform_job(held.job, queue)
            self._patiently(lambda: self._end(held, queue))
        except RedisError as error:
            wait_out(error)
        finally:
            held.lease.let_go()
            self._running = self.execution = None

    def _start(self, job: RQJob, lease: Lease) -> Held:
        """Start a run: registry, lease and leaving the intermediate list in one transaction."""
        with self.connection.pipeline() as pipe:
            ttl_s = self.get_heartbeat_ttl(job)
            execution = Execution.create(job, ttl_s, pipeline=pipe, worker_name=lease.worker)
            entry = execution.composite_key
            names = [keys.rq_execution(entry), keys.rq_started(job.origin), keys.rq_executions(job.id)]
            pipe.eval(_BY_REDIS_CLOCK, len(names), *names, entry, execution.id, ttl_s)
            if lease is self.lease:
                self.set_state(WorkerStatus.BUSY, pipeline=pipe)
                self.set_current_job_id(job.id, pipeline=pipe)
            job.prepare_for_execution(self.name, pipeline=pipe)
            pipe.lrem(keys.rq_intermediate(job.origin), 0, job.id)
            pipe.hdel(keys.line(job.origin), job.id)
            pipe.expire(keys.rq_started(job.origin), keys.NOTED_TTL_S)
            pipe.expire(keys.rq_job(job.id), keys.NOTED_TTL_S)
            lease.hold(pipe, job.origin, entry)
        return Held(job, execution, lease)

    def prepare_job_execution(self, job: RQJob, remove_from_intermediate_queue: bool = False) -> None:
        """Nothing: ``_start`` did it, in its transaction."""

    def handle_execution_ended(self, job: RQJob, queue: Queue, heartbeat_ttl: int) -> None:
        """Note when the run ended; nobody reads RQ's heartbeat of a job here."""
        job.ended_at = now()

    # How a run ends: RQ's steps are replaced by one script each, after RQ has done with the job.

    def handle_job_success(self, job: RQJob, queue: Queue, started_job_registry: Any) -> None:
        """The task returned: whatever the result, it was posted."""
        self._ends = End.FINISHED

    def handle_job_retry(self, job: RQJob, queue: Queue, retry: Any, started_job_registry: Any, execution: Any) -> None:
        """The task wants to go on elsewhere: back to the queue's head, at no cost."""
        self._ends = End.HAND_BACK

    def handle_job_failure(
        self, job: RQJob, queue: Queue, started_job_registry: Any = None, exc_string: str = ""
    ) -> None:
        """The task raised: Redis was away. The job is tried again, as if its worker had died."""
        self._ends = self._ends or End.RETRY

    def handle_exception(self, job: RQJob, *exc_info: Any) -> None:
        """Log it; RQ's own would log the arguments.

        What is forbidden, or cannot be read, is not tried again, and what Redis refused for a while is, at no cost.
        """
        error = exc_info[1]
        if isinstance(error, RedisError) and refusal(error):
            self._ends = End.HAND_BACK
            wait_out(error)
            return
        log.error("Job %s raised", job.id, exc_info=exc_info, extra={"job_id": job.id})
        if isinstance(error, _HOPELESS):
            self._ends = End.FAILED

    def _end(self, held: Held, queue: Queue) -> None:
        if self._ends is None:
            return
        if self._ends is End.FAILED:
            fail(self.connection, held.job.id, JobError("job_failed", {"job_id": held.job.id}))
        done = end_run(self.connection, queue.name, held.execution.composite_key, self._ends, self.name)
        log.info("Job %s: %s", held.job.id, done, extra={"job_id": held.job.id})

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Nothing: the lease's thread keeps RQ's record of this worker as well."""

    def _alive(self) -> None:
        with self._side_connection.pipeline() as pipe:
            super().heartbeat(pipeline=pipe)
            register(self, pipe)  # again: while Redis was away, others took this worker for dead
            for name in keys.rq_registers(self.queue_names()):
                pipe.expire(name, keys.RESULT_TTL_S)
            pipe.execute()
        self._beat()
