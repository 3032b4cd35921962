"""The operator's page: off without a password, closed to wrong ones, and true."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import httpx
import pytest
import redis
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bot.texts import explain
from bot.web.operator_page import NEXT, OperatorPage
from bot.web.protection.throttle import PASSWORDS
from nst.errors import JobError
from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.client.forgetting import forget_job
from workers.client.outbox import post_terminal
from workers.client.progress import write_event
from workers.contract import Event, Job, Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash

PASSWORD = "correct horse, battery: stäple"  # noqa: S105 - the tests' own


@pytest.fixture
def browser(redis_connection: redis.Redis) -> Iterator[TestClient]:
    site = Starlette(routes=OperatorPage(redis_connection, PASSWORD, "en").routes())
    with TestClient(site) as client:
        yield client


def test_only_the_password_opens_it(browser: TestClient) -> None:
    answer = browser.get("/operator")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    for wrong in ("", PASSWORD + "x", PASSWORD[:-1]):
        assert browser.get("/operator", auth=("anybody", wrong)).status_code == 401
    for header in ("Basic", "Basic %%%", "Bearer abc", "Basic " + "QQ"):
        assert browser.get("/operator", headers={"Authorization": header}).status_code == 401
    assert "Workers" not in browser.get("/operator", auth=("anybody", "wrong")).text
    assert "Workers" in browser.get("/operator", auth=("anybody", PASSWORD.encode())).text


def test_nobody_tries_many_passwords_and_the_right_one_does_not_open_a_locked_door(browser: TestClient) -> None:
    answers = [browser.get("/operator", auth=("x", f"guess {number}")).status_code for number in range(12)]
    assert answers == [401] * 10 + [429] * 2
    locked = browser.get("/operator", auth=("x", PASSWORD.encode()))
    assert locked.status_code == 429
    assert "Workers" not in locked.text
    assert browser.get("/operator").status_code == 401, "who shows no password is only asked for one"


def test_of_guesses_sent_at_once_no_more_are_looked_at(redis_connection: redis.Redis) -> None:
    site = Starlette(routes=OperatorPage(redis_connection, PASSWORD, "en").routes())

    async def guess_at_once() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://inside") as client:
            asked = (client.get("/operator", auth=("x", f"guess {number}")) for number in range(40))
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert sorted(asyncio.run(guess_at_once())) == [401] * 10 + [429] * 30


def test_many_addresses_do_not_help_for_ever(redis_connection: redis.Redis) -> None:
    site = Starlette(routes=OperatorPage(redis_connection, PASSWORD, "en").routes())
    answers = []
    for place in range(PASSWORDS.in_all + 2):
        with TestClient(site, client=(f"192.0.2.{place % 200}", 1)) as visitor:
            answers.append(visitor.get("/operator", auth=("x", "guess")).status_code)
    assert answers == [401] * PASSWORDS.in_all + [429] * 2


def test_the_right_password_counts_for_nothing(browser: TestClient, redis_connection: redis.Redis) -> None:
    opened = [browser.get("/operator", auth=("x", PASSWORD.encode())).status_code for _ in range(30)]
    assert opened == [200] * 30
    assert {redis_connection.get(key) for key in redis_connection.scan_iter("pastiche:web:rate:*")} == {b"0"}
    assert all(redis_connection.ttl(key) > 600 for key in redis_connection.scan_iter("pastiche:web:rate:*"))


def test_it_tells_what_waits_and_that_no_worker_is_up(browser: TestClient, redis_connection: redis.Redis) -> None:
    picture = Blobs(redis_connection).put(b"\x89PNG stands for a picture here")
    for number in range(3):
        job = Job(job_id=f"j{number}", frontend="web", content=picture, styles=(picture,), options=StyleOptions())
        QueueClient(redis_connection).submit(job)
    page = browser.get("/operator", auth=("x", PASSWORD.encode())).text
    assert "<strong>3</strong><span>wait in the fast queue</span>" in page
    assert "<strong>0</strong><span>wait in the slow queue</span>" in page
    assert "No worker is up" in page
    assert blob_hash(b"\x89PNG stands for a picture here") not in page


def test_it_tells_of_each_job_when_it_will_be_ready_and_why_it_failed(
    browser: TestClient, redis_connection: redis.Redis
) -> None:
    def show() -> list[list[str]]:
        page = browser.get("/operator", auth=("x", PASSWORD.encode())).text
        rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", page)]
        return [row for row in rows if row[0].startswith("job")]

    picture = Blobs(redis_connection).put(b"\x89PNG stands for a picture here")
    plain = Job(job_id="job0", frontend="web", content=picture, styles=(picture,), options=StyleOptions(), user="ann")
    for number in range(NEXT + 4):
        QueueClient(redis_connection).submit(replace(plain, job_id=f"job{number:02}", user=f"user{number}"))
    assert [row[3] for row in show()] == ["–"] * NEXT
    kind = cast("bytes", redis_connection.hget(keys.record("job00"), "kind")).decode()
    redis_connection.hset(keys.SERVICE_TIMES, kind, 10)
    redis_connection.sadd(keys.WORKERS, "w1")
    redis_connection.hset(keys.ready("w1"), "queues", "fast")
    assert show()[:2] == [["job00", kind, "Queued, position 1", "10 s"], ["job01", kind, "Queued, position 2", "20 s"]]
    redis_connection.lrem(keys.rq_queue("fast"), 1, "job00")
    redis_connection.zadd(keys.rq_started("fast"), {"job00:1": 1})
    running = Event(job_id="job00", frontend="web", state="running", step=40, steps=200, eta_s=240)
    write_event(redis_connection, running)
    assert show()[0] == ["job00", kind, "Painting … step 40 of 200", "4 min"]
    for number in range(1, 4):
        error = JobError("job_out_of_memory", {"job_id": f"job0{number}"})
        post_terminal(redis_connection, Result.failure(replace(plain, job_id=f"job0{number}"), error))
    forget_job(redis_connection, "job02")
    failed = [row for row in show() if "job_out_of_memory" in row]
    assert [row[0] for row in failed] == ["job03", "job01"]
    assert failed[0][2] == "fast"
    assert explain(JobError("job_out_of_memory", {"job_id": "job03"})) == html.unescape(failed[0][4])
    assert re.search(r"<time datetime=.*UTC</time>", failed[0][1])
