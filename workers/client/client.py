"""What a frontend does with the queue: submit, cancel, ask. Light, and never TensorFlow.

Synchronous: an asynchronous frontend calls it with ``asyncio.to_thread``. Every method raises
``OperatorError("queue_unavailable")`` when Redis is away for longer than a few tries.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, cast

import redis

from nst.errors import BusyError, JobError, PasticheError, UserError
from nst.pictures.clip_header import ContentHeader, inspect_content
from nst.pictures.header import inspect
from workers.client import estimates, outbox, progress
from workers.client.estimates import check_staff
from workers.client.line import Limits, enqueue
from workers.contract import ContractError, Event, Job, Result
from workers.frontend_metrics import REFUSED, SUBMITTED
from workers.routing import QUEUES, kind_of, queue_of
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.connection import speaking_redis
from workers.store.owners import Owners
from workers.worker.job_log import about_job
from workers.worker.quality_cards import card_of

log = logging.getLogger(__name__)

# KEYS: rq queue, line, rq job, then what outbox.POST wants. ARGV: what outbox.POST wants (4 is the job's id).
_CANCEL_WAITING = (
    outbox.POST
    + """
if redis.call('LREM', KEYS[1], 1, ARGV[4]) == 0 then return 0 end
redis.call('HDEL', KEYS[2], ARGV[4])
redis.call('DEL', KEYS[3])
post({unpack(KEYS, 4)}, ARGV)
return 1
"""
)


class QueueClient:
    """The queue as a frontend sees it.

    Args:
        connection: From ``workers.store.connection.connect``.
        limits: What the queue takes before it says "later".
    """

    def __init__(self, connection: redis.Redis, limits: Limits | None = None) -> None:
        self._connection = connection
        self._limits = limits or Limits()
        self._blobs, self._owners = Blobs(connection, self._limits), Owners(connection)

    def submit(
        self, job: Job, pictures: Sequence[bytes] = (), resumes: str = "", presets: Collection[str] = ()
    ) -> bool:
        """Store the pictures and queue the job; twice is as good as once.

        Args:
            job: Its ``content`` and ``styles`` are hashes from ``blobs.blob_hash``; its id has letters,
                digits, ``_`` and ``-`` only, as RQ wants.
            pictures: The pictures themselves; those that are stored already may be left out.
            resumes: A job of the same user, pictures and options that was stopped with ``keep``: go on from there
                where its state is still kept, else from the start.
            presets: Hashes of those of its pictures that are nobody's.

        Returns:
            False if this job id was submitted before.

        Raises:
            UserError: ``image_*``: a picture that no worker could use, refused before it waits;
                ``method_unavailable`` or ``size_unavailable``: no live worker could do the job.
            BusyError: ``rate_limited``, ``chat_full``, ``queue_full``, ``bytes_limited``, ``address_bytes_limited`` or
                ``store_full``, with ``retry_after_s`` where it is known.
            JobError: ``job_expired``: a picture is neither given nor stored.
            OperatorError: ``queue_unavailable``.
        """
        with about_job(job.job_id):
            try:
                fresh = self._submit(job, pictures, resumes, presets)
            except PasticheError as error:
                REFUSED.labels(job.frontend, error.code).inc()
                log.info("Job %s is refused: %s", job.job_id, error.code)
                raise
            if fresh:
                SUBMITTED.labels(job.frontend, job.options.method).inc()
                log.info("Job %s is queued: %s", job.job_id, job.options.method)
            return fresh

    def _submit(self, job: Job, pictures: Sequence[bytes], resumes: str, presets: Collection[str]) -> bool:
        given = {blob_hash(data): data for data in pictures}
        headers = {digest: _header(data, job if digest == job.content else None) for digest, data in given.items()}
        with speaking_redis():
            self._take(job, given, presets)
            longest_px, frames = self._measures(job, headers)
            job = replace(job, frames=frames if job.options.moves else 1)
            check_staff(self._connection, job, longest_px)
            if resumes:
                self._hand_on(resumes, job)
            try:
                fresh = enqueue(self._connection, job, kind_of(job.options, longest_px, job.frames), self._limits)
            except BusyError as error:
                raise BusyError(error.code, {**self._retry_after(job, error.code), **error.detail}) from None
            # Only now, so that what is refused does not stay for a day.
            self._owners.claim(job.user, dict.fromkeys(job.pictures), keys.RESULT_TTL_S, nobodys=presets)
            return fresh

    def cancel(self, job_id: str, user: str, keep: bool = False) -> bool:
        """Stop a job: at once if it waits, at its next step if it runs.

        Args:
            job_id: Which.
            user: Who asks; only the one who submitted it may.
            keep: Whether a job that runs in steps leaves its picture so far and its state, for ``submit``'s
                ``resumes``.

        Returns:
            False if it was finished already.

        Raises:
            UserError: ``no_such_job`` or ``not_your_job``.
            OperatorError: ``queue_unavailable``.
        """
        with speaking_redis():
            job = self._job(job_id)
            if job is None:
                raise UserError("no_such_job", {"job_id": job_id})
            if job.user != user:
                raise UserError("not_your_job", {"job_id": job_id})
            if self._connection.exists(keys.done(job_id)):
                return False
            # The flag first: between queue and worker a job is in neither, and its start asks for the flag.
            self._connection.set(keys.cancel(job_id), keys.STOP_AND_KEEP if keep else 1, ex=keys.RESULT_TTL_S)
            self._take_out(job)
            return True

    def position(self, job_id: str) -> int | None:
        """A job's place in the line, 1 is next.

        Returns:
            None if it does not wait (it runs, is finished, or nobody knows it).
        """
        with speaking_redis(), self._connection.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.lpos(keys.rq_queue(queue), job_id)
            places = [place for place in pipe.execute() if place is not None]
        return places[0] + 1 if places else None

    def eta_s(self, job_id: str) -> float | None:
        """Seconds until a job will be ready, from measured service times; None if that is not known."""
        with speaking_redis():
            return estimates.eta_s(self._connection, job_id)

    def event(self, job_id: str) -> Event | None:
        """How a job stands: its last progress, or its outcome once it has one; None if nobody knows it."""
        with speaking_redis():
            last = progress.last_event(self._connection, job_id)
            result = outbox.result_of(self._connection, job_id)
        if result is None:
            return last
        return Event(job_id=job_id, frontend=result.frontend, state=result.outcome, fraction=1.0)

    def result(self, job_id: str) -> Result | None:
        """A job's terminal result, for a day; None while there is none."""
        with speaking_redis():
            return outbox.result_of(self._connection, job_id)

    def quality(self, job_id: str) -> dict[str, Any]:
        """A result's quality card, for a day; {} while there is none."""
        with speaking_redis():
            return card_of(self._connection, job_id)

    def jobs_of(self, user: str) -> list[str]:
        """A user's unfinished jobs, oldest first."""
        with speaking_redis():
            ids = cast("list[bytes]", self._connection.zrange(keys.pending(user), 0, -1))
        return [job_id.decode() for job_id in ids]

    def jobs_in(self, chat: str) -> list[Job]:
        """A chat's unfinished jobs, oldest first."""
        with speaking_redis():
            ids = cast("list[bytes]", self._connection.zrange(keys.chat_pending(chat), 0, -1))
            return [job for job_id in ids if (job := self._job(job_id.decode()))]

    def _take(self, job: Job, given: dict[str, bytes], presets: Collection[str]) -> None:
        """Store the job's pictures, or make sure that they are there."""
        wanted = {digest: len(given[digest]) if digest in given else None for digest in job.pictures}
        # Who has all that they may have gets no variations of it either: results are bytes as well.
        owners = self._blobs.owners
        if owners.claim(job.user, wanted, keys.UNUSED_TTL_S, nobodys=presets, more_bytes=1):
            raise JobError("job_expired", {"job_id": job.job_id})
        self._blobs.write({digest: given[digest] for digest in wanted if digest in given}, job.user)

    def _measures(self, job: Job, headers: dict[str, ContentHeader]) -> tuple[int, int]:
        """Note how large the given pictures are.

        Returns:
            The content image's longer side in pixels and its frames, as far as they are known.
        """
        with self._connection.pipeline(transaction=False) as pipe:
            for digest, header in headers.items():
                pipe.set(keys.side(digest), max(header.width_px, header.height_px), ex=keys.UNUSED_TTL_S)
                if header.animated:
                    pipe.set(keys.frames(digest), header.frames, ex=keys.UNUSED_TTL_S)
                else:
                    pipe.delete(keys.frames(digest))
            pipe.mget(keys.side(job.content), keys.frames(job.content))
            side_px, frames = pipe.execute()[-1]
        return int(side_px or job.options.max_side_px), int(frames or 1)

    def _hand_on(self, stopped_id: str, job: Job) -> None:
        """Move a stopped job's state to the one that goes on with it."""
        stopped = self._job(stopped_id)
        digest = cast("bytes | None", self._connection.hget(keys.record(stopped_id), "checkpoint"))
        if stopped is None or stopped.user != job.user or not digest:
            return
        self._owners.claim(job.user, {digest.decode(): None}, keys.RESULT_TTL_S)
        with self._connection.pipeline() as pipe:
            pipe.hdel(keys.record(stopped_id), "checkpoint")
            pipe.hset(keys.record(job.job_id), "checkpoint", digest)
            pipe.expire(keys.record(job.job_id), keys.RESULT_TTL_S)
            pipe.execute()

    def _job(self, job_id: str) -> Job | None:
        text = cast("bytes | None", self._connection.hget(keys.record(job_id), "job"))
        try:
            return Job.from_json(text) if text else None
        except (ContractError, UserError):
            return None  # nobody can read it any more

    def _take_out(self, job: Job) -> bool:
        result = Result.cancellation(job)
        queue = self._connection.hget(keys.record(job.job_id), "queue")
        name = cast(bytes, queue).decode()
        own = [keys.rq_queue(name), keys.line(name), keys.rq_job(job.job_id)]
        script = self._connection.register_script(_CANCEL_WAITING)
        return bool(script(keys=[*own, *outbox.post_keys(result)], args=outbox.post_args(result)))

    def _retry_after(self, job: Job, code: str) -> dict[str, float]:
        """When the first of the jobs that are in the way will be done; nothing where that was never measured."""
        if code == "queue_full":
            first: object = self._connection.lrange(keys.rq_queue(queue_of(job.options.method)), 0, 0)
        else:
            mine = keys.chat_pending(job.chat) if code == "chat_full" else keys.pending(job.user)
            first = self._connection.zrange(mine, 0, 0)
        ids = [job_id.decode() for job_id in cast("list[bytes]", first)]
        known = estimates.eta_s(self._connection, ids[0]) if ids else None
        return {} if known is None else {"retry_after_s": round(max(1.0, known), 1)}


def _header(data: bytes, job: Job | None) -> ContentHeader:
    """A picture's header; only a job's content image may be a film."""
    if job is not None:
        return inspect_content(data, job.options)
    header = inspect(data)
    return ContentHeader(header.format, header.width_px, header.height_px, 1)
