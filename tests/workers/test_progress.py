from __future__ import annotations

import asyncio
from typing import Any

import redis

from workers.client.progress import ProgressWriter, events, last_event
from workers.contract import Event
from workers.store import keys
from workers.store.connection import connect_async


def at(fraction: float) -> Event:
    return Event(job_id="j1", frontend="web", state="running", fraction=fraction)


def test_five_a_second_at_most_and_the_last_one_wins(redis_connection: redis.Redis) -> None:
    now_s = 0.0
    writer = ProgressWriter(redis_connection, "j1", clock=lambda: now_s)
    written = []
    for i in range(100):  # two seconds
        now_s = i * 0.02
        written.append(writer.write(at(i / 100)))
    assert sum(written) == 10
    assert writer.write(at(1.0), force=True)
    assert last_event(redis_connection, "j1") == at(1.0)
    assert last_event(redis_connection, "j2") is None


def test_cancellation_is_seen_within_50_ms(redis_connection: redis.Redis) -> None:
    now_s = 0.0
    writer = ProgressWriter(redis_connection, "j1", clock=lambda: now_s)
    assert not writer.cancelled()
    redis_connection.set(keys.cancel("j1"), 1)
    now_s = 0.04
    assert not writer.cancelled()
    now_s = 0.05
    assert writer.cancelled()


async def test_listeners_hear_of_it_at_once(redis_url: str, redis_connection: redis.Redis, chat: Any) -> None:
    async with await connect_async(redis_url) as connection, asyncio.timeout(20):
        stream = events(connection, "web")

        async def two() -> list[Event]:
            return [await anext(stream), await anext(stream)]

        listener = asyncio.create_task(two())
        channel = keys.progress("web")
        heard = [(channel.encode(), 1)]
        await asyncio.to_thread(chat.until, lambda: redis_connection.pubsub_numsub(channel) == heard, "a listener")
        redis_connection.publish(channel, b"no event")
        ProgressWriter(redis_connection, "j1").write(at(0.5))
        ProgressWriter(redis_connection, "j2").write(Event(job_id="j2", frontend="discord", state="running"))
        ProgressWriter(redis_connection, "j1").write(at(0.75))
        assert await listener == [at(0.5), at(0.75)]
