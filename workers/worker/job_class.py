"""RQ's job, allowed to run one function only.

RQ imports whatever name a job carries: who can write to Redis could run ``os.system``. JSON alone
does not stop that; this class does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
from rq.job import Job as RQJob
from rq.job import JobStatus, Retry
from rq.serializers import JSONSerializer
from rq.utils import now

from workers import contract
from workers.routing import QUEUES, TASK, timeout_s

MAX_RETRIES = 2  # of jobs that were killed with their worker: three tries in all
_LONGEST_S = 7 * 86_400
_RQ_TTL_S = 300  # RQ's own records of a finished job; the result has its own time to live


class ForbiddenFunctionError(Exception):
    """A job that asks for a function that is not on the list."""


class UnreadableRecordError(Exception):
    """RQ's record of a job makes no sense: whoever took it again would fail again."""


class PasticheJob(RQJob):
    """A job whose function is ``workers.tasks.stylize`` and which has no callbacks."""

    def restore(self, raw_data: Any) -> Any:
        """Read what Redis has of the job.

        Raises:
            UnreadableRecordError: It is no record of ours.
        """
        try:
            restored = super().restore(raw_data)
        except Exception as error:  # noqa: BLE001 - the task boundary: RQ parses dates, numbers, JSON, enumerations
            raise UnreadableRecordError(type(error).__name__) from None
        if self.origin not in QUEUES:
            raise UnreadableRecordError("its queue")
        if not 0 < (self.timeout or 0) <= _LONGEST_S:
            raise UnreadableRecordError("its timeout")
        if not 0 <= (self.retries_left or 0) <= MAX_RETRIES:
            raise UnreadableRecordError("its retries")
        return restored

    @property
    def func(self) -> Callable[..., Any] | None:
        """The function, if it is allowed.

        Raises:
            ForbiddenFunctionError: It is not, or the job carries an instance.
        """
        if self.func_name != TASK or self.instance is not None:
            raise ForbiddenFunctionError(str(self.func_name)[:80])
        function: Callable[..., Any] | None = super().func
        return function

    @property
    def success_callback(self) -> None:
        """None: results travel through the outbox."""

    @property
    def failure_callback(self) -> None:
        """None, as ``success_callback``."""

    @property
    def stopped_callback(self) -> None:
        """None, as ``success_callback``."""

    def send_webhooks(self, status: Any, *, exc_string: str | None = None) -> None:
        """None either: an address in Redis is no reason to call it."""


def new_rq_job(connection: redis.Redis, job: contract.Job, queue: str) -> RQJob:
    """Make RQ's record of a job, ready for its queue and not stored yet.

    The job's own JSON is the only argument. The description is the method's name, because RQ's
    default would show the arguments in its logs and dashboards.

    Args:
        connection: To the queue's Redis.
        job: What is to be done.
        queue: Where it will wait.
    """
    rq_job = PasticheJob.create(
        TASK,
        args=(job.to_json(),),
        connection=connection,
        id=job.job_id,
        origin=queue,
        description=job.options.method,
        timeout=timeout_s(job.options.method, job.frames),
        retry=Retry(max=MAX_RETRIES),
        result_ttl=_RQ_TTL_S,
        failure_ttl=_RQ_TTL_S,
        status=JobStatus.QUEUED,
        serializer=JSONSerializer,
    )
    rq_job.enqueued_at = now()
    return rq_job
