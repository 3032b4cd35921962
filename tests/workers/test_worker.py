"""Real worker processes, with the faults of ``faulty_worker``."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import replace
from typing import Any

import pytest
import redis
from rq.command import send_stop_job_command
from rq.serializers import JSONSerializer

from nst.pictures.decode import decode
from workers.client.estimates import live_workers
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs

pytestmark = [pytest.mark.e2e, pytest.mark.long]

POISON, BROKEN, STUCK, HUNGRY = 100_001, 100_002, 100_003, 100_004  # as in faulty_worker


def nothing_is_left(connection: redis.Redis) -> bool:
    lists = [name(queue) for queue in ("fast", "slow") for name in (keys.rq_queue, keys.rq_intermediate)]
    started = [keys.rq_started(queue) for queue in ("fast", "slow")]
    return not connection.exists(*lists, *started)


def test_a_picture_goes_round(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    spawn()
    job = chat.send("j1", seed=300)
    (result,) = chat.wait_for("j1")
    assert (result.outcome, result.method, result.media_type) == ("done", "palette", "image/jpeg")
    assert (result.width_px, result.height_px) == (96, 72)
    made = decode(Blobs(redis_connection).get(result.picture))
    assert (made.width_px, made.height_px) == (96, 72)
    queued = Job.from_json(result.job)
    assert queued == replace(job, submitted_at_s=queued.submitted_at_s)
    assert result.service_s >= 0.3
    assert chat.client.jobs_of("ann") == []
    chat.until(lambda: nothing_is_left(redis_connection), "an empty queue")
    assert chat.client.eta_s("j1") is None
    assert float(redis_connection.hget(keys.SERVICE_TIMES, "palette:768") or 0) >= 0.3


def test_the_same_is_not_painted_twice(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    spawn()
    chat.send("first", seed=400)
    (first,) = chat.wait_for("first")
    chat.send("again", seed=400, user="bob")
    (again,) = chat.wait_for("again")
    assert (again.outcome, again.picture, again.service_s) == ("done", first.picture, 0)
    Blobs(redis_connection).forget(first.picture)
    chat.send("anew", seed=400, user="eve")
    (anew,) = chat.wait_for("anew")
    assert (anew.outcome, anew.picture) == ("done", first.picture)
    assert anew.service_s > 0.4


def test_progress_is_told(chat: Any, spawn: Any) -> None:
    spawn()
    chat.send("j1", seed=20_000)
    chat.until(lambda: chat.state("j1") == "running" and chat.client.event("j1").eta_s > 0, "an estimate")
    event = chat.client.event("j1")
    assert 0 < event.fraction < 1
    assert event.eta_s < 40
    chat.client.cancel("j1", "ann")
    chat.wait_for("j1")
    assert chat.state("j1") == "cancelled"


def test_a_bad_picture_is_a_result_and_not_a_dead_worker(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection)
    bad = {"text": blobs.put(b"not a picture"), "damaged": blobs.put(b"as it was"), "gone": blobs.put(b"soon gone")}
    good = chat.send("good", user="bob")
    for job_id, digest in bad.items():
        chat.client.submit(replace(good, job_id=job_id, content=digest))
    redis_connection.set(keys.blob(bad["damaged"]), b"as it is")
    blobs.forget(bad["gone"])
    worker = spawn()
    codes = {result.job_id: result.error and result.error["code"] for result in chat.wait_for("good", *bad)}
    assert codes == {"good": None, "text": "image_not_an_image", "damaged": "job_expired", "gone": "job_expired"}
    assert worker.poll() is None


@pytest.mark.parametrize(("seed", "code"), [(BROKEN, "job_failed"), (HUNGRY, "job_out_of_memory")])
def test_a_failure_is_reported_once_and_not_retried(chat: Any, spawn: Any, seed: int, code: str) -> None:
    worker = spawn()
    chat.send("bad", seed=seed)
    chat.send("good")
    bad, good = chat.wait_for("bad", "good")
    assert bad.error is not None
    assert (bad.outcome, bad.error["code"], good.outcome) == ("failed", code, "done")
    assert worker.poll() is None
    assert len(chat.results()) == 2


def test_a_running_job_is_cancelled_at_its_next_step(chat: Any, spawn: Any) -> None:
    spawn()
    chat.send("long", seed=60_000)
    chat.until(lambda: chat.state("long") == "running", "the start")
    assert chat.client.cancel("long", "ann")
    (result,) = chat.wait_for("long")
    assert result.outcome == "cancelled"


def test_the_operators_stop_ends_a_running_job(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    spawn()
    chat.send("long", seed=60_000)
    chat.until(lambda: chat.state("long") == "running", "the start")
    send_stop_job_command(redis_connection, "long", serializer=JSONSerializer)
    (result,) = chat.wait_for("long")
    assert result.outcome == "cancelled"


def test_fast_jobs_go_first(chat: Any, spawn: Any) -> None:
    for i in range(3):
        chat.send(f"slow{i}", method="gatys")
        chat.send(f"fast{i}")
    spawn()
    chat.wait_for(*(f"slow{i}" for i in range(3)))
    order = [result.job_id[:4] for result in chat.results()]
    assert order == ["fast"] * 3 + ["slow"] * 3


def test_a_killed_workers_job_runs_again(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    def busy(*but: int) -> int:
        """The process that has a job, but for these; 0 if there is none."""
        has_job = (w for w in live_workers(redis_connection) if redis_connection.get(keys.lease(w["name"])) != b"-")
        return next((int(worker["pid"]) for worker in has_job if int(worker["pid"]) not in but), 0)

    workers = {worker.pid: worker for worker in (spawn(), spawn())}
    chat.send("j1", seed=4_000)
    chat.until(busy, "the first run")
    first = busy()
    workers[first].kill()
    killed_s = time.monotonic()
    chat.until(lambda: busy(first), "the second run")
    print(f"killed, and running again after {time.monotonic() - killed_s:.1f} s")  # noqa: T201
    (result,) = chat.wait_for("j1")
    assert result.outcome == "done"
    assert len(chat.results()) == 1


def test_poison_is_reported_after_three_tries_and_kills_no_third_worker(chat: Any, spawn: Any) -> None:
    chat.send("poison", seed=POISON)
    chat.send("good", user="bob")
    for _ in range(2):
        worker = spawn()
        chat.until(lambda worker=worker: worker.poll() is not None, "its end")
        assert worker.returncode == -signal.SIGKILL
    survivor = spawn()
    poison, good = sorted(chat.wait_for("poison", "good"), key=lambda result: result.outcome, reverse=True)
    assert poison.error == {"code": "job_abandoned", "detail": {"job_id": "poison"}}
    assert good.outcome == "done"
    assert survivor.poll() is None


def test_a_last_try_can_succeed_be_cancelled_and_be_handed_back(
    chat: Any, spawn: Any, redis_connection: redis.Redis
) -> None:
    chat.send("innocent", seed=300)
    chat.send("cancelled", seed=60_000)
    for job_id in ("innocent", "cancelled"):
        redis_connection.hset(keys.rq_job(job_id), "retries_left", 0)
    worker = spawn(grace_s=0.1)
    (innocent,) = chat.wait_for("innocent")
    assert innocent.outcome == "done"
    chat.until(lambda: chat.state("cancelled") == "running", "its start in a process of its own")
    assert chat.client.cancel("cancelled", "ann")
    (cancelled,) = chat.wait_for("cancelled")
    assert cancelled.outcome == "cancelled"
    chat.send("back", seed=60_000)
    redis_connection.hset(keys.rq_job("back"), "retries_left", 0)
    chat.until(lambda: chat.state("back") == "running", "its start")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(90) == 0
    assert redis_connection.lrange(keys.rq_queue("fast"), 0, -1) == [b"back"]
    assert chat.client.result("back") is None


def test_sigterm_lets_a_short_job_finish(chat: Any, spawn: Any) -> None:
    worker = spawn(grace_s=60)
    chat.send("short", seed=1_000)
    chat.until(lambda: chat.state("short") == "running", "the start")
    worker.send_signal(signal.SIGTERM)
    (result,) = chat.wait_for("short")
    assert result.outcome == "done"
    assert worker.wait(90) == 0


def test_sigterm_hands_a_long_job_back_at_no_cost(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    worker = spawn(grace_s=0.2)
    chat.send("long", seed=60_000)
    chat.until(lambda: chat.state("long") == "running", "the start")
    chat.send("next")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(90) == 0
    assert redis_connection.lrange(keys.rq_queue("fast"), 0, -1) == [b"long", b"next"]
    assert redis_connection.hget(keys.rq_job("long"), "retries_left") == b"2"
    assert not chat.results()
    spawn()
    chat.until(lambda: chat.state("long") == "running", "the second start")
    chat.client.cancel("long", "ann")
    assert [result.outcome for result in chat.wait_for("long", "next")] == ["cancelled", "done"]


def test_an_idle_worker_ends_at_once_and_takes_its_lease_along(spawn: Any, redis_connection: redis.Redis) -> None:
    worker = spawn()
    assert redis_connection.scard(keys.WORKERS) == 1
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(90) == 0
    assert redis_connection.keys("pastiche:lease:*") == []
    assert redis_connection.scard(keys.WORKERS) == 0


def test_a_job_stuck_in_native_code_is_reported_and_its_process_ends(
    chat: Any, spawn: Any, redis_connection: redis.Redis
) -> None:
    chat.send("stuck", seed=STUCK)
    redis_connection.hset(keys.rq_job("stuck"), "timeout", 1)
    worker = spawn()
    assert worker.wait(90) == 70
    (result,) = chat.wait_for("stuck")
    assert result.error is not None
    assert result.error["code"] == "job_timed_out"
    chat.send("next")
    spawn()
    (result,) = chat.wait_for("next")
    assert result.outcome == "done"
    chat.until(lambda: nothing_is_left(redis_connection), "an empty queue")


def test_a_job_that_takes_too_long_is_reported(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    chat.send("long", seed=60_000)
    redis_connection.hset(keys.rq_job("long"), "timeout", 1)
    worker = spawn()
    (result,) = chat.wait_for("long")
    assert result.error is not None
    assert result.error["code"] == "job_timed_out"
    assert worker.poll() is None


def test_a_frozen_worker_has_no_second_word(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    frozen = spawn()
    chat.send("j1", seed=2_000)
    chat.until(lambda: chat.state("j1") == "running", "the start")
    frozen.send_signal(signal.SIGSTOP)
    spawn()
    (result,) = chat.wait_for("j1")
    frozen.send_signal(signal.SIGCONT)
    chat.send("j2")
    chat.wait_for("j2")
    chat.until(lambda: nothing_is_left(redis_connection), "an empty queue")
    assert frozen.poll() is None
    assert [done.job_id for done in chat.results()] == ["j1", "j2"]
    assert result.outcome == "done"


def test_a_job_lost_between_queue_and_worker_comes_back(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    chat.send("j1")
    redis_connection.lmove(keys.rq_queue("fast"), keys.rq_intermediate("fast"))  # as a worker killed right there
    spawn()
    (result,) = chat.wait_for("j1")
    assert result.outcome == "done"
    assert redis_connection.hget(keys.rq_job("j1"), "retries_left") == b"2"


def test_a_payload_of_another_release_is_refused_politely(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    job = chat.send("j1")
    text = job.to_json().replace('"version":1', '"version":99')
    data = json.dumps(["workers.tasks.stylize", None, [text], {}])
    redis_connection.hset(keys.rq_job("j1"), "data", data)
    worker = spawn()
    (result,) = chat.wait_for("j1")
    assert isinstance(result, Result)
    assert result.error is not None
    assert result.error["code"] == "job_failed"
    assert worker.poll() is None
