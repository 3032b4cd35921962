"""Redis refuses for a while: a planned failover, too few replicas, a long script, no memory. No try is spent on it."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from prometheus_client import REGISTRY
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from bench.steady_redis import RedisPair, SteadyRedis
from nst.errors import BusyError, OperatorError
from workers.store import keys
from workers.store.connection import PATIENT, connect
from workers.store.refusals import refusal, said
from workers.worker.lease import LEASE_S

LUA = "ERR Error running script (call to f_119): @user_script:3: @user_script: 3: -"


@pytest.fixture
def pair() -> Iterator[RedisPair]:
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        servers = RedisPair(Path(folder))
        servers.start()
        yield servers
        servers.kill()


def tries_left(connection: redis.Redis, job_id: str) -> int:
    return int(connection.hget(keys.rq_job(job_id), "retries_left"))  # type: ignore[arg-type]


def submit(chat: Any, job_id: str, seed: int, user: str) -> None:
    """A frontend is told "later" after two seconds; whoever asks tries again. The same job twice is one."""
    while True:
        with contextlib.suppress(OperatorError, BusyError):
            chat.send(job_id, seed=seed, user=user)
            return


@pytest.mark.e2e
@pytest.mark.long
def test_a_planned_failover_under_load_loses_nothing_and_costs_no_try(
    pair: RedisPair, spawn: Any, chat_on: Callable[[str], Any], capfd: pytest.CaptureFixture[str]
) -> None:
    chat = chat_on(pair.url)
    workers = [spawn(url=pair.url) for _ in range(2)]
    jobs = [f"j{number}" for number in range(60)]

    def send() -> None:
        for number, job_id in enumerate(jobs):
            submit(chat_on(pair.url), job_id, seed=150, user=f"user{number % 7}")

    sending = threading.Thread(target=send)
    sending.start()
    for away_s, shown in ((1.0, 5), (0.0, 25)):
        chat.until(lambda shown=shown: len(chat.results()) >= shown, "results")
        pair.fail_over(away_s)
    sending.join()
    results = chat.wait_for(*jobs)
    assert [result.outcome for result in results] == ["done"] * len(jobs)
    assert len(chat.results()) == len(jobs), "each once"
    assert {tries_left(chat.connection, job_id) for job_id in jobs} == {2}
    assert [worker.poll() for worker in workers] == [None, None]
    assert "Redis takes nothing now (READONLY" in capfd.readouterr().err


@pytest.mark.e2e
def test_a_worker_that_waits_for_a_job_outlives_a_failover(
    pair: RedisPair, spawn: Any, chat_on: Callable[[str], Any]
) -> None:
    chat = chat_on(pair.url)
    worker = spawn(url=pair.url)
    pair.fail_over(away_s=1.0)  # BLMOVE is UNBLOCKED
    chat.send("after")
    assert [result.outcome for result in chat.wait_for("after")] == ["done"]
    assert worker.poll() is None


def no_replica(pair: RedisPair) -> Iterator[None]:
    with pair.master.speaking() as master:
        master.config_set("min-replicas-to-write", "1")
        pair.replica.kill()
        yield
        pair.replica.start()
        pair.follow()


def long_script(pair: RedisPair) -> Iterator[None]:
    with pair.master.speaking() as master, pair.master.speaking() as other:
        master.config_set("lua-time-limit", "1")
        endless = threading.Thread(target=_run, args=(other,))
        endless.start()
        while not _is_busy(master):
            pass
        yield
        master.script_kill()
        endless.join()


def _is_busy(client: redis.Redis) -> bool:
    try:
        return not client.ping()
    except RedisError as error:
        return "BUSY" in str(error)


def _run(client: redis.Redis) -> None:
    with contextlib.suppress(RedisError):
        client.eval("while true do end", 0)


def no_memory(pair: RedisPair) -> Iterator[None]:
    with pair.master.speaking() as master:
        master.config_set("maxmemory", "1")
        yield
        master.config_set("maxmemory", "0")


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.parametrize("trouble", [no_replica, long_script, no_memory])
def test_what_is_refused_for_longer_than_a_lease_costs_no_try(
    trouble: Callable[[RedisPair], Iterator[None]], pair: RedisPair, spawn: Any, chat_on: Callable[[str], Any]
) -> None:
    chat = chat_on(pair.url)
    worker = spawn(url=pair.url)
    chat.send("running", seed=2_000)
    chat.send("waiting", user="bob")
    chat.until(lambda: chat.state("running") == "running", "the start")
    with contextlib.contextmanager(trouble)(pair):
        with pytest.raises((OperatorError, BusyError)):
            chat.send("refused")
        ends_s = time.monotonic() + LEASE_S + 1
        chat.until(lambda: time.monotonic() > ends_s, "the lease's end")
        assert worker.poll() is None
    results = chat.wait_for("running", "waiting")
    assert [result.outcome for result in results] == ["done", "done"]
    assert len(chat.results()) == 2
    assert {tries_left(chat.connection, job_id) for job_id in ("running", "waiting")} == {2}
    assert worker.poll() is None


@pytest.mark.e2e
def test_a_worker_that_starts_while_redis_is_full_works_when_there_is_room(
    mortal_redis: SteadyRedis, spawn: Any, chat_on: Callable[[str], Any]
) -> None:
    chat = chat_on(mortal_redis.url)
    chat.send("j1")
    chat.connection.config_set("maxmemory", "1")
    relief = threading.Timer(6, chat.connection.config_set, ("maxmemory", "0"))
    relief.start()
    worker = spawn(url=mortal_redis.url)  # asserts that it lives until it announces itself
    assert [result.outcome for result in chat.wait_for("j1")] == ["done"]
    assert worker.poll() is None


def test_a_wait_is_to_be_seen_in_the_figures(pair: RedisPair, until: Any) -> None:
    def waits() -> float:
        return REGISTRY.get_sample_value("pastiche_store_refuses", {"word": "NOREPLICAS"}) or 0.0

    with connect(pair.url, retries=PATIENT) as patient:
        writing = threading.Thread(target=patient.set, args=("key", "value"))
        with contextlib.contextmanager(no_replica)(pair), pair.master.speaking() as master:
            until(lambda: not master.info("replication")["connected_slaves"], "the replica's end")
            writing.start()
            until(waits, "a wait")
        writing.join()
    assert waits() == 0


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ReadOnlyError("You can't write against a read only replica.", status_code="READONLY"), "READONLY"),
        (ResponseError(LUA + "READONLY You can't write against a read only replica."), "READONLY"),
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'.", status_code="OOM"), "OOM"),
        (ResponseError(LUA + "OOM command not allowed when used memory > 'maxmemory'."), "OOM"),
        (ResponseError("NOREPLICAS Not enough good replicas to write."), "NOREPLICAS"),
        (ResponseError("UNBLOCKED force unblock from blocking operation, instance state changed"), "UNBLOCKED"),
        (ResponseError("BUSY Redis is busy running a script."), "BUSY"),
        (ResponseError("BUSYGROUP Consumer Group name already exists"), ""),
        (ResponseError("WRONGTYPE Operation against a key"), ""),
        (ResponseError("Command # 1 (SET caption I am BUSY and OOM too) of pipeline caused error: WRONGTYPE"), ""),
        (ValueError("READONLY this is not"), ""),
    ],
)
def test_refusals_are_known_by_redis_own_word(error: Exception, word: str) -> None:
    assert refusal(error) == word


def test_what_redis_said_is_repeated_without_the_command() -> None:
    error = ResponseError("Command # 2 (SET caption my secret) of pipeline caused error: NOREPLICAS Not enough good")
    assert said(error) == "NOREPLICAS Not enough good"
