"""Which queue comes next: by priority, but nobody is starved, and one worker is left for fast jobs."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from workers.store import keys
from workers.worker.turns import NEGLECT_S, Turns


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def clock_in(connection: redis.Redis, name: str, queues: str, lease: str = "-") -> None:
    """A worker with a lease, as its thread keeps it."""
    connection.sadd(keys.WORKERS, name)
    connection.hset(keys.ready(name), "queues", queues)
    connection.set(keys.lease(name), lease)


def fill(chat: Any, fast: int, slow: int) -> None:
    for i in range(fast):
        chat.send(f"fast{i}", user=f"user{i}")
    for i in range(slow):
        chat.send(f"slow{i}", user=f"user{i}", method="gatys")


def test_a_neglected_queue_gets_one_turn_and_waits_again(chat: Any, redis_connection: redis.Redis) -> None:
    fill(chat, fast=6, slow=3)
    clock = Clock()
    turns, taken = Turns(redis_connection, "w1", ("fast", "slow"), clock), []
    for _ in range(7):
        found = turns.take()
        assert found is not None
        redis_connection.lrem(keys.rq_intermediate(found[0]), 0, found[1].decode())  # it has started
        taken.append(found[0])
        clock.now_s += NEGLECT_S / 3  # its run
    assert taken == ["fast", "fast", "fast", "slow", "fast", "fast", "fast"]
    found = turns.take()
    assert found == ("slow", b"slow1")


def test_an_empty_queue_is_not_neglected(chat: Any, redis_connection: redis.Redis) -> None:
    clock = Clock()
    turns = Turns(redis_connection, "w1", ("fast", "slow"), clock)
    clock.now_s = 100 * NEGLECT_S
    assert turns.take() is None
    fill(chat, fast=1, slow=1)
    assert turns.take() == ("fast", b"fast0")


@pytest.mark.parametrize(
    ("others", "may"),
    [
        ([], True),  # alone
        ([("w2", "fast,slow", "-")], True),
        ([("w2", "fast", "fast9:run")], True),  # it will be free in a moment
        ([("w2", "slow", "-")], True),  # alone among those that take fast jobs
        ([("w2", "fast,slow", "slow9:run")], False),
        ([("w2", "fast,slow", "slow9:run"), ("w3", "fast", "-")], True),
        ([("w2", "fast,slow", "slow9:run"), ("w3", "slow", "-")], False),
    ],
)
def test_a_slow_job_is_taken_while_somebody_is_left_for_fast_ones(
    chat: Any, redis_connection: redis.Redis, others: list[tuple[str, str, str]], may: bool
) -> None:
    clock_in(redis_connection, "w1", "fast,slow")
    for name, queues, lease in others:
        clock_in(redis_connection, name, queues, lease)
    redis_connection.zadd(keys.rq_started("slow"), {"slow9:run": 2e9})
    fill(chat, fast=0, slow=1)
    found = Turns(redis_connection, "w1", ("fast", "slow")).take()
    assert found == (("slow", b"slow0") if may else None)
    assert Turns(redis_connection, "w4", ("slow",)).take() == (None if may else ("slow", b"slow0"))


def test_two_that_ask_at_once_do_not_both_get_one(chat: Any, redis_connection: redis.Redis) -> None:
    for name in ("w1", "w2"):
        clock_in(redis_connection, name, "fast,slow")
    fill(chat, fast=0, slow=2)
    assert Turns(redis_connection, "w1", ("fast", "slow")).take() == ("slow", b"slow0")
    assert Turns(redis_connection, "w2", ("fast", "slow")).take() is None


@pytest.mark.e2e
def test_of_two_workers_one_stays_with_fast_jobs(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    spawn()
    spawn()
    for i in range(2):
        chat.send(f"slow{i}", seed=60_000 if i == 0 else 200, user=f"user{i}", method="gatys")
    chat.until(lambda: chat.state("slow0") == "running", "the start")
    chat.send("fast", user="bob")
    chat.wait_for("fast")
    assert chat.client.position("slow1") == 1
    chat.client.cancel("slow0", "user0")
    chat.wait_for("slow0", "slow1")
    results = [result.job_id for result in chat.results()]
    assert results == ["fast", "slow0", "slow1"]
