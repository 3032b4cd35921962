"""Nothing runs but ``workers.tasks.stylize``, whatever somebody writes into Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from rq.job import Callback
from rq.serializers import JSONSerializer

from workers.contract import Job
from workers.store import keys
from workers.worker.job_class import ForbiddenFunctionError, PasticheJob, new_rq_job


@pytest.mark.parametrize(
    "function", ["os.system", "workers.tasks.open_workplace", "workers.tasks", "builtins.eval", "subprocess.run"]
)
def test_other_functions_are_refused(redis_connection: redis.Redis, function: str) -> None:
    job = PasticheJob.create(function, args=("x",), connection=redis_connection, serializer=JSONSerializer)
    with pytest.raises(ForbiddenFunctionError):
        job.perform()


def test_methods_of_objects_are_refused(redis_connection: redis.Redis) -> None:
    job = PasticheJob.create("workers.tasks.stylize", connection=redis_connection, serializer=JSONSerializer)
    job.instance = "an instance"
    job.func_name = "workers.tasks.stylize"
    with pytest.raises(ForbiddenFunctionError):
        job.perform()


def test_callbacks_are_never_looked_up(redis_connection: redis.Redis) -> None:
    job = PasticheJob.create(
        "workers.tasks.stylize",
        connection=redis_connection,
        serializer=JSONSerializer,
        on_success=Callback("os.system"),
        on_failure=Callback("os.system"),
        on_stopped=Callback("os.system"),
    )
    assert (job.success_callback, job.failure_callback, job.stopped_callback) == (None, None, None)


def test_what_the_client_makes_is_allowed(redis_connection: redis.Redis, chat: Any) -> None:
    job: Job = chat.send("j1")
    allowed = new_rq_job(redis_connection, job, "fast").func
    assert allowed is not None
    assert allowed.__name__ == "stylize"
    assert job.content not in str(new_rq_job(redis_connection, job, "fast").description)


@pytest.mark.e2e
def test_a_worker_refuses_and_goes_on(chat: Any, spawn: Any, redis_connection: redis.Redis, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    queue = Queue("fast", connection=redis_connection, serializer=JSONSerializer)
    queue.enqueue("os.system", f"touch {evil}", job_id="evil")
    queue.enqueue(
        "workers.tasks.stylize", "{}", job_id="evil2", on_success=Callback("os.mkdir"), on_failure=Callback("os.mkdir")
    )
    worker = spawn()
    chat.send("good")
    (result,) = chat.wait_for("good")
    assert result.outcome == "done"
    assert worker.poll() is None
    assert not evil.exists()
    assert redis_connection.hget(keys.rq_job("evil"), "status") == b"failed"
    assert not redis_connection.exists(keys.rq_queue("fast"), keys.rq_started("fast"))
