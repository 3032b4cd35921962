"""What the images run beside pastiche itself: start of a frontend, health, metrics."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.peers.telegram.peer import TOKEN, TelegramPeer
from tests.ports import reserved_port
from workers.client.outbox import Delivery, OutboxReader
from workers.store import keys
from workers.store.connection import connect_async
from workers.worker.lease import Lease

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
IMAGE = ROOT / "deploy/image"
Health = Callable[..., "subprocess.CompletedProcess[str]"]


def frontend(name: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Start frontend.sh where `pastiche` is a program that prints what it was given."""
    program = folder / "pastiche"
    program.write_text('#!/bin/sh\necho "started: $*"\nexit 7\n')
    program.chmod(0o755)
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    command = ["sh", str(IMAGE / "frontend.sh"), name]
    return subprocess.run(command, env=path | environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "setting"), [("discord", "DISCORD_TOKEN"), ("telegram", "TELEGRAM_TOKEN")])
def test_a_frontend_without_a_token_stays_off_and_says_so(name: str, setting: str, tmp_path: Path) -> None:
    for environment in ({}, {setting: ""}):
        off = frontend(name, environment, tmp_path)
        assert off.returncode == 0
        assert off.stdout == f"{setting} is not set: the {name.capitalize()} bot stays off.\n"


@pytest.mark.parametrize(("name", "setting"), [("discord", "DISCORD_TOKEN"), ("telegram", "TELEGRAM_TOKEN")])
def test_a_frontend_with_a_token_starts_and_its_exit_code_is_kept(name: str, setting: str, tmp_path: Path) -> None:
    on = frontend(name, {setting: "token"}, tmp_path)
    assert (on.stdout, on.returncode) == (f"started: {name}\n", 7)


@pytest.fixture
def health(redis_url: str) -> Health:
    """Runs health.py against this test's Redis."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(IMAGE / "health.py"), *arguments]
        variables = os.environ | {"REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)} | environment
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)

    return run


def test_a_worker_is_healthy_while_it_touches_its_file(health: Health, tmp_path: Path) -> None:
    file = tmp_path / "healthy"
    assert health("worker", str(file)).returncode == 1  # not warm yet
    file.touch()
    assert health("worker", str(file)).returncode == 0
    os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 60))
    frozen = health("worker", str(file))
    assert frozen.returncode == 1
    assert "no beat for 6" in frozen.stderr


async def test_a_frontend_is_healthy_while_it_reads_its_results(
    health: Health, redis_url: str, redis_connection: redis.Redis, until: Any
) -> None:
    assert (await asyncio.to_thread(health, "frontend")).returncode == 1
    async with await connect_async(redis_url) as connection:
        reader = OutboxReader(connection, "discord")
        reading: asyncio.Future[Delivery] = asyncio.ensure_future(anext(reader.deliveries()))
        await asyncio.to_thread(until, lambda: _readers(redis_connection), "a reader")
        assert (await asyncio.to_thread(health, "frontend")).returncode == 0
        reading.cancel()
    await asyncio.to_thread(until, lambda: not _readers(redis_connection), "its end")
    assert (await asyncio.to_thread(health, "frontend")).returncode == 1


def _readers(connection: redis.Redis) -> list[Any]:
    return [client for client in connection.client_list() if client["cmd"] == "xreadgroup"]


@pytest.fixture
def web(redis_url: str, tmp_path: Path, until: Any) -> Iterator[str]:
    """A real web chat; its port."""
    with reserved_port() as number:
        port = str(number)
        variables = {"REDIS_URL": redis_url, "WEB_HOST": "0.0.0.0", "WEB_PORT": port, "DATA_DIR": str(tmp_path)}  # noqa: S104
        process = subprocess.Popen([sys.executable, "-m", "bot", "web"], cwd=ROOT, env=os.environ | variables)
        until(lambda: _answers(port) or process.poll() is not None, "the web chat")
        yield port
        process.terminate()
        process.wait(60)


def _answers(port: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_the_web_chat_is_healthy_while_it_answers(health: Health, web: str) -> None:
    assert health("web", WEB_HOST="0.0.0.0", WEB_PORT=web).returncode == 0  # noqa: S104
    assert health("web", WEB_HOST="127.0.0.1", WEB_PORT="1").returncode == 1


def test_the_exporter_tells_what_waits_and_who_works(redis_url: str, redis_connection: redis.Redis) -> None:
    redis_connection.rpush(keys.rq_queue("fast"), "a", "b")
    Lease(redis_connection, "the-worker", lambda: {"name": "the-worker", "queues": "fast"}).renew()
    command = [sys.executable, str(IMAGE / "exporter.py"), "127.0.0.1", "0"]
    variables = os.environ | {"REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)}
    exporter = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
    assert exporter.stdout
    try:
        address = exporter.stdout.readline().removeprefix("metrics at ").strip()
        text = httpx.get(address).text
    finally:
        exporter.terminate()
    assert 'pastiche_queue_waiting{queue="fast"} 2.0' in text
    assert 'pastiche_worker_up{queues="fast",worker="the-worker"} 1.0' in text
    assert exporter.wait(90) == 0


def test_a_real_frontend_is_healthy_until_it_ends(serve: Any, tmp_path: Path, health: Health, until: Any) -> None:
    program = tmp_path / "pastiche"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m bot "$@"\n')
    program.chmod(0o755)
    with TelegramPeer() as peer:
        settings = {"REDIS_URL": serve(tmp_path / "redis"), "TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": peer.url}
        path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        command = ["sh", str(IMAGE / "frontend.sh"), "telegram"]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | settings | path)
        try:
            until(lambda: health("frontend", **settings).returncode == 0 or process.poll() is not None, "its health")
            assert process.poll() is None
        finally:
            process.terminate()
        assert process.wait(90) == 0  # on-failure leaves it off, as one wants of a stopped one
    until(lambda: health("frontend", **settings).returncode == 1, "its end")
