"""Redis behind Sentinel: a real master, replica and sentinel; the master is killed and work goes on."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from nst.errors import OperatorError
from tests.ports import reserved_port
from workers.connection import connect, connect_async
from workers.embedded_redis import server_binary
from workers.sentinel import SentinelAddress

_PASSWORD = "pass/word"  # noqa: S105 - of servers that live for one test


@dataclass
class Guarded:
    """A master with a replica, watched by a sentinel."""

    url: str
    master: subprocess.Popen[bytes]
    master_port: int
    replica_port: int
    sentinel_port: int

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


def sent(chat: Any, job_id: str) -> bool:
    """A frontend is told "later" after two seconds; whoever asks tries again. The same job twice is one."""
    with contextlib.suppress(OperatorError):
        chat.send(job_id)
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
