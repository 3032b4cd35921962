from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from typing import cast

import pytest
import redis

from nst.errors import BusyError, JobError, OperatorError, UserError
from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.client.line import Limits
from workers.client.outbox import post_terminal, result_of
from workers.contract import Job, Result
from workers.routing import queue_of
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash


def new_job(job_id: str, content: bytes, style: bytes, user: str = "ann", method: str = "palette") -> Job:
    return Job(
        job_id=job_id,
        frontend="web",
        content=blob_hash(content),
        styles=(blob_hash(style),),
        options=StyleOptions(method=method),
        user=user,
        reply_to={"message": job_id},
    )


def measured(connection: redis.Redis, job: Job, service_s: float) -> None:
    text = job.to_json()
    done = Result(job_id=job.job_id, frontend="web", outcome="done", method="palette", service_s=service_s, job=text)
    assert post_terminal(connection, done)


def waiting(connection: redis.Redis, queue: str = "fast") -> list[str]:
    ids = cast(list[bytes], connection.lrange(keys.rq_queue(queue), 0, -1))
    return [job_id.decode() for job_id in ids]


def test_a_job_is_queued_once_with_its_pictures(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client, job = QueueClient(redis_connection), new_job("j1", content, style)
    assert client.submit(job, [content, style])
    assert not client.submit(job, [content, style])
    assert waiting(redis_connection) == ["j1"]
    assert Blobs(redis_connection).get(job.content) == content
    assert client.position("j1") == 1
    assert client.jobs_of("ann") == ["j1"]
    event = client.event("j1")
    assert event is not None
    assert event.state == "queued"


def test_a_finished_job_is_not_run_again(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client, job = QueueClient(redis_connection), new_job("j1", content, style)
    assert post_terminal(redis_connection, Result.cancellation(job))
    assert not client.submit(job, [content, style])
    assert waiting(redis_connection) == []


def test_methods_wait_in_their_queues(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection)
    for method in ("fast", "gatys", "palette"):
        client.submit(new_job(method, content, style, method=method), [content, style])
    assert waiting(redis_connection, "fast") == ["fast", "palette"]
    assert waiting(redis_connection, "slow") == ["gatys"]
    assert queue_of("gatys") == "slow"


def test_a_picture_that_no_worker_could_use_never_waits(redis_connection: redis.Redis, style: bytes) -> None:
    client, text = QueueClient(redis_connection), b"<html>not a picture</html>"
    with pytest.raises(UserError) as caught:
        client.submit(new_job("j1", text, style), [text, style])
    assert caught.value.code == "image_not_an_image"
    assert waiting(redis_connection) == []
    assert client.event("j1") is None


def test_stored_pictures_need_not_be_given_again(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection)
    with pytest.raises(JobError) as caught:
        client.submit(new_job("j1", content, style))
    assert caught.value.code == "job_expired"
    for data in (content, style):
        Blobs(redis_connection).put(data, ttl_s=100)
    assert client.submit(new_job("j1", content, style))
    assert int(redis_connection.ttl(keys.blob(blob_hash(content)))) > 100


def test_the_size_of_a_stored_picture_is_remembered(
    redis_connection: redis.Redis, content: bytes, style: bytes
) -> None:
    client = QueueClient(redis_connection)
    client.submit(new_job("j1", content, style), [content, style])
    client.submit(new_job("j2", content, style))
    assert redis_connection.hget(keys.record("j2"), "kind") == b"palette:256"


def test_cancelling_a_waiting_job_ends_it_at_once(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection)
    client.submit(new_job("j1", content, style), [content, style])
    assert client.cancel("j1", "ann")
    result = result_of(redis_connection, "j1")
    assert result is not None
    assert result.outcome == "cancelled"
    assert waiting(redis_connection) == []
    assert client.jobs_of("ann") == []
    assert not client.cancel("j1", "ann")
    assert int(redis_connection.xlen(keys.outbox("web"))) == 1


def test_only_the_owner_cancels(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection)
    client.submit(new_job("j1", content, style), [content, style])
    with pytest.raises(UserError, match="not_your_job"):
        client.cancel("j1", "bob")
    with pytest.raises(UserError, match="no_such_job"):
        client.cancel("j2", "ann")
    assert waiting(redis_connection) == ["j1"]


def test_behind_a_flood_everybody_gets_a_turn(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection, Limits(pending_per_user=100))
    for i in range(8):
        client.submit(new_job(f"flood{i}", content, style, "flooder"), [content, style])
    for user in ("bob", "eve"):
        for i in range(2):
            client.submit(new_job(f"{user}{i}", content, style, user))
    line = ["flood0", "bob0", "eve0", "flood1", "bob1", "eve1", *(f"flood{i}" for i in range(2, 8))]
    assert waiting(redis_connection) == line
    assert client.position("eve1") == 6


def test_who_waited_long_is_not_overtaken(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection)
    for i in range(3):
        client.submit(new_job(f"old{i}", content, style, "ann"), [content, style])
    for i in range(3):
        redis_connection.hset(keys.line("fast"), f"old{i}", f"{i} {time.time() - 31:.3f}")
    client.submit(new_job("new", content, style, "bob"))
    assert waiting(redis_connection) == ["old0", "old1", "old2", "new"]


def test_a_users_share_is_limited(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection, Limits(pending_per_user=2))
    for i in range(2):
        client.submit(new_job(f"j{i}", content, style), [content, style])
    with pytest.raises(BusyError) as caught:
        client.submit(new_job("j2", content, style))
    assert caught.value.code == "rate_limited"
    assert caught.value.retry_after_s > 0
    client.submit(new_job("other", content, style, user="bob"))
    client.cancel("j0", "ann")
    assert client.submit(new_job("j2", content, style))


def test_a_chats_share_is_limited(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection, Limits(pending_per_chat=2))
    here, there = {"chat": "discord:1"}, {"chat": "discord:2"}
    jobs = [replace(new_job(f"j{i}", content, style, f"user{i}"), reply_to=here) for i in range(3)]
    for job in jobs[:2]:
        client.submit(job, [content, style])
    with pytest.raises(BusyError) as caught:
        client.submit(jobs[2])
    assert caught.value.code == "chat_full"
    assert caught.value.retry_after_s > 0
    client.submit(replace(new_job("elsewhere", content, style, "user2"), reply_to=there))
    client.submit(new_job("private", content, style, "user2"))
    assert post_terminal(redis_connection, Result.failure(jobs[0], JobError("job_failed")))
    assert client.submit(jobs[2])


def test_a_days_share_is_limited(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection, Limits(per_user_per_day=1))
    client.submit(new_job("j0", content, style), [content, style])
    client.cancel("j0", "ann")
    with pytest.raises(BusyError) as caught:
        client.submit(new_job("j1", content, style))
    assert caught.value.code == "rate_limited"
    assert 0 < caught.value.retry_after_s <= 86_400


def test_a_full_queue_says_when(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection, Limits(waiting=1))
    client.submit(new_job("j0", content, style, "ann"), [content, style])
    with pytest.raises(BusyError) as caught:
        client.submit(new_job("j1", content, style, "bob"))
    assert caught.value.code == "queue_full"
    assert "retry_after_s" not in caught.value.detail, "nothing was measured yet"
    redis_connection.sadd(keys.WORKERS, "w1")
    redis_connection.hset(keys.ready("w1"), "queues", "fast")
    redis_connection.hset(keys.SERVICE_TIMES, "palette:256", "7.5")
    with pytest.raises(BusyError) as caught:
        client.submit(new_job("j1", content, style, "bob"))
    assert caught.value.retry_after_s == 7.5


def test_no_estimate_without_measurements(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection)
    for i in range(3):
        client.submit(new_job(f"j{i}", content, style, f"user{i}"), [content, style])
    assert client.eta_s("j2") is None
    redis_connection.sadd(keys.WORKERS, "w1")
    redis_connection.hset(keys.ready("w1"), "queues", "fast,slow")
    assert client.eta_s("j2") is None
    client.submit(new_job("done0", content, style, "dora"), [content, style])
    measured(redis_connection, new_job("done0", content, style), 2.0)
    assert client.eta_s("j2") == pytest.approx(6.0)
    client.submit(new_job("done1", content, style, "emil"), [content, style])
    measured(redis_connection, new_job("done1", content, style), 7.0)
    assert client.eta_s("j0") == pytest.approx(3.0)
    client.submit(new_job("fell-back", content, style, "fred", method="fast"), [content, style])
    measured(redis_connection, new_job("fell-back", content, style, method="fast"), 9.0)
    assert redis_connection.hkeys(keys.SERVICE_TIMES) == [b"palette:256"]


def test_redis_out_of_memory_is_said_politely(redis_connection: redis.Redis, content: bytes, style: bytes) -> None:
    client = QueueClient(redis_connection)
    redis_connection.config_set("maxmemory", "1")
    try:
        with pytest.raises(BusyError) as caught:
            client.submit(new_job("j1", content, style), [content, style])
        assert caught.value.code == "store_full"
    finally:
        redis_connection.config_set("maxmemory", "0")
    assert client.submit(new_job("j1", content, style), [content, style])


def test_a_redis_that_is_gone_is_the_operators(redis_url: str, content: bytes, style: bytes) -> None:
    gone = redis.Redis.from_url(redis_url + ".gone")
    with pytest.raises(OperatorError) as caught:
        QueueClient(gone).submit(new_job("j1", content, style), [content, style])
    assert caught.value.code == "queue_unavailable"


def test_a_frontends_process_stays_light() -> None:
    script = """
import sys, resource
import workers.client.client, workers.client.outbox, workers.client.progress, workers.client.reaper
import workers.store.blobs, workers.store.connection
heavy = {"numpy", "tensorflow", "scipy", "nst.pictures.decode"} & set(sys.modules)
assert not heavy, heavy
pages = int(open("/proc/self/statm").read().split()[1])
print(pages * resource.getpagesize() // 2**20)
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    rss_mib = int(out.stdout)
    sys.stdout.write(f"a process with the queue's client: {rss_mib} MiB resident\n")
    assert rss_mib < 150
