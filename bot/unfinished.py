"""A frontend's unfinished jobs, for a process that starts again and wants to go on telling how they stand."""

from __future__ import annotations

from typing import cast

import redis

from workers import keys
from workers.connection import speaking_redis
from workers.contract import ContractError, Job


def unfinished_jobs(connection: redis.Redis, frontend: str) -> list[Job]:
    """The jobs of a frontend that wait or run.

    Args:
        connection: To the queue's Redis. This blocks: call it in a thread.
        frontend: Whose.

    Raises:
        OperatorError: ``queue_unavailable``.
    """
    with speaking_redis():
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
    except ContractError:
        return None  # of a release that is not our neighbour
