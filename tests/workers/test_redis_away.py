"""Redis is killed and comes back with its append-only file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.steady_redis import SteadyRedis
from nst.errors import BusyError
from workers.store import keys
from workers.store.connection import PATIENT, connect
from workers.worker.gpu_worker import EXIT_LOST_REDIS

pytestmark = pytest.mark.e2e


def test_waiting_jobs_outlive_a_killed_redis(
    mortal_redis: SteadyRedis, chat_on: Callable[[str], Any], spawn: Any
) -> None:
    chat = chat_on(mortal_redis.url)
    for i in range(50):
        chat.send(f"j{i}", user=f"user{i % 5}")
    line = chat.connection.lrange(keys.rq_queue("fast"), 0, -1)
    mortal_redis.kill()
    mortal_redis.start()
    assert chat.connection.lrange(keys.rq_queue("fast"), 0, -1) == line
    spawn(url=mortal_redis.url)
    results = chat.wait_for(*(f"j{i}" for i in range(50)))
    assert [result.outcome for result in results] == ["done"] * 50


def test_a_worker_carries_on_after_redis_was_killed_under_it(
    mortal_redis: SteadyRedis, chat_on: Callable[[str], Any], spawn: Any
) -> None:
    chat = chat_on(mortal_redis.url)
    worker = spawn(url=mortal_redis.url)
    chat.send("running", seed=1_500)
    chat.send("waiting", user="bob")
    chat.until(lambda: chat.state("running") == "running", "the start")
    mortal_redis.kill()
    mortal_redis.start()
    results = chat.wait_for("running", "waiting", deadline_s=60)
    assert sorted(result.job_id for result in results) == ["running", "waiting"]
    assert {result.outcome for result in results} == {"done"}
    assert worker.poll() is None
    with connect(mortal_redis.url, retries=PATIENT) as connection:
        assert connection.hget(keys.rq_job("running"), "retries_left") == b"2"


def test_a_full_redis_loses_nothing(mortal_redis: SteadyRedis, chat_on: Callable[[str], Any], spawn: Any) -> None:
    chat = chat_on(mortal_redis.url)
    worker = spawn(url=mortal_redis.url)
    chat.send("running", seed=3_000)  # shorter than a lease lives on
    chat.send("waiting", user="bob")
    chat.until(lambda: chat.state("running") == "running", "the start")
    chat.connection.config_set("maxmemory", "1")
    with pytest.raises(BusyError) as caught:
        chat.send("refused")
    assert caught.value.code == "store_full"
    # Until the running job has tried to post its result, and the worker's lease could not be renewed.
    chat.until(lambda: not chat.connection.keys("pastiche:lease:*"), "the lease's end")
    assert not chat.results()
    chat.connection.config_set("maxmemory", "0")
    results = chat.wait_for("running", "waiting", deadline_s=60)
    assert sorted(result.outcome for result in results) == ["done", "done"]
    assert worker.poll() is None


def test_a_worker_told_to_end_does_not_wait_for_a_redis_that_is_gone(mortal_redis: SteadyRedis, spawn: Any) -> None:
    worker = spawn(url=mortal_redis.url, grace_s=0.1)
    mortal_redis.kill()
    worker.terminate()
    assert worker.wait(60) == EXIT_LOST_REDIS
