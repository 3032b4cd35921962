"""Redis behind Sentinel: a real master, replica and sentinel; the master is killed and work goes on."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from nst.errors import OperatorError
from tests.ports import reserved_port
from workers.store import keys
from workers.store.connection import connect, connect_async
from workers.store.embedded_redis import server_binary
from workers.store.sentinel import SentinelAddress

_FAILOVER_JOBS = int(os.environ.get("FAILOVER_JOBS", "20"))  # at least; 500 for the long variant
_PASSWORD = "pass/word"  # noqa: S105 - of servers that live for one test


@dataclass
class Guarded:
    """A master with a replica, watched by a sentinel."""

    url: str
    master: subprocess.Popen[bytes]
    master_port: int
    replica_port: int
    sentinel_port: int

    def keep_what_is_written(self) -> None:
        """As the documentation has it: a master without a replica takes nothing, so a failover loses nothing."""
        for port in (self.master_port, self.replica_port):
            with redis.Redis(port=port, password=_PASSWORD) as server:
                server.config_set("min-replicas-to-write", 1)

    def fail_over(self) -> None:
        """Ask the sentinel to exchange master and replica."""
        with redis.Redis(port=self.sentinel_port) as sentinel:
            sentinel.execute_command("SENTINEL FAILOVER", "pictures")

    def master_is_at(self, port: int) -> bool:
        """Whether the sentinel names the server of a port as the master."""
        with redis.Redis(port=self.sentinel_port) as sentinel:
            found: Any = sentinel.sentinel_get_master_addr_by_name("pictures")
        return bool(found[1] == port)

    def in_step(self) -> bool:
        """Whether the sentinel knows a replica that has all."""
        with redis.Redis(port=self.sentinel_port) as sentinel:
            found: Any = sentinel.sentinel_slaves("pictures")
        return any(one["master-link-status"] == "ok" for one in found)


@pytest.fixture
def ports() -> Iterator[list[int]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(reserved_port()) for _ in range(3)]


@pytest.fixture
def guarded(ports: list[int], tmp_path: Path, until: Any) -> Iterator[Guarded]:
    master, replica, sentinel = ports
    processes: list[subprocess.Popen[bytes]] = []

    def run(*words: object) -> subprocess.Popen[bytes]:
        command = [server_binary(), *map(str, words)]
        processes.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL))
        return processes[-1]

    def server(port: int, *words: object) -> subprocess.Popen[bytes]:
        (folder := tmp_path / str(port)).mkdir()
        secrets = ("--requirepass", _PASSWORD, "--masterauth", _PASSWORD)
        process = run("--port", port, "--bind", "127.0.0.1", "--dir", folder, *secrets, *words)
        until(lambda: answers(port, _PASSWORD), "a server")
        return process

    first = server(master)
    server(replica, "--replicaof", "127.0.0.1", master)
    configuration = tmp_path / "sentinel.conf"
    configuration.write_text(
        f"port {sentinel}\nbind 127.0.0.1\nsentinel monitor pictures 127.0.0.1 {master} 1\n"
        f'sentinel auth-pass pictures "{_PASSWORD}"\n'
        "sentinel down-after-milliseconds pictures 1500\nsentinel failover-timeout pictures 2000\n"
    )
    run(configuration, "--sentinel")
    until(lambda: answers(sentinel), "the sentinel")
    url = f"redis+sentinel://:pass%2Fword@127.0.0.1:1,127.0.0.1:{sentinel}/pictures/0"
    found = Guarded(url, first, master, replica, sentinel)
    until(found.in_step, "a replica in step", 30)
    yield found
    for process in processes:
        process.kill()
        process.wait()


def answers(port: int, password: str = "") -> bool:
    with contextlib.suppress(redis.RedisError), redis.Redis(port=port, password=password or None) as client:
        return bool(client.ping())
    return False


def sent(chat: Any, job_id: str, **how: Any) -> bool:
    """A frontend is told "later" after two seconds; whoever asks tries again. The same job twice is one."""
    with contextlib.suppress(OperatorError):
        chat.send(job_id, **how)
        return True
    return False


@pytest.mark.e2e
def test_jobs_survive_the_death_of_the_master(
    guarded: Guarded, spawn: Callable[..., Any], chat_on: Callable[[str], Any], until: Any
) -> None:
    chat = chat_on(guarded.url)
    spawn(url=guarded.url)
    chat.send("before")
    chat.wait_for("before")
    chat.connection.wait(1, 5000)
    guarded.master.kill()
    guarded.master.wait()
    until(lambda: sent(chat, "after"), "a new master", 60)
    chat.wait_for("after", deadline_s=60)
    assert chat.connection.info("server")["tcp_port"] == guarded.replica_port
    assert [result.job_id for result in chat.results()] == ["before", "after"]


@pytest.mark.e2e
@pytest.mark.long
def test_a_failover_that_sentinel_makes_under_load_loses_nothing_and_spends_no_try(
    guarded: Guarded, spawn: Callable[..., Any], chat_on: Callable[[str], Any], until: Any
) -> None:
    guarded.keep_what_is_written()
    chat, sender = chat_on(guarded.url), chat_on(guarded.url)
    workers = [spawn(url=guarded.url) for _ in range(2)]
    jobs: list[str] = []
    exchanged = threading.Event()

    def send() -> None:
        while not exchanged.is_set() or len(jobs) < _FAILOVER_JOBS:
            jobs.append(job_id := f"j{len(jobs)}")
            user = f"user{len(jobs) % 7}"
            until(lambda job_id=job_id, user=user: sent(sender, job_id, seed=150, user=user), job_id, 60)

    sending = threading.Thread(target=send)
    sending.start()
    until(lambda: len(chat.results()) >= 5, "results")
    guarded.fail_over()
    until(lambda: guarded.master_is_at(guarded.replica_port), "the exchange", 60)
    exchanged.set()
    sending.join()
    results = chat.wait_for(*jobs)
    assert chat.connection.info("server")["tcp_port"] == guarded.replica_port
    assert [result.outcome for result in results] == ["done"] * len(jobs)
    assert len(chat.results()) == len(jobs), "each once"
    assert {chat.connection.hget(keys.rq_job(job_id), "retries_left") for job_id in jobs} == {b"2"}
    assert [worker.poll() for worker in workers] == [None, None]


async def test_readers_find_the_master_too(guarded: Guarded) -> None:
    with connect(guarded.url) as connection:
        connection.set("key", "value")
    async with await connect_async(guarded.url) as reading:
        assert await reading.get("key") == b"value"


def test_all_of_an_address_is_read() -> None:
    address = SentinelAddress.parse("rediss+sentinel://ann:s%40cret@a:1,b/mine/3?sentinel_password=other")
    assert address == SentinelAddress((("a", 1), ("b", 26379)), "mine", 3, True, "ann", "s@cret", "other")
    assert "cret" not in repr(address)
    assert "other" not in repr(address)


@pytest.mark.parametrize("tail", ["127.0.0.1:26379", "127.0.0.1:26379/", "127.0.0.1:port/mine", "127.0.0.1:1/mine"])
def test_a_wrong_address_is_told_without_its_passwords(tail: str) -> None:
    with pytest.raises(OperatorError) as caught:
        connect(f"redis+sentinel://:hush@{tail}?sentinel_password=whisper")
    assert caught.value.code == "queue_unavailable"
    assert not {"hush", "whisper"} & set(str(caught.value.detail).replace("@", " ").replace("=", " ").split())
