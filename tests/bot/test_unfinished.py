from __future__ import annotations

import asyncio
import io
from typing import Any

import redis
from PIL import Image

from bot.chat.captions import failure
from bot.chat.unfinished import HeldJobs, unfinished_jobs
from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.client.outbox import result_of
from workers.contract import Job
from workers.store import keys
from workers.store.blobs import blob_hash


def submit(connection: redis.Redis, job_id: str, frontend: str = "one", user: str = "ann") -> Job:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    digest = blob_hash(out.getvalue())
    job = Job(job_id=job_id, frontend=frontend, user=user, content=digest, styles=(digest,), options=StyleOptions())
    QueueClient(connection).submit(job, [out.getvalue()])
    return job


def lose(connection: redis.Redis, job_id: str) -> None:
    """What Redis' last second is when its host dies."""
    connection.delete(keys.record(job_id), keys.rq_job(job_id))
    connection.lrem(keys.rq_queue("fast"), 0, job_id)


def lost(connection: redis.Redis, job_id: str) -> str:
    result = result_of(connection, job_id)
    return failure(result, "en") if result else ""


def test_a_frontend_finds_its_own_unfinished_jobs(redis_connection: redis.Redis) -> None:
    for job_id, frontend, user in (("a", "one", "ann"), ("b", "two", "ann"), ("c", "one", "bob"), ("d", "one", "bob")):
        submit(redis_connection, job_id, frontend, user)
    client = QueueClient(redis_connection)
    client.cancel("d", "bob")
    assert {job.job_id for job in unfinished_jobs(redis_connection, "one")} == {"a", "c"}
    redis_connection.hset(keys.record("a"), "job", '{"version": 99}')
    assert {job.job_id for job in unfinished_jobs(redis_connection, "one")} == {"c"}


def test_a_job_that_redis_lost_is_told_once_and_the_others_are_left_alone(redis_connection: redis.Redis) -> None:
    held = HeldJobs(redis_connection, "one")
    for job_id in ("waits", "lost", "ended", "half"):
        held.hold(submit(redis_connection, job_id))
    QueueClient(redis_connection).cancel("ended", "ann")
    for job_id in ("lost", "half"):
        lose(redis_connection, job_id)
    redis_connection.hset(keys.record("half"), "event", "a worker went on")
    held.look()
    assert not lost(redis_connection, "lost"), "seen once may be a failover under way"
    for _ in range(3):
        held.look()
    assert "Please send it again" in lost(redis_connection, "lost")
    assert "Please send it again" in lost(redis_connection, "half")
    assert not lost(redis_connection, "waits")
    assert redis_connection.xlen(keys.outbox("one")) == 3, "the cancelled one, and each lost one once"


def test_a_job_that_was_missing_for_a_moment_is_not_lost(redis_connection: redis.Redis) -> None:
    held, job = HeldJobs(redis_connection, "one"), submit(redis_connection, "a")
    held.hold(job)
    record = redis_connection.hgetall(keys.record("a"))
    redis_connection.delete(keys.record("a"))
    held.look()
    redis_connection.hset(keys.record("a"), mapping=record)  # type: ignore[arg-type]
    held.look()
    redis_connection.delete(keys.record("a"))
    held.look()
    assert not lost(redis_connection, "a")


async def test_what_an_earlier_process_queued_is_watched_too(redis_connection: redis.Redis, until: Any) -> None:
    submit(redis_connection, "a")
    held = HeldJobs(redis_connection, "one")
    watching = asyncio.create_task(held.watch())
    await asyncio.to_thread(until, lambda: held.held, "the job")
    lose(redis_connection, "a")
    await asyncio.to_thread(until, lambda: lost(redis_connection, "a"), "a word")
    watching.cancel()
