"""A Redis that can be killed and started again at the same address, or one that another takes over, for chaos runs."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import redis

from tests.ports import reserved_port
from workers.store.embedded_redis import server_binary

_START_TIMEOUT_S = 60.0


class SteadyRedis:
    """redis-server over one folder, with the settings that README asks of an operator.

    Args:
        folder: Short (a Unix socket's path holds 107 bytes); its append-only file lives there.
        more: Further options of the server.
    """

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._more = dict(more or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket_path(self) -> str:
        """Where it listens."""
        return f"{self._folder}/redis.sock"

    @property
    def url(self) -> str:
        """The same over all restarts."""
        return f"unix://{self.socket_path}"

    @property
    def pid(self) -> int:
        """Of the running server; 0 when there is none."""
        return self._process.pid if self._process else 0

    @contextlib.contextmanager
    def speaking(self) -> Iterator[redis.Redis]:
        """A plain client of it."""
        with redis.Redis.from_url(self.url, retry=None) as client:
            yield client

    def start(self) -> None:
        """Start it and wait until it has read its file and answers."""
        options = {
            "port": "0",
            "unixsocket": self.socket_path,
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": "redis.log",
        } | self._more
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        # Signals as they are here: Python ignores SIGXFSZ, so that a limit on its files is an error like a full disk.
        self._process = subprocess.Popen(  # noqa: S603
            [server_binary(), *arguments], stdout=subprocess.DEVNULL, restore_signals=False
        )
        ends_s = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < ends_s:
            with contextlib.suppress(redis.RedisError, OSError), self.speaking() as client:
                client.ping()
                return
            time.sleep(0.02)
        raise TimeoutError("redis-server did not start")

    def limit_files(self, size_bytes: int = resource.RLIM_INFINITY) -> None:
        """Let no file of the running server grow beyond a size, as if its disk were full there."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))

    @contextlib.contextmanager
    def without_what_follows(self) -> Iterator[None]:
        """At the block's end its host dies and starts again, and what was written in the block is lost."""
        file = max(self._folder.rglob("*.aof"), key=lambda path: path.stat().st_mtime)
        size_bytes = file.stat().st_size
        yield
        self.kill()
        os.truncate(file, size_bytes)
        self.start()

    def kill(self) -> None:
        """SIGKILL; harmless when it does not run."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


class RedisPair:
    """A master and its replica behind one address, which is a link to the master's socket.

    Args:
        folder: As ``SteadyRedis``'.
    """

    def __init__(self, folder: Path) -> None:
        self._link = folder / "redis.sock"
        self._ends = contextlib.ExitStack()
        self._ports = [self._ends.enter_context(reserved_port()) for _ in range(2)]
        self._servers = [self._server(folder / f"redis{port}", port) for port in self._ports]

    def _server(self, folder: Path, port: int) -> SteadyRedis:
        folder.mkdir()
        return SteadyRedis(folder, {"port": str(port), "bind": "127.0.0.1", "repl-diskless-sync-delay": "0"})

    @property
    def url(self) -> str:
        """The master's, whoever it is."""
        return f"unix://{self._link}"

    @property
    def master(self) -> SteadyRedis:
        """Whoever takes writes."""
        return self._servers[0]

    @property
    def replica(self) -> SteadyRedis:
        """The other one."""
        return self._servers[1]

    def start(self) -> None:
        """Start both and wait until they are in step."""
        for server in self._servers:
            server.start()
        self._point()
        self.follow()

    def follow(self, timeout_s: float = 60.0) -> None:
        """Let the replica follow the master, and wait until it has all."""
        with self.replica.speaking() as client:
            client.replicaof("127.0.0.1", self._ports[0])
            ends_s = time.monotonic() + timeout_s
            while client.info("replication")["master_link_status"] != "up":
                if time.monotonic() > ends_s:
                    raise TimeoutError("the replica does not follow")
                time.sleep(0.02)

    def fail_over(self, away_s: float = 0.0, timeout_s: float = 60.0) -> None:
        """A planned failover: writes wait until the replica has all and is the master; then the address leads there.

        Args:
            away_s: So long the address still leads to the old master, which takes no writes any more.
            timeout_s: After which it is given up.
        """
        with self.master.speaking() as client:
            client.execute_command("FAILOVER")  # type: ignore[no-untyped-call]
            ends_s = time.monotonic() + timeout_s
            while client.info("replication")["role"] != "slave":
                if time.monotonic() > ends_s:
                    raise TimeoutError("the master does not step back")
                time.sleep(0.01)
        self._servers.reverse()
        self._ports.reverse()
        time.sleep(away_s)
        self._point()

    def _point(self) -> None:
        new = self._link.with_suffix(".new")
        new.symlink_to(self.master.socket_path)
        os.replace(new, self._link)

    def kill(self) -> None:
        """Kill both."""
        for server in self._servers:
            server.kill()
        self._ends.close()
