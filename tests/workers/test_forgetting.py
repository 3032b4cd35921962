from __future__ import annotations

from typing import Any

import pytest
import redis

from workers import keys
from workers.blobs import Blobs, blob_hash
from workers.contract import Result
from workers.forgetting import forget_job
from workers.outbox import post_terminal
from workers.owners import NOBODY


def everything(connection: redis.Redis) -> str:
    """All keys and values, as one text."""
    dump = []
    for key in connection.scan_iter():
        dump.append(repr(key))
        kind = connection.type(key)
        if kind == b"hash":
            dump.append(repr(connection.hgetall(key)))
        elif kind == b"zset":
            dump.append(repr(connection.zrange(key, 0, -1)))
        elif kind == b"list":
            dump.append(repr(connection.lrange(key, 0, -1)))
        elif kind == b"stream":
            dump.append(repr(connection.xrange(key)))
        elif kind == b"set":
            dump.append(repr(connection.smembers(key)))
        else:
            dump.append(repr(connection.get(key)))
    return "\n".join(dump)


@pytest.mark.e2e
def test_nothing_of_a_forgotten_job_remains(chat: Any, spawn: Any, redis_connection: redis.Redis, style: bytes) -> None:
    spawn()
    job = chat.send("secretjob", user="secretuser", seed=10)
    (result,) = chat.wait_for("secretjob")
    assert "secretuser" in everything(redis_connection)
    assert forget_job(redis_connection, "secretjob", shared=[blob_hash(style)])
    Blobs(redis_connection).forget(job.content, owner=NOBODY)  # the fixture's
    redis_connection.delete(keys.jobs_of("secretuser"))  # a user's, not a job's: see bot.privacy
    left = everything(redis_connection)
    for trace in (job.content, result.picture, result.job):
        assert trace not in left
    assert blob_hash(style) in left
    assert "secretuser" not in left
    assert not forget_job(redis_connection, "secretjob")


def test_a_forgotten_job_stays_answered(chat: Any, redis_connection: redis.Redis) -> None:
    job = chat.send("j1")
    chat.client.cancel("j1", "ann")
    forget_job(redis_connection, "j1")
    assert not post_terminal(redis_connection, Result.cancellation(job))
    assert chat.client.result("j1") is None
    assert int(redis_connection.xlen(keys.outbox("web"))) == 0
