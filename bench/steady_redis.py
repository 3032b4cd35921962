"""A Redis that can be killed and started again at the same address, for the chaos runs."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import time
from pathlib import Path

import redis

from workers.embedded_redis import server_binary

_START_TIMEOUT_S = 60.0


class SteadyRedis:
    """redis-server over one folder, with the settings that README asks of an operator.

    Args:
        folder: Short (a Unix socket's path holds 107 bytes); its append-only file lives there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The same over all restarts."""
        return f"unix://{self._folder}/redis.sock"

    @property
    def pid(self) -> int:
        """Of the running server; 0 when there is none."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it and wait until it has read its file and answers."""
        options = {
            "port": "0",
            "unixsocket": f"{self._folder}/redis.sock",
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": "redis.log",
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        # Signals as they are here: Python ignores SIGXFSZ, so that a limit on its files is an error like a full disk.
        self._process = subprocess.Popen(  # noqa: S603
            [server_binary(), *arguments], stdout=subprocess.DEVNULL, restore_signals=False
        )
        ends_s = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < ends_s:
            with contextlib.suppress(redis.RedisError, OSError), redis.Redis.from_url(self.url, retry=None) as client:
                client.ping()
                return
            time.sleep(0.02)
        raise TimeoutError("redis-server did not start")

    def limit_files(self, size_bytes: int = resource.RLIM_INFINITY) -> None:
        """Let no file of the running server grow beyond a size, as if its disk were full there."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))

    def kill(self) -> None:
        """SIGKILL; harmless when it does not run."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
