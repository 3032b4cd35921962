"""Slow jobs in slices, on real worker processes (see ``Counted`` in ``faulty_worker``)."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from typing import Any

import pytest
import redis

from workers.client.estimates import live_workers
from workers.store import keys

pytestmark = pytest.mark.e2e


def steps_by_process(result: Any) -> dict[str, int]:
    counts: dict[str, int] = json.loads(result.model)
    return counts


def test_fast_jobs_do_not_wait_for_a_slow_one(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    worker = spawn()
    chat.send("slow", seed=5_000, method="gatys")
    chat.until(lambda: chat.state("slow") == "running", "the start")
    for i in range(2):
        chat.send(f"fast{i}", user="bob")
    (slow,) = chat.wait_for("slow")
    assert [result.job_id for result in chat.results()] == ["fast0", "fast1", "slow"]
    assert steps_by_process(slow) == {str(worker.pid): 100}
    assert slow.service_s >= 5
    assert not redis_connection.hexists(keys.record("slow"), "checkpoint")
    assert redis_connection.hget(keys.rq_job("slow"), "retries_left") == b"2"


def test_a_slow_job_goes_on_elsewhere_from_its_checkpoint(chat: Any, spawn: Any) -> None:
    first = spawn()
    chat.send("slow", seed=4_000, method="gatys")
    chat.until(lambda: chat.client.event("slow").step > 10, "some steps")
    first.send_signal(signal.SIGTERM)
    assert first.wait(90) == 0
    far = chat.client.event("slow").fraction
    second = spawn()
    chat.until(lambda: chat.state("slow") == "running" or chat.client.result("slow"), "the second start")
    assert chat.client.event("slow").fraction >= far
    (slow,) = chat.wait_for("slow")
    counts = steps_by_process(slow)
    assert set(counts) == {str(first.pid), str(second.pid)}
    assert counts[str(first.pid)] > 10
    assert sum(counts.values()) == 80


def test_a_stopped_job_leaves_what_it_has_and_its_successor_goes_on(
    chat: Any, spawn: Any, redis_connection: redis.Redis
) -> None:
    worker = spawn()
    job = chat.send("slow", seed=3_000, method="gatys")
    chat.until(lambda: chat.client.event("slow").step > 10, "some steps")
    assert chat.client.cancel("slow", "ann", keep=True)
    (stopped,) = chat.wait_for("slow")
    assert (stopped.outcome, stopped.error) == ("cancelled", None)
    assert redis_connection.exists(keys.blob(stopped.picture))
    done = steps_by_process(stopped)[str(worker.pid)]
    assert 10 < done < 60
    chat.client.submit(replace(job, job_id="stranger", user="bob", options=job.options.replace(seed=0)), resumes="slow")
    chat.wait_for("stranger")
    assert redis_connection.hexists(keys.record("slow"), "checkpoint")
    chat.client.submit(replace(job, job_id="again"), resumes="slow")
    (again,) = chat.wait_for("again")
    assert steps_by_process(again) == {str(worker.pid): 60}
    assert not redis_connection.hexists(keys.record("slow"), "checkpoint")


def test_a_damaged_checkpoint_means_starting_anew(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    chat.send("slow", seed=500, method="gatys")
    redis_connection.hset(keys.record("slow"), "checkpoint", "0" * 64)
    worker = spawn()
    (slow,) = chat.wait_for("slow")
    assert steps_by_process(slow) == {str(worker.pid): 10}


def test_a_fast_only_worker_leaves_slow_jobs_alone(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    spawn(queues="fast")
    chat.send("slow", method="gatys")
    chat.send("fast")
    chat.wait_for("fast")
    assert redis_connection.llen(keys.rq_queue("slow")) == 1
    assert [worker["queues"] for worker in live_workers(redis_connection)] == ["fast"]
