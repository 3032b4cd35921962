"""What the reaper does with runs that no lease names; no worker process is needed for that."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
import redis

from workers.client.reaper import RECOVERY_S, keep_reaping, reap_once
from workers.store import keys
from workers.store.connection import connect


def abandon(connection: redis.Redis, job_id: str, worker: str = "dead") -> None:
    """Leave a job as a worker does that is killed in the middle of it."""
    connection.lrem(keys.rq_queue("fast"), 0, job_id)
    connection.zadd(keys.rq_started("fast"), {f"{job_id}:run": time.time() + 1000})
    connection.hset(keys.rq_execution(f"{job_id}:run"), mapping={"worker_name": worker, "created_at": time.time()})


@pytest.fixture(autouse=True)
def _redis_is_up_for_long(chat: Any, redis_connection: redis.Redis) -> None:
    chat.until(lambda: redis_connection.info("server")["uptime_in_seconds"] >= RECOVERY_S, "uptime")


def test_many_reapers_at_once_bring_a_job_back_once(chat: Any, redis_url: str, redis_connection: redis.Redis) -> None:
    for i in range(20):
        chat.send(f"j{i}")
        abandon(redis_connection, f"j{i}")
    barrier = threading.Barrier(6)

    def reap() -> None:
        with connect(redis_url) as own:
            for _ in range(5):
                barrier.wait()
                own.delete(keys.REAPER_LOCK)  # as if their looks overlapped
                reap_once(own)

    threads = [threading.Thread(target=reap) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    line = redis_connection.lrange(keys.rq_queue("fast"), 0, -1)
    assert sorted(line) == sorted(f"j{i}".encode() for i in range(20))
    assert {redis_connection.hget(keys.rq_job(f"j{i}"), "retries_left") for i in range(20)} == {b"1"}


def test_a_run_under_a_lease_is_left_alone(chat: Any, redis_connection: redis.Redis) -> None:
    chat.send("j1")
    abandon(redis_connection, "j1", worker="alive")
    redis_connection.set(keys.lease("alive"), "j1:run")
    assert reap_once(redis_connection) == 0
    redis_connection.delete(keys.REAPER_LOCK)
    redis_connection.set(keys.lease("alive"), "j2:run")  # alive, but with another job
    assert reap_once(redis_connection) == 1


def test_the_third_death_is_reported(chat: Any, redis_connection: redis.Redis) -> None:
    chat.send("j1")
    for _ in range(3):
        abandon(redis_connection, "j1")
        redis_connection.delete(keys.REAPER_LOCK)
        assert reap_once(redis_connection) == 1
    (result,) = chat.results()
    assert result.error == {"code": "job_abandoned", "detail": {"job_id": "j1"}}
    assert redis_connection.llen(keys.rq_queue("fast")) == 0


def test_a_finished_job_is_not_brought_back(chat: Any, redis_connection: redis.Redis) -> None:
    chat.send("j1")
    chat.client.cancel("j1", "ann")
    abandon(redis_connection, "j1")
    assert reap_once(redis_connection) == 0
    assert redis_connection.llen(keys.rq_queue("fast")) == 0
    assert redis_connection.zcard(keys.rq_started("fast")) == 0


async def test_a_frontend_reaps_in_the_background(chat: Any, redis_connection: redis.Redis) -> None:
    chat.send("j1")
    abandon(redis_connection, "j1")
    reaping = asyncio.create_task(keep_reaping(redis_connection, interval_s=0.05))
    await asyncio.to_thread(chat.until, lambda: redis_connection.llen(keys.rq_queue("fast")) == 1, "the job")
    reaping.cancel()
