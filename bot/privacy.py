"""What is kept of a user, and how all of it is forgotten at their word.

Every job of a user is noted here for as long as anything of it can exist. Counters of quotas stay
until their day is over: forgetting is no way around them, and their names say of nobody whose they are.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterable
from typing import cast

import redis

from bot.challenges.forgetting import forget_in_challenges
from bot.recipe_codes import RecipeCodes
from bot.sessions import Sessions
from nst.errors import UserError
from workers import keys
from workers.client import QueueClient
from workers.clock import server_time_s
from workers.connection import speaking_redis
from workers.contract import Job
from workers.forgetting import forget_job, forget_pictures

_END_WAIT_S = 10.0  # a running job ends at its next step


def note_job(connection: redis.Redis, job: Job) -> None:
    """Remember that a job is a user's; synchronous, call it in a thread."""
    now_s = server_time_s(connection)
    with speaking_redis(), connection.pipeline() as pipe:
        pipe.zadd(_jobs(job.user), {job.job_id: now_s})
        pipe.zremrangebyscore(_jobs(job.user), 0, now_s - 2 * keys.RESULT_TTL_S)
        pipe.expire(_jobs(job.user), 2 * keys.RESULT_TTL_S)
        pipe.execute()


def noted_jobs(connection: redis.Redis, user: str) -> list[str]:
    """A user's jobs of the last days, oldest first; synchronous, call it in a thread."""
    with speaking_redis():
        return [job_id.decode() for job_id in cast("list[bytes]", connection.zrange(_jobs(user), 0, -1))]


def forget(connection: redis.Redis, user: str, presets: Collection[str] = ()) -> int:
    """Stop a user's jobs and delete their pictures, results, previews, records, sessions and part in challenges.

    Args:
        connection: To the queue's Redis. This blocks for up to ten seconds: call it in a thread.
        user: Opaque key of the user.
        presets: Blob hashes of the presets, which are nobody's.

    Returns:
        How many jobs were forgotten.

    Raises:
        OperatorError: ``queue_unavailable``.
    """
    with speaking_redis():
        noted = [job_id.decode() for job_id in cast("list[bytes]", connection.zrange(_jobs(user), 0, -1))]
        client = QueueClient(connection)
        jobs = list(dict.fromkeys([*noted, *client.jobs_of(user)]))
        _stop(connection, client, jobs, user)
        for job_id in jobs:
            forget_job(connection, job_id, presets)
        given = {digest.decode() for digest in cast("set[bytes]", connection.smembers(keys.given(user)))}
        given |= Sessions(connection).forget(user)
        forget_pictures(connection, given - set(presets))
        RecipeCodes(connection).forget(user)
        connection.delete(_jobs(user), keys.pending(user), keys.given(user))
    forget_in_challenges(connection, user)
    return len(jobs)


def _stop(connection: redis.Redis, client: QueueClient, jobs: Iterable[str], user: str) -> None:
    stopping = []
    for job_id in jobs:
        with contextlib.suppress(UserError):
            if client.cancel(job_id, user):
                stopping.append(job_id)
    deadline = time.monotonic() + _END_WAIT_S
    while any(not connection.exists(keys.done(job_id)) for job_id in stopping) and time.monotonic() < deadline:
        time.sleep(0.05)


def _jobs(user: str) -> str:
    return f"pastiche:userjobs:{user}"
