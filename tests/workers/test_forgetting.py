from __future__ import annotations

from typing import Any

import pytest
import redis

from tests.traces import traces_left
from workers.client.forgetting import forget_job, note_of
from workers.client.outbox import post_terminal
from workers.contract import Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.owners import NOBODY


@pytest.mark.e2e
def test_nothing_of_a_forgotten_job_remains(chat: Any, spawn: Any, redis_connection: redis.Redis, style: bytes) -> None:
    spawn()
    job = chat.send("secretjob", user="secretuser", seed=10)
    (result,) = chat.wait_for("secretjob")
    assert traces_left(redis_connection, ["secretuser"])
    assert forget_job(redis_connection, "secretjob", shared=[blob_hash(style)])
    Blobs(redis_connection).forget(job.content, owner=NOBODY)  # the fixture's
    redis_connection.delete(keys.jobs_of("secretuser"))  # a user's, not a job's: see bot.chat.privacy
    assert traces_left(redis_connection, [job.content, result.picture, result.job, "secretuser"]) == []
    assert redis_connection.exists(keys.blob(blob_hash(style)))
    assert not forget_job(redis_connection, "secretjob")


def test_a_forgotten_job_stays_answered(chat: Any, redis_connection: redis.Redis) -> None:
    job = chat.send("j1")
    chat.client.cancel("j1", "ann")
    forget_job(redis_connection, "j1")
    assert not post_terminal(redis_connection, Result.cancellation(job))
    assert chat.client.result("j1") is None
    assert int(redis_connection.xlen(keys.outbox("web"))) == 0


def test_what_a_worker_brings_after_its_job_was_forgotten_stays_out(chat: Any, redis_connection: redis.Redis) -> None:
    """It stood still for longer than anybody waits, and goes on then."""
    job, blobs = chat.send("j1"), Blobs(redis_connection)
    redis_connection.set(keys.cancel("j1"), 1)
    assert forget_job(redis_connection, "j1")
    assert redis_connection.exists(keys.cancel("j1")), "it still has to stop"
    picture = blobs.put(b"painted", owner="ann", job_id="j1")
    result = Result(job_id="j1", frontend="web", outcome="done", picture=picture, user="ann", job=job.to_json())
    assert not post_terminal(redis_connection, result)
    assert not note_of(redis_connection, "j1", ("SET", "pastiche:note", "j1"))
    assert traces_left(redis_connection, [picture, b"painted", "pastiche:note"]) == []
    assert note_of(redis_connection, "j2", ("SET", "pastiche:note", "j2"))
