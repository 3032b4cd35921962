"""Redis is slow, silent, away for longer than a lease, encrypted, or cannot write its file: nothing is lost."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme

from bench.steady_redis import SteadyRedis
from nst.errors import OperatorError
from tests.workers.slow_proxy import SlowProxy
from workers.store import keys
from workers.store.connection import connect
from workers.worker.lease import LEASE_S

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.fixture
def between(mortal_redis: SteadyRedis) -> Iterator[Callable[..., SlowProxy]]:
    """Puts a proxy before the test's own Redis."""
    with ExitStack() as stack:
        path = mortal_redis.url.removeprefix("unix://")
        yield lambda **how: stack.enter_context(SlowProxy(path, **how))


def refusal(chat: Any) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        chat.send("refused")
    return caught.value


def test_200_ms_a_command_are_slow_and_nothing_worse(
    mortal_redis: SteadyRedis, between: Callable[..., SlowProxy], chat_on: Callable[[str], Any], spawn: Any
) -> None:
    network = between()
    chat, far = chat_on(mortal_redis.url), chat_on(network.url)
    worker = spawn(url=network.url)
    network.delay_s = 0.2
    far.send("j1", seed=2_000)
    (result,) = chat.wait_for("j1", deadline_s=120)
    assert result.outcome == "done"
    assert len(chat.results()) == 1
    assert chat.connection.hget(keys.rq_job("j1"), "retries_left") == b"2", "no lease was lost"
    assert far.client.result("j1").outcome == "done"
    assert worker.poll() is None


def test_a_redis_that_is_away_for_longer_than_a_lease(
    mortal_redis: SteadyRedis, chat_on: Callable[[str], Any], spawn: Any
) -> None:
    chat = chat_on(mortal_redis.url)
    worker = spawn(url=mortal_redis.url)
    chat.send("running", seed=1_000)
    chat.send("waiting", user="bob")
    chat.until(lambda: chat.state("running") == "running", "the start")
    mortal_redis.kill()
    back_s = time.monotonic() + LEASE_S + 1
    while time.monotonic() < back_s:
        assert refusal(chat).code == "queue_unavailable"
    mortal_redis.start()
    results = chat.wait_for("running", "waiting", deadline_s=120)
    assert {result.outcome for result in results} == {"done"}
    assert len(chat.results()) == 2
    chat.send("after")
    chat.wait_for("after")
    assert worker.poll() is None


def test_a_host_that_answers_nothing_is_told_of_and_comes_back(
    mortal_redis: SteadyRedis, between: Callable[..., SlowProxy], chat_on: Callable[[str], Any], spawn: Any
) -> None:
    network = between()
    worker = spawn(url=network.url)
    chat, far = chat_on(mortal_redis.url), chat_on(network.url)
    far.send("running", seed=1_000)
    chat.until(lambda: chat.state("running") == "running", "the start")
    with network.silence():
        assert refusal(far).code == "queue_unavailable"
    far.send("after", user="bob")
    results = chat.wait_for("running", "after", deadline_s=120)
    assert {result.outcome for result in results} == {"done"}
    assert len(chat.results()) == 2
    assert worker.poll() is None


def test_a_full_disk_is_said_and_loses_nothing(
    mortal_redis: SteadyRedis, chat_on: Callable[[str], Any], spawn: Any
) -> None:
    chat = chat_on(mortal_redis.url)
    worker = spawn(url=mortal_redis.url)
    chat.send("running", seed=1_000)
    chat.send("waiting", user="bob")
    chat.until(lambda: chat.state("running") == "running", "the start")
    mortal_redis.limit_files(1)
    chat.until(lambda: chat.connection.info("persistence")["aof_last_write_status"] == "err", "a failed write")
    error = refusal(chat)
    assert error.code == "queue_cannot_save"
    assert "AOF" in str(error.detail["reason"])
    chat.until(lambda: not chat.connection.keys("pastiche:lease:*"), "the lease's end")
    assert worker.poll() is None
    mortal_redis.limit_files()
    results = chat.wait_for("running", "waiting", deadline_s=120)
    assert sorted(result.outcome for result in results) == ["done", "done"]
    assert len(chat.results()) == 2
    assert worker.poll() is None


def test_tls_and_a_password_by_url(
    mortal_redis: SteadyRedis,
    between: Callable[..., SlowProxy],
    chat_on: Callable[[str], Any],
    spawn: Any,
    tmp_path: Path,
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    secure = between(tls=context)
    with connect(mortal_redis.url) as near:
        near.config_set("requirepass", "pass")
    url = secure.url.replace("redis://", "rediss://:pass@") + f"?ssl_ca_certs={tmp_path}/ca.pem"
    spawn(url=url)
    chat = chat_on(url)
    chat.send("j1")
    assert [result.outcome for result in chat.wait_for("j1")] == ["done"]
    with pytest.raises(OperatorError):
        connect(url.partition("?")[0])  # an authority that this machine does not know
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(unix_socket_path=mortal_redis.url.removeprefix("unix://")).ping()
