"""docker-compose.yml as plain processes: its own commands, environment, health checks and grace periods.

What a container engine would provide is put in the place of its own: folders for volumes, 127.0.0.1 for a
service's name, a program ``pastiche`` on the PATH.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from workers.store.embedded_redis import server_binary

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def compose_file(variables: Mapping[str, str]) -> dict[str, Any]:
    """docker-compose.yml with variables put in, as ``docker compose config`` shows it.

    Raises:
        KeyError: A variable that has to be set is not.
    """

    def value(found: re.Match[str]) -> str:
        name, operator, rest = found.groups()
        if variables.get(name):
            return variables[name]
        if operator == "?":
            raise KeyError(name)
        return rest or ""

    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(VARIABLE.sub(value, text))
    return document


@dataclass
class Host:
    """What stands for the containers' file systems and their network.

    Attributes:
        folder: Volumes, logs and programs.
        redis_port: Where Redis listens on 127.0.0.1.
        web_port: Where the web chat listens on 127.0.0.1.
        redis_data: Redis' data folder; another one after a restore.
    """

    folder: Path
    redis_port: int
    web_port: int
    redis_data: Path = field(init=False)

    def __post_init__(self) -> None:
        self.redis_data = self.folder / "redis"
        for name in ("bin", "models", "web", "redis"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name, arguments in (("pastiche", " -m bot"), ("python", "")):
            program = self.folder / "bin" / name
            program.write_text(f'#!/bin/sh\nexec {sys.executable}{arguments} "$@"\n', encoding="utf-8")
            program.chmod(0o755)
        for name in ("redis-server", "redis-cli"):
            found = shutil.which(name) or str(Path(server_binary()).with_name(name))
            (self.folder / "bin" / name).symlink_to(found)

    @property
    def path(self) -> str:
        """A PATH with pastiche, Python and Redis."""
        return f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def here(self, word: str, own: str) -> str:
        """A word of a container's command or environment, as it reads on this host.

        Args:
            word: The word.
            own: The process' name: what is under /tmp in a container is its own.
        """
        for there, place in (
            ("/etc/pastiche", ROOT / "deploy/redis"),
            ("/opt/image", ROOT / "deploy/image"),
            ("/models", self.folder / "models"),
            ("/presets", ROOT / "deploy/presets"),
            ("/tmp/", f"{self.folder}/{own}."),  # noqa: S108 - a container's own
        ):
            if word.startswith(there):
                return word.replace(there, str(place), 1)
        if word == "/data":
            return str(self.folder / "web")
        return word.replace("@redis:6379", f"@127.0.0.1:{self.redis_port}")

    def redis_configuration(self) -> Path:
        """The shipped configuration with this host's folder and port."""
        shipped = (ROOT / "deploy/redis/redis.conf").read_text(encoding="utf-8")
        file = self.folder / "redis.conf"
        own = f"\nport {self.redis_port}\nbind 127.0.0.1\n"
        file.write_text(shipped.replace("dir /data", f"dir {self.redis_data}") + own, encoding="utf-8")
        return file


class Service:
    """One container as a process.

    Args:
        name: Of the process; several may be of one service.
        container: The service in the compose file.
        host: Where it runs.
        extra: Environment beside the compose file's, of this host (certificates of a test's authority, say).
    """

    def __init__(self, name: str, container: Mapping[str, Any], host: Host, extra: Mapping[str, str]) -> None:
        self.name, self._host, self._container = name, host, container
        own = {key: host.here(str(value or ""), name) for key, value in container.get("environment", {}).items()}
        own |= {"PATH": host.path, "PYTHONPATH": str(ROOT), "HOME": str(host.folder)}
        if "METRICS_PORT" in own:
            own["METRICS_PORT"] = "0"  # every container has that port of its own; processes of one host do not
        if "WEB_PORT" in own:
            own |= {"WEB_HOST": "127.0.0.1", "WEB_PORT": str(host.web_port)}
        # Nothing else of this shell's environment: a container has none of it either.
        kept = {key: os.environ[key] for key in ("LD_LIBRARY_PATH",) if key in os.environ}
        self._environment = kept | own | dict(extra)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What it said, over all its starts."""
        return self._host.folder / f"{self.name}.log"

    def last_words(self) -> str:
        """The end of its log, and its exit code if it has one."""
        code = self.process.poll() if self.process else None
        return f"(exit code {code}): {self.log.read_text(encoding='utf-8', errors='replace')[-1500:]}"

    def start(self) -> None:
        """Start it, as ``docker compose up`` does."""
        command = [*self._container.get("entrypoint", []), *self._container.get("command", [])]
        environment = self._environment
        if self.name == "redis":
            environment = environment | {"REDIS_CONF": str(self._host.redis_configuration())}
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(  # noqa: S603
                self._words(command), env=environment, cwd=self._host.folder, stdout=sink, stderr=subprocess.STDOUT
            )

    def healthy(self) -> bool:
        """Whether the compose file's own health check says so; False once it has ended."""
        if self.process is None or self.process.poll() is not None:
            return False
        if self.name == "redis":
            check = ["sh", str(ROOT / "deploy/redis/healthy.sh"), "-p", str(self._host.redis_port)]
        else:
            check = self._words(self._container["healthcheck"]["test"][1:])
        return subprocess.run(check, env=self._environment, capture_output=True, check=False).returncode == 0  # noqa: S603

    def stop(self) -> int:
        """SIGTERM and, after its grace period, SIGKILL; the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(float(self._container.get("stop_grace_period", "10s").removesuffix("s")))
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def _words(self, command: Sequence[str]) -> list[str]:
        words = [self._host.here(str(word), self.name) for word in command]
        return [shutil.which(words[0], path=self._host.path) or words[0], *words[1:]]
