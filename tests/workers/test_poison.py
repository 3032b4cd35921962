"""A record in the queue that nobody can read ends no worker: it is given up once, and the next job is done."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.peers.web_host import INSIDE, answer, open_host, picture
from workers.client.reaper import reap_once
from workers.contract import Job
from workers.store import keys

pytestmark = pytest.mark.e2e
Poison = Callable[[redis.Redis, str], object]


def field(name: str, value: Any) -> Poison:
    return lambda connection, job_id: connection.hset(keys.rq_job(job_id), name, value)


def arguments(text: str) -> Poison:
    return field("data", zlib.compress(text.encode()))


def job_as(change: Callable[[str], str]) -> Poison:
    def poison(connection: redis.Redis, job_id: str) -> None:
        text = connection.hget(keys.record(job_id), "job").decode()  # type: ignore[union-attr]
        arguments(json.dumps(["workers.tasks.stylize", None, [change(text)], {}]))(connection, job_id)

    return poison


def with_field(name: str, value: Any) -> Poison:
    return job_as(lambda text: json.dumps(json.loads(text) | {name: value}))


def of_another_type(connection: redis.Redis, job_id: str) -> None:
    connection.delete(keys.rq_job(job_id))
    connection.set(keys.rq_job(job_id), "text")


READABLE_IN_PART = {
    "no data": lambda connection, job_id: connection.hdel(keys.rq_job(job_id), "data"),
    "gone": lambda connection, job_id: connection.delete(keys.rq_job(job_id)),
    "another type": of_another_type,
    "damaged data": field("data", b"\xff\xfe not zlib, not JSON"),
    "no arguments": arguments("[]"),
    "too many arguments": arguments('["workers.tasks.stylize", null, ["a", "b"], {}]'),
    "deep arguments": arguments("[" * 100_000),
    "a long number": field("timeout", "9" * 309),
    "a longer number": field("timeout", "9" * 5000),
    "no timeout": field("timeout", "-1"),
    "a timeout in words": field("timeout", "soon"),
    "no date": field("created_at", "yesterday"),
    "no state": field("status", "melted"),
    "no text": field("origin", b"\xff"),
    "another queue": field("origin", "elsewhere"),
    "the other queue": field("origin", "slow"),
    "tries without end": field("retries_left", "1000000000"),
    "no tries": field("retries_left", "many"),
    "no job": job_as(lambda text: "no JSON"),
    "a deep job": job_as(lambda text: '{"version":' + "[" * 100_000),
    "version []": with_field("version", []),
    "numbers of 309 digits": job_as(lambda text: text.replace('"frames":1', '"frames":' + "9" * 309)),
    "no address": with_field("reply_to", "here"),
    "no styles": with_field("styles", 7),
    "no name": with_field("job_id", []),
    "an option of 309 digits": with_field("options", {"max_side_px": 10**309}),
    "options": with_field("options", ["fast"]),
}


def test_records_that_nobody_can_read(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    names = {f"poison{number}": name for number, name in enumerate(READABLE_IN_PART)}
    for job_id, name in names.items():
        chat.send(job_id, user=job_id)
        READABLE_IN_PART[name](redis_connection, job_id)
    redis_connection.rpush(keys.rq_queue("fast"), b"\xff\xfe", b"no id \x00", b"nobody-knows-it")
    worker = spawn()
    chat.send("good")
    results = {result.job_id: result for result in chat.wait_for("good", *names)}
    assert results["good"].outcome == "done"
    assert {names[job_id]: results[job_id].outcome for job_id in names} == dict.fromkeys(names.values(), "failed")
    codes = {names[job_id]: (results[job_id].error or {})["code"] for job_id in names}
    assert {name for name, code in codes.items() if code != "job_failed"} <= {"an option of 309 digits", "options"}
    assert worker.poll() is None
    assert len(chat.results()) == len(names) + 1, "each is told once"
    chat.until(lambda: not redis_connection.exists(*_lists()), "an empty queue")
    assert not any(redis_connection.zcard(keys.pending(job_id)) for job_id in names)


@pytest.mark.parametrize("text", ["no JSON", '{"version":1}'])
def test_records_that_say_no_more_than_whose_they_are(
    chat: Any, spawn: Any, redis_connection: redis.Redis, text: str
) -> None:
    chat.send("bad")
    redis_connection.hset(keys.record("bad"), mapping={"job": text, "event": "?", "spent_s": "long"})
    arguments(json.dumps(["workers.tasks.stylize", None, [text], {}]))(redis_connection, "bad")
    worker = spawn()
    chat.send("good")
    (bad,) = (result for result in chat.wait_for("bad", "good") if result.job_id == "bad")
    assert (bad.outcome, bad.frontend, bad.user) == ("failed", "web", "ann")
    assert worker.poll() is None


def test_what_is_known_of_a_job_besides_may_be_anything(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    job: Job = chat.send("odd")
    redis_connection.hset(keys.record("odd"), mapping={"event": "?", "spent_s": "long", "checkpoint": b"\xff"})
    worker = spawn()
    (odd,) = chat.wait_for("odd")
    assert odd.outcome == "done"
    from workers.store.made_before import made_key

    redis_connection.set(made_key(job), '{"model":["?"]}')
    chat.send("again")
    (again,) = chat.wait_for("again")
    assert again.outcome == "done"
    assert worker.poll() is None


def test_a_worker_asks_no_address_that_a_job_names(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    """People's addresses are fetched by frontends, which look where they lead."""
    with open_host() as host:
        address = f"http://{INSIDE}:{host.port}/a.png"
        host.pages["/a.png"] = answer(picture())
        for name, value in (("content", address), ("styles", [address]), ("mask", address)):
            chat.send(name, user=name)
            with_field(name, value)(redis_connection, name)
        spawn()
        results = chat.wait_for("content", "styles", "mask")
        assert [result.outcome for result in results] == ["failed"] * 3
        assert not host.connections


def test_a_stray_record_is_given_up_too(chat: Any, spawn: Any, redis_connection: redis.Redis) -> None:
    """Its worker died between taking and starting it, as those did that it killed."""
    chat.send("bad")
    field("origin", b"\xff")(redis_connection, "bad")
    redis_connection.lmove(keys.rq_queue("fast"), keys.rq_intermediate("fast"))
    chat.until(lambda: reap_once(redis_connection) or redis_connection.llen(keys.rq_queue("fast")), "its return")
    worker = spawn()
    (bad,) = chat.wait_for("bad")
    assert bad.outcome == "failed"
    assert worker.poll() is None


def _lists() -> list[str]:
    lists = [name(queue) for queue in ("fast", "slow") for name in (keys.rq_queue, keys.rq_intermediate)]
    return [*lists, *(keys.rq_started(queue) for queue in ("fast", "slow"))]
