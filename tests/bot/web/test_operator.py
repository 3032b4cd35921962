"""The operator's page: off without a password, closed to wrong ones, and true."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bot.web.operator import OperatorPage
from nst.options import StyleOptions
from workers.blobs import Blobs, blob_hash
from workers.client import QueueClient
from workers.contract import Job

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
    for wrong in ("", "wrong", PASSWORD + "x", PASSWORD[:-1]):
        assert browser.get("/operator", auth=("anybody", wrong)).status_code == 401
    for header in ("Basic", "Basic %%%", "Bearer abc", "Basic " + "QQ"):
        assert browser.get("/operator", headers={"Authorization": header}).status_code == 401
    assert "Workers" not in browser.get("/operator", auth=("anybody", "wrong")).text
    assert "Workers" in browser.get("/operator", auth=("anybody", PASSWORD.encode())).text


def test_nobody_tries_many_passwords(browser: TestClient) -> None:
    answers = [browser.get("/operator", auth=("x", f"guess {number}")).status_code for number in range(12)]
    assert answers == [401] * 10 + [429] * 2
    assert browser.get("/operator", auth=("x", PASSWORD.encode())).status_code == 200


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
