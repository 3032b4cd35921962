from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis
import redis.asyncio

from nst.errors import JobError
from nst.options import StyleOptions
from workers import contract
from workers.client.outbox import Delivery, OutboxReader, post_terminal, result_of
from workers.contract import Job, Result
from workers.store import keys
from workers.store.connection import connect, connect_async


def new_job(job_id: str) -> Job:
    return Job(job_id=job_id, frontend="web", content="c", styles=("s",), options=StyleOptions(), user="ann")


@pytest.fixture
async def readers_connection(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with await connect_async(redis_url) as connection:
        yield connection


async def take(reader: OutboxReader, count: int, deadline_s: float = 20) -> list[Delivery]:
    got: list[Delivery] = []
    async with asyncio.timeout(deadline_s):
        async for delivery in reader.deliveries():
            got.append(delivery)
            if len(got) == count:
                break
    return got


def test_the_first_result_counts(redis_connection: redis.Redis) -> None:
    job = new_job("j1")
    assert post_terminal(redis_connection, Result.failure(job, JobError("job_failed")))
    assert not post_terminal(redis_connection, Result.cancellation(job))
    assert int(redis_connection.xlen(keys.outbox("web"))) == 1
    result = result_of(redis_connection, "j1")
    assert result is not None
    assert result.outcome == "failed"
    assert 86_000 < int(redis_connection.ttl(keys.done("j1"))) <= 86_400


def test_many_at_once_post_one(redis_url: str, redis_connection: redis.Redis) -> None:
    barrier, posted = threading.Barrier(8), []

    def post() -> None:
        with connect(redis_url) as own:
            barrier.wait()
            posted.append(post_terminal(own, Result.cancellation(new_job("j1"))))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(posted) == [False] * 7 + [True]
    assert int(redis_connection.xlen(keys.outbox("web"))) == 1


async def test_results_come_in_order_and_are_gone_once_acknowledged(
    redis_connection: redis.Redis, readers_connection: redis.asyncio.Redis
) -> None:
    reader = OutboxReader(readers_connection, "web")
    for i in range(3):
        post_terminal(redis_connection, Result.cancellation(new_job(f"j{i}")))
    deliveries = await take(reader, 3)
    assert [delivery.result.job_id for delivery in deliveries] == ["j0", "j1", "j2"]
    assert not any(delivery.redelivered for delivery in deliveries)
    for delivery in deliveries:
        await reader.ack(delivery)
    assert int(redis_connection.xlen(keys.outbox("web"))) == 0


async def test_a_reader_that_starts_again_gets_what_it_had_not_acknowledged(
    redis_connection: redis.Redis, readers_connection: redis.asyncio.Redis
) -> None:
    for i in range(2):
        post_terminal(redis_connection, Result.cancellation(new_job(f"j{i}")))
    first = OutboxReader(readers_connection, "web")
    acknowledged, _ = await take(first, 2)
    await first.ack(acknowledged)
    (again,) = await take(OutboxReader(readers_connection, "web"), 1)
    assert again.result.job_id == "j1"
    assert again.redelivered


async def test_another_reader_claims_what_a_dead_one_left(
    redis_connection: redis.Redis, readers_connection: redis.asyncio.Redis
) -> None:
    post_terminal(redis_connection, Result.cancellation(new_job("j1")))
    await take(OutboxReader(readers_connection, "web", consumer="dead"), 1)
    (claimed,) = await take(OutboxReader(readers_connection, "web", consumer="alive", claim_idle_s=0.3), 1)
    assert claimed.result.job_id == "j1"
    assert claimed.redelivered


async def test_a_slow_post_is_not_claimed_from_oneself(
    redis_connection: redis.Redis, readers_connection: redis.asyncio.Redis
) -> None:
    reader = OutboxReader(readers_connection, "web", claim_idle_s=0.1)
    post_terminal(redis_connection, Result.cancellation(new_job("slow")))
    stream = reader.deliveries()
    slow = await anext(stream)
    idle: list[dict[str, Any]] = []
    while not idle or idle[0]["time_since_delivered"] < 500:
        idle = await readers_connection.xpending_range(keys.outbox("web"), "frontend", "-", "+", 1)
    post_terminal(redis_connection, Result.cancellation(new_job("next")))
    assert (await anext(stream)).result.job_id == "next"
    await reader.ack(slow)


async def test_an_unreadable_entry_does_not_stop_the_reader(
    redis_connection: redis.Redis, readers_connection: redis.asyncio.Redis
) -> None:
    redis_connection.xadd(keys.outbox("web"), {"result": b'{"version":99}'})
    redis_connection.xadd(keys.outbox("web"), {"something": b"else"})
    post_terminal(redis_connection, Result.cancellation(new_job("j1")))
    (delivery,) = await take(OutboxReader(readers_connection, "web"), 1)
    assert delivery.result.job_id == "j1"


async def test_a_reader_outlives_the_loss_of_its_group(
    redis_connection: redis.Redis, readers_connection: redis.asyncio.Redis
) -> None:
    reader = OutboxReader(readers_connection, "web")
    post_terminal(redis_connection, Result.cancellation(new_job("j1")))
    await take(reader, 1)
    redis_connection.flushall()
    post_terminal(redis_connection, Result.cancellation(new_job("j2")))
    (delivery,) = await take(reader, 1)
    assert delivery.result.job_id == "j2"


async def test_what_a_newer_release_wrote_waits_for_its_reader(
    redis_connection: redis.Redis,
    readers_connection: redis.asyncio.Redis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for version in (contract.VERSION + 1, contract.VERSION + 2):
        monkeypatch.setattr(contract, "VERSION", version)
        post_terminal(redis_connection, Result.cancellation(new_job(f"v{version}")))
    monkeypatch.undo()
    post_terminal(redis_connection, Result.cancellation(new_job("ours")))
    reader = OutboxReader(readers_connection, "web", claim_idle_s=0.1)
    read = await take(reader, 2)
    assert [delivery.result.job_id for delivery in read] == ["v2", "ours"], "the next version is read already"
    for delivery in read:
        await reader.ack(delivery)
    post_terminal(redis_connection, Result.cancellation(new_job("later")))
    assert [delivery.result.job_id for delivery in await take(reader, 1)] == ["later"]
    assert int(redis_connection.xlen(keys.outbox("web"))) == 2
    assert sum("newer release" in record.message for record in caplog.records) == 1

    monkeypatch.setattr(contract, "READABLE_VERSIONS", frozenset({2, 3, 1}))
    (upgraded, _) = await take(OutboxReader(readers_connection, "web"), 2)
    assert upgraded.result.job_id == "v3"
    assert upgraded.redelivered


def test_an_outbox_that_nobody_reads_goes_after_a_week(redis_connection: redis.Redis) -> None:
    post_terminal(redis_connection, Result.cancellation(new_job("j1")))
    assert 0 < int(redis_connection.ttl(keys.outbox("web"))) <= keys.OUTBOX_TTL_S
