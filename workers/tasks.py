"""The one function that RQ may run: a job's JSON in, its terminal result out.

It never raises for a user's mistake or a method's failure: a raise costs a retry and runs the job
again. What it raises is Redis being away, and then the job comes back by itself.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, cast

import redis
from redis.exceptions import RedisError
from rq.job import Retry
from rq.timeouts import JobTimeoutException

from nst.engine import STYLE_SIDE_PX
from nst.errors import Cancelled, JobError, OperatorError, PasticheError
from nst.images import Picture, decode, encode
from nst.method import IsCancelled, Notice, Pastiche, Report
from nst.options import StyleOptions
from workers import keys, service_times
from workers.blobs import Blobs
from workers.contract import ContractError, Job, Result
from workers.outbox import post_terminal
from workers.routing import SLOW, kind_of, queue_of, timeout_s
from workers.service_times import spend, spent_s
from workers.slices import GivesWay, Resumable, Slices
from workers.telling import Telling

log = logging.getLogger(__name__)

MAX_RESULT_BYTES = 9_500_000  # what every chat takes as one upload


class Engine(Protocol):
    """What makes pastiches: ``nst.engine.Engine``, kept warm by the process.

    One that has ``method`` as well gets its slow jobs in slices.
    """

    def stylize(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        report: Report = ...,
        cancelled: IsCancelled = ...,
    ) -> Pastiche:
        """As ``nst.engine.Engine.stylize``."""


@dataclass(frozen=True)
class Workplace:
    """What the worker process lends to its jobs.

    Attributes:
        connection: To the queue's Redis.
        engine: Warm.
        stopped: Whether the operator stopped the running job.
        leaving: Whether the job has to go back to its queue at once: the process ends, or the job
            was given to another worker.
        slices: Runs slow jobs.
    """

    connection: redis.Redis
    engine: Engine
    stopped: Callable[[], bool]
    leaving: Callable[[], bool]
    slices: Slices


_workplace: Workplace | None = None


def open_workplace(workplace: Workplace) -> None:
    """Give this process's jobs what they need; called once, by the worker."""
    global _workplace
    _workplace = workplace


def stylize(job_json: str) -> Retry | None:
    """Do a job and post its one terminal result.

    Args:
        job_json: A ``contract.Job``.

    Returns:
        None, or ``Retry`` if the job goes back to the head of its queue.

    Raises:
        RedisError: Redis is away, or has no memory left.
    """
    if _workplace is None:
        raise RuntimeError("this process is not a worker")
    connection = _workplace.connection
    try:
        job = Job.from_json(job_json)
    except (ContractError, PasticheError) as error:
        _refuse(connection, job_json, error)
        return None
    if connection.exists(keys.done(job.job_id)):
        return None
    outcome = _attempt(_workplace, job)
    if outcome is None:
        return Retry(max=1)
    post_terminal(connection, outcome)
    return None


def _attempt(workplace: Workplace, job: Job) -> Result | None:
    """Run the job; None if it has to go back to its queue."""
    started_s = time.monotonic()
    try:
        return _made(workplace, job, started_s)
    except GivesWay:
        spend(workplace.connection, job.job_id, time.monotonic() - started_s)
        return None
    except Cancelled:
        return None if workplace.leaving() else Result.cancellation(job)
    except JobTimeoutException:
        error: PasticheError = JobError("job_timed_out", {"timeout_s": timeout_s(job.options.method)})
    except PasticheError as known:
        error = known
    except RedisError:
        raise
    except Exception as unforeseen:  # noqa: BLE001 - the task boundary: one bad job must not end the worker
        error = _unforeseen(job, unforeseen)
    return Result.failure(job, error, service_s=time.monotonic() - started_s)


def _made(workplace: Workplace, job: Job, started_s: float) -> Result:
    blobs = Blobs(workplace.connection)
    telling = Telling(workplace.connection, job, stopped=lambda: workplace.stopped() or workplace.leaving())
    telling.begin()
    if telling.cancelled():
        raise Cancelled
    content, *styles = [blobs.get(digest) for digest in (job.content, *job.styles)]
    pastiche = _painted(workplace, job, content, styles, telling)
    picture = pastiche.picture
    media_type = "image/jpeg" if picture.alpha is None else "image/png"
    digest = blobs.put(encode(picture, media_type, max_bytes=MAX_RESULT_BYTES))
    service_s = time.monotonic() - started_s + spent_s(workplace.connection, job.job_id)
    if pastiche.method == job.options.method:
        service_times.observe(
            workplace.connection, kind_of(job.options, max(picture.width_px, picture.height_px)), service_s
        )
    return Result(
        job_id=job.job_id,
        frontend=job.frontend,
        outcome="done",
        reply_to=dict(job.reply_to),
        user=job.user,
        picture=digest,
        media_type=media_type,
        width_px=picture.width_px,
        height_px=picture.height_px,
        method=pastiche.method,
        model=pastiche.model,
        service_s=service_s,
        notices=tuple(asdict(notice) for notice in pastiche.notices),
        job=job.to_json(),
    )


def _painted(workplace: Workplace, job: Job, content: bytes, styles: Sequence[bytes], telling: Telling) -> Pastiche:
    options, engine = job.options, workplace.engine
    if queue_of(options.method) == SLOW and options.strength > 0 and hasattr(engine, "method"):
        picture, decoded = decode(content, options.max_side_px), [decode(data, STYLE_SIDE_PX) for data in styles]
        try:
            method = cast(Resumable, engine.method(options.method))
            made = workplace.slices.run(
                job.job_id, method, (picture, decoded), options, telling.report, telling.cancelled
            )
        except OperatorError:
            pass  # the engine knows what to do instead, and says so
        else:
            notices = (Notice("first_frame_only"),) if picture.frames > 1 else ()
            whole = Picture(made.picture.rgb, picture.alpha)
            return replace(made, picture=whole, notices=(*notices, *made.notices))
    return engine.stylize(content, styles, options, report=telling.report, cancelled=telling.cancelled)


def _unforeseen(job: Job, error: Exception) -> JobError:
    # TensorFlow's own class is known by its name: importing it here would cost every worker seconds.
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        log.error("Job %s ran out of memory", job.job_id, extra={"job_id": job.job_id})
        return JobError("job_out_of_memory", {"allowed_px": job.options.max_side_px // 2})
    log.error("Job %s failed", job.job_id, exc_info=error, extra={"job_id": job.job_id})
    return JobError("job_failed", {"job_id": job.job_id})


def _refuse(connection: redis.Redis, job_json: str, error: Exception) -> None:
    """Report a payload that is not a job of this release, as far as it says who asked."""
    log.error("A job cannot be read: %s", error)
    try:
        data: Any = json.loads(job_json)
        job_id, frontend, user = str(data["job_id"]), str(data["frontend"]), str(data.get("user", ""))
        reply_to = {str(key): str(value) for key, value in data.get("reply_to", {}).items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    known = error if isinstance(error, PasticheError) else JobError("job_failed", {"job_id": job_id})
    result = Result(
        job_id=job_id, frontend=frontend, user=user, reply_to=reply_to, outcome="failed", error=known.as_dict()
    )
    post_terminal(connection, result)
