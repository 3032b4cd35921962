"""A frontend's unfinished jobs: those that it goes on with when it starts again, and those that Redis lost."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import redis

from nst.errors import JobError, PasticheError
from workers.client.outbox import post_terminal
from workers.contract import ContractError, Job, Result
from workers.store import keys

log = logging.getLogger(__name__)

_LOOK_S = 4.0  # twice that, and people read of it within 15 s


class HeldJobs:
    """Jobs that a frontend queued and that have no result yet, as the process itself remembers them.

    A host that dies takes Redis' last second with it. Whoever ordered then is told to send it again: a job that Redis
    knows nothing of, neither its record nor its end, gets its one result from here.

    Args:
        connection: To the queue's Redis.
        frontend: Whose jobs.
    """

    def __init__(self, connection: redis.Redis, frontend: str) -> None:
        self._connection = connection
        self._frontend = frontend
        self._jobs: dict[str, Job] = {}
        self._missing: frozenset[str] = frozenset()

    @property
    def held(self) -> frozenset[str]:
        """Their ids."""
        return frozenset(self._jobs)

    def hold(self, job: Job) -> None:
        """Remember a job that was queued just now."""
        self._jobs[job.job_id] = job

    async def watch(self) -> None:
        """Take up what an earlier process queued, and look every few seconds, until cancelled."""
        look = self._take_up
        while True:
            try:
                await asyncio.to_thread(look)
                look = self.look
            except PasticheError as error:
                log.info("Lost jobs cannot be looked for now: %s", error.code)
            await asyncio.sleep(_LOOK_S)

    def look(self) -> None:
        """Tell of the jobs that are unknown for the second time in a row; blocks.

        Raises:
            OperatorError: ``queue_unavailable``.
        """
        jobs = list(self._jobs)
        with self._connection.pipeline(transaction=False) as pipe:
            for job_id in jobs:
                pipe.hexists(keys.record(job_id), "job")  # a worker that runs on may write an event without it
                pipe.exists(keys.done(job_id))
            answers = pipe.execute()
        known = dict(zip(jobs, zip(answers[::2], answers[1::2], strict=True), strict=True))
        for job_id in [job_id for job_id, (_, done) in known.items() if done]:
            del self._jobs[job_id]
        missing = frozenset(job_id for job_id, found in known.items() if not any(found))
        for job_id in missing & self._missing:
            log.error("Job %s was lost by Redis: its user is asked to send it again", job_id, extra={"job_id": job_id})
            post_terminal(self._connection, Result.failure(self._jobs[job_id], JobError("job_lost")))
        self._missing = missing

    def _take_up(self) -> None:
        for job in unfinished_jobs(self._connection, self._frontend):
            self.hold(job)


def unfinished_jobs(connection: redis.Redis, frontend: str) -> list[Job]:
    """The jobs of a frontend that wait or run.

    Args:
        connection: To the queue's Redis. This blocks: call it in a thread.
        frontend: Whose.

    Raises:
        OperatorError: ``queue_unavailable``.
    """
    ids = [
        job_id.decode()
        for name in connection.scan_iter(match=keys.pending("*"), count=1000)
        for job_id in cast("list[bytes]", connection.zrange(name, 0, -1))
    ]
    with connection.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hget(keys.record(job_id), "job")
        texts = pipe.execute()
    return [job for job in map(_read, filter(None, texts)) if job is not None and job.frontend == frontend]


def _read(text: bytes) -> Job | None:
    try:
        return Job.from_json(text)
    except (ContractError, PasticheError):
        return None  # of a release that is not our neighbour
