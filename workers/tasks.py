"""The one function that RQ may run: a job's JSON in, its terminal result out.

It never raises for a user's mistake or a method's failure: a raise costs a retry and runs the job
again. What it raises is Redis being away, and then the job comes back by itself.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import redis
from redis.exceptions import RedisError
from rq.job import Retry
from rq.timeouts import JobTimeoutException

from nst.errors import Cancelled, JobError, OperatorError, PasticheError
from nst.method import Pastiche
from nst.pictures.clip_header import GIF, WEBP, is_clip
from nst.pictures.clip_painting import PaintedClip
from nst.pictures.decode import encode, media_type_of
from nst.pictures.time_lapse import encode_time_lapse
from workers.client.forgetting import note_on_record
from workers.client.outbox import post_terminal
from workers.contract import ContractError, Job, Result, fill, read_object
from workers.routing import timeout_s
from workers.store.blobs import Blobs
from workers.store.made_before import MadeBefore
from workers.store.pyramids import RedisPyramids
from workers.store.vectors import RedisVectors
from workers.worker.ahead import Ahead
from workers.worker.painting import Engine, paint, paint_clip
from workers.worker.progress_of_job import Standing, Telling, look
from workers.worker.quality_cards import QualityCards
from workers.worker.slices import GivesWay, Slices, Stopped
from workers.worker.vitals import peak_bytes, reset_peak

log = logging.getLogger(__name__)

_STORE_ERRORS = frozenset({"queue_unavailable", "queue_cannot_save"})
_STORE_WAIT_S = 5.0
# ``worker.last_try.LastTry.run``: a job's JSON and whether to stop, to whether it has its result.
RunApart = Callable[[str, Callable[[], bool]], bool]
MAX_RESULT_BYTES = 9_500_000  # what every chat takes as one upload


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
        made_before: Spares work that was done already.
        cards: Has results appraised; None where nobody can.
        vectors: Style vectors shared with other workers, or None.
        pyramids: SinGAN's trained pyramids shared with other workers, or None.
        apart: How a job is run in a process of its own; None where this is that process.
        on_last_try: Whether the running job has no try left after this one.
        ahead: What jobs that were taken together share; None where jobs are taken one by one.
    """

    connection: redis.Redis
    engine: Engine
    stopped: Callable[[], bool]
    leaving: Callable[[], bool]
    slices: Slices
    made_before: MadeBefore
    cards: QualityCards | None = None
    vectors: RedisVectors | None = None
    pyramids: RedisPyramids | None = None
    apart: RunApart | None = None
    on_last_try: Callable[[], bool] = lambda: False
    ahead: Ahead | None = None

    @property
    def last_try(self) -> RunApart | None:
        """How to run this job apart, if it has to be."""
        return self.apart if self.on_last_try() else None


_workplace: Workplace | None = None


def open_workplace(workplace: Workplace) -> None:
    """Give this process's jobs what they need; called once, by the worker."""
    global _workplace
    _workplace = workplace


def paint_ahead(job_ids: Sequence[str]) -> None:
    """Paint what jobs that this worker holds can share; each of them is run afterwards.

    Args:
        job_ids: The jobs.

    Raises:
        RedisError: Redis is away, or has no memory left.
    """
    workplace = _workplace
    if workplace is not None and workplace.ahead is not None:
        workplace.ahead.paint(job_ids)


def stylize(job_json: str) -> Retry | None:
    """Do a job and post its one terminal result.

    Args:
        job_json: A ``contract.Job``.

    Returns:
        None, or ``Retry`` if the job goes back to the head of its queue.

    Raises:
        ContractError: It is no job, and does not say whose: the worker answers for it from what is on record.
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
    standing = look(connection, job)
    if standing.done:
        return None
    if _workplace.last_try and not standing.cancelled:
        return _try_apart(_workplace, _workplace.last_try, job)
    reset_peak()
    outcome = Result.cancellation(job) if standing.cancelled else _attempt(_workplace, job, standing)
    if outcome is None:
        return Retry(max=1)
    post_terminal(connection, outcome)
    if _workplace.cards:
        _workplace.cards.order(outcome, peak_bytes())
    return None


def _try_apart(workplace: Workplace, run_apart: RunApart, job: Job) -> Retry | None:
    """The last try of a job that killed two workers, or happened to be there: not in this process."""
    try:
        done = run_apart(job.to_json(), lambda: workplace.stopped() or workplace.leaving())
    except JobTimeoutException:
        post_terminal(workplace.connection, Result.failure(job, _timed_out(job)))
        return None
    if done:
        return None
    if workplace.leaving():
        return Retry(max=1)
    if workplace.stopped():
        post_terminal(workplace.connection, Result.cancellation(job))
        return None
    log.error("Job %s is given up: its last try died as well", job.job_id, extra={"job_id": job.job_id})
    post_terminal(workplace.connection, Result.failure(job, JobError("job_abandoned", {"job_id": job.job_id})))
    return None


def _timed_out(job: Job) -> JobError:
    return JobError("job_timed_out", {"timeout_s": timeout_s(job.options.method, job.frames)})


def _attempt(workplace: Workplace, job: Job, standing: Standing) -> Result | None:
    """Run the job; None if it has to go back to its queue."""
    started_s = time.monotonic() - standing.spent_s
    try:
        return _made(workplace, job, standing, started_s)
    except GivesWay:
        note_on_record(workplace.connection, job.job_id, "spent_s", time.monotonic() - started_s)
        return None
    except Stopped as stopped:
        return _with_picture(workplace, job, stopped.pastiche, time.monotonic() - started_s, "cancelled")
    except Cancelled:
        return None if workplace.leaving() else Result.cancellation(job)
    except JobTimeoutException:
        error: PasticheError = _timed_out(job)
    except OperatorError as known:
        if known.code in _STORE_ERRORS:
            _wait_for_the_store(known)
            return None
        error = known
    except PasticheError as known:
        error = known
    except RedisError:
        raise
    except Exception as unforeseen:  # noqa: BLE001 - the task boundary: one bad job must not end the worker
        error = _unforeseen(job, unforeseen)
    return Result.failure(job, error, service_s=time.monotonic() - started_s)


def _wait_for_the_store(error: OperatorError) -> None:
    """Pictures cannot be read or kept now: the job goes back to its queue, at no cost, after a while."""
    log.error("The store of pictures takes or gives nothing now: %s", error)
    time.sleep(_STORE_WAIT_S)


def _made(workplace: Workplace, job: Job, standing: Standing, started_s: float) -> Result:
    again = workplace.made_before.recall(job, standing.made)
    if again:
        return _result(job, "done", 0.0, **again)
    pictures = standing.pictures()
    telling = Telling(workplace.connection, job, standing, stopped=lambda: workplace.stopped() or workplace.leaving())
    telling.begin()
    with contextlib.ExitStack() as noted:
        if workplace.vectors:
            noted.enter_context(workplace.vectors.during(job.pictures))
        if workplace.pyramids:
            noted.enter_context(workplace.pyramids.during(job.styles))
        result = _painted(workplace, job, pictures, telling, started_s)
    workplace.made_before.remember(job, result)
    return result


def _painted(workplace: Workplace, job: Job, pictures: Sequence[bytes], telling: Telling, started_s: float) -> Result:
    if is_clip(pictures[0], job.options):
        clip = paint_clip(workplace.engine, job, pictures, telling, MAX_RESULT_BYTES)
        return _with_clip(workplace, job, clip, time.monotonic() - started_s)
    painted = workplace.ahead.take(job.job_id) if workplace.ahead else None
    pastiche = paint(workplace.engine, workplace.slices, job, pictures, telling, painted.painting if painted else None)
    shared_s = painted.share_s if painted else 0.0
    return _with_picture(workplace, job, pastiche, time.monotonic() - started_s + shared_s)


def _with_clip(workplace: Workplace, job: Job, clip: PaintedClip, service_s: float) -> Result:
    return _result(
        job,
        "done",
        service_s,
        picture=_kept(workplace, job, clip.data),
        media_type=clip.media_type,
        width_px=clip.width_px,
        height_px=clip.height_px,
        method=clip.method,
        model=clip.model,
        notices=tuple(asdict(notice) for notice in clip.notices),
    )


def _with_picture(
    workplace: Workplace, job: Job, pastiche: Pastiche, service_s: float, outcome: str = "done"
) -> Result:
    media_type = media_type_of(pastiche.picture)
    data = encode(pastiche.picture, media_type, max_bytes=MAX_RESULT_BYTES)
    return _result(
        job,
        outcome,
        service_s,
        picture=_kept(workplace, job, data),
        media_type=media_type,
        width_px=pastiche.picture.width_px,
        height_px=pastiche.picture.height_px,
        method=pastiche.method,
        model=pastiche.model,
        **_time_lapse(workplace, job, pastiche),
        notices=tuple(asdict(notice) for notice in pastiche.notices),
    )


def _time_lapse(workplace: Workplace, job: Job, pastiche: Pastiche) -> dict[str, str]:
    """The film of the way there in the kind that the frontend shows, as fields of the result."""
    if not pastiche.time_lapse:
        return {}
    kind = job.clip_types[0] if job.clip_types else WEBP
    try:
        film = encode_time_lapse(pastiche.time_lapse, kind)
    except OperatorError as error:  # no ffmpeg here: a GIF is shown everywhere, and hours of work are not thrown away
        log.warning("A time-lapse becomes a GIF: %s", error)
        kind, film = GIF, encode_time_lapse(pastiche.time_lapse, GIF)
    return {"time_lapse": _kept(workplace, job, film), "time_lapse_type": kind}


def _kept(workplace: Workplace, job: Job, data: bytes) -> str:
    return Blobs(workplace.connection).put(data, owner=job.user, job_id=job.job_id)


def _result(job: Job, outcome: str, service_s: float, **fields: Any) -> Result:
    return Result(
        job_id=job.job_id,
        frontend=job.frontend,
        outcome=outcome,
        reply_to=dict(job.reply_to),
        user=job.user,
        service_s=service_s,
        job=job.to_json(),
        **fields,
    )


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
    asked = fill(_Asked, read_object(job_json))
    known = error if isinstance(error, PasticheError) else JobError("job_failed", {"job_id": asked.job_id})
    post_terminal(connection, Result(**asdict(asked), outcome="failed", error=known.as_dict()))


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """As much of a job as it takes to answer it."""

    job_id: str
    frontend: str
    user: str = ""
    reply_to: Mapping[str, str] = field(default_factory=dict)
