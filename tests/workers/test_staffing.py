"""What no live worker can do is refused at once; where nobody works at all, jobs wait."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from nst.errors import OperatorError, UserError
from nst.options import METHODS, StyleOptions
from workers.client.estimates import is_attended, live_workers
from workers.contract import Job
from workers.store import keys
from workers.store.blobs import blob_hash
from workers.worker.abilities import AGAIN_S, Abilities


def clock_in(connection: redis.Redis, name: str, **about: str) -> None:
    """Announce a worker, as its lease does."""
    connection.sadd(keys.WORKERS, name)
    for field, value in about.items():
        connection.hset(keys.ready(name), field, value)


def refusal(chat: Any, method: str) -> UserError:
    with pytest.raises(UserError) as caught:
        chat.send("refused", method=method)
    assert chat.client.event("refused") is None
    assert chat.client.position("refused") is None
    return caught.value


def test_a_method_that_no_worker_has_is_refused_with_those_there_are(chat: Any, redis_connection: redis.Redis) -> None:
    clock_in(redis_connection, "w1", queues="fast,slow", methods="palette,gatys")
    error = refusal(chat, "fast")
    assert (error.code, error.detail) == ("method_unavailable", {"received": "fast", "allowed": "gatys, palette"})
    clock_in(redis_connection, "w2", queues="fast", methods="fast,palette")
    chat.send("accepted", method="fast")
    assert chat.client.position("accepted") == 1


def test_a_size_beyond_every_worker_is_refused_with_what_is_possible(
    chat: Any, redis_connection: redis.Redis, content: bytes, style: bytes
) -> None:
    clock_in(redis_connection, "w1", queues="fast", methods="palette", max_side_px="64")
    clock_in(redis_connection, "w2", queues="fast", methods="palette", max_side_px="80")
    redis_connection.set(keys.side(blob_hash(content)), 96)
    error = refusal(chat, "palette")
    assert (error.code, error.detail) == ("size_unavailable", {"received": 96, "allowed_px": 80})
    small = StyleOptions(method="palette", max_side_px=80)
    hashes = (blob_hash(content), blob_hash(style))
    chat.client.submit(Job(job_id="small", frontend="web", content=hashes[0], styles=hashes[1:], options=small))
    clock_in(redis_connection, "w3", queues="fast", methods="palette", max_side_px="0")
    chat.send("any")
    assert chat.client.position("any") == 2


def test_without_a_worker_of_its_queue_a_job_waits(chat: Any, redis_connection: redis.Redis) -> None:
    chat.send("nobody")
    clock_in(redis_connection, "w1", queues="fast", methods="palette")
    chat.send("slow", method="gatys")
    assert (chat.client.position("nobody"), chat.client.position("slow")) == (1, 1)
    assert [is_attended(redis_connection, job_id) for job_id in ("nobody", "slow")] == [True, False]


def test_a_worker_of_the_last_release_does_not_say_what_it_can(chat: Any, redis_connection: redis.Redis) -> None:
    clock_in(redis_connection, "w1", queues="fast")
    chat.send("j1", method="fast")
    assert chat.client.position("j1") == 1


def test_what_could_not_be_loaded_is_tried_again_after_a_while() -> None:
    now_s, there, tried = 0.0, False, []

    def prepare(method: str) -> None:
        tried.append(method)
        if not there:
            raise OperatorError("weights_missing", {"model": method, "reason": "away"})

    abilities = Abilities(prepare, ("fast", "slow"), 512, clock=lambda: now_s)
    abilities.prepare("fast")
    assert abilities.about() == {"methods": ",".join(METHODS[1:]), "max_side_px": "512"}
    abilities.try_again()
    now_s = AGAIN_S
    abilities.try_again()
    assert tried == ["fast", "fast"]
    now_s, there = 2 * AGAIN_S, True
    abilities.try_again()
    abilities.try_again()
    assert tried == ["fast"] * 3
    assert abilities.about()["methods"] == ",".join(METHODS)


@pytest.mark.e2e
def test_a_real_worker_announces_what_it_can_do(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    spawn(max_side_px=64)
    (worker,) = live_workers(redis_connection)
    assert (worker["methods"], worker["max_side_px"]) == (",".join(METHODS), "64")
    assert refusal(chat, "palette").code == "size_unavailable"
