"""What an operator does to a fleet that works: upgrades its workers, loses its Redis and restores it."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.fleet.people import Chats, Order
from bench.fleet.topology import ROOT, Host, Service, compose_file
from tests.ports import reserved_port

_PASSWORD = "a-fleets-own_7"  # noqa: S105 - of a Redis that lives for one drill
_READY_S, _DONE_S = 120.0, 300.0
_LOOK_S = 0.3  # a health check is a process of its own: more of them would slow down what they wait for
_WORKERS = 2
FRONTENDS = ("discord", "telegram", "web")


class Fleet:
    """Redis, two frontends, the web chat and two workers, as docker-compose.yml has them.

    Args:
        folder: For everything.
        chats: Where the bots go.
        redis_port: Where Redis listens on 127.0.0.1.
        web_port: Where the web chat listens on 127.0.0.1.
        variables: More of what .env would say.
    """

    def __init__(
        self, folder: Path, chats: Chats, redis_port: int, web_port: int, variables: Mapping[str, str]
    ) -> None:
        self.host = Host(folder, redis_port, web_port)
        given = {
            "REDIS_PASSWORD": _PASSWORD,
            "GRAFANA_PASSWORD": _PASSWORD,
            "NST_FAST_MODEL": "bundled",
            **chats.variables(),
            **variables,
        }
        self._containers, self._extra = compose_file(given)["services"], chats.certificates()
        self.services: dict[str, Service] = {}
        self._born = 0

    def add(self, name: str, container: str = "") -> Service:
        """Start one more process of a service."""
        made = Service(name, self._containers[container or name], self.host, self._extra)
        self.services[name] = made
        made.start()
        return made

    def up(self, workers: int = _WORKERS) -> None:
        """``docker compose up``: Redis first, the rest once it is healthy."""
        await_true(self.add("redis").healthy, "Redis", _READY_S)
        for name in FRONTENDS:
            self.add(name)
        for _ in range(workers):
            self.new_worker()
        for service in self.services.values():
            await_true(service.healthy, service.name, _READY_S, service.last_words)

    def new_worker(self) -> Service:
        """One more worker."""
        self._born += 1
        return self.add(f"worker-{self._born}", "worker")

    def workers(self) -> list[Service]:
        """Those that run."""
        return [service for name, service in self.services.items() if name.startswith("worker-")]

    def upgrade_workers(self) -> list[int]:
        """One by one: a new one comes up, then an old one goes; the exit codes of the old ones."""
        codes = []
        for old in self.workers():
            await_true(self.new_worker().healthy, "the new worker", _READY_S)
            codes.append(self.services.pop(old.name).stop())
        return codes

    def down(self) -> None:
        """``docker compose stop``: everybody, Redis last."""
        for name in [*(name for name in self.services if name != "redis"), *({"redis"} & self.services.keys())]:
            self.services.pop(name).stop()

    def script(self, *words: str) -> None:
        """Run a script of deploy/ as an operator does.

        Raises:
            RuntimeError: It failed; with what it said.
        """
        environment = {"PATH": self.host.path, "REDISCLI_AUTH": _PASSWORD}
        command = ["sh", str(ROOT / "deploy" / words[0]), *words[1:]]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise RuntimeError(f"{words[0]}: {done.stderr}")

    def backup(self) -> Path:
        """A backup of the running Redis."""
        file = self.host.folder / "backup.rdb"
        self.script("backup.sh", str(file), "-p", str(self.host.redis_port))
        return file

    def restore(self, file: Path) -> None:
        """Redis' folder is gone; the backup becomes the new one."""
        self.host.redis_data = self.host.folder / "restored"
        self.script("restore.sh", str(file), str(self.host.redis_data))


class Load:
    """People who keep ordering while something happens.

    Args:
        chats: Where.
        method: Of the jobs.
        every_s: Seconds between two orders.
        at_least: Orders to be made even when what happens is over sooner.
    """

    def __init__(self, chats: Chats, method: str, every_s: float, at_least: int) -> None:
        self._chats, self._method, self._every_s, self._at_least = chats, method, every_s, at_least
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._order)
        self.orders: list[Order] = []

    def _order(self) -> None:
        while not self._over.wait(self._every_s) or len(self.orders) < self._at_least:
            self.orders.append(self._chats.order(len(self.orders), self._method))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()


def drill(
    folder: Path, method: str, jobs: int, every_s: float, say: Callable[[str], None], workers: int = _WORKERS
) -> dict[str, Any]:
    """Bring the fleet up, upgrade its workers under load, lose Redis and restore it.

    Args:
        folder: Empty.
        method: Of the jobs.
        jobs: At least so many in each of the two halves.
        every_s: Seconds between two orders.
        say: Told what happens.
        workers: At first; after the restore there is one.

    Returns:
        Figures: jobs, lost, duplicated, the workers' exit codes.
    """
    with ExitStack() as stack:
        chats = Chats.open(folder, stack.callback)
        ports = stack.enter_context(reserved_port()), stack.enter_context(reserved_port())
        fleet = Fleet(folder / "host", chats, *ports, {})
        stack.callback(fleet.down)
        fleet.up(workers)
        say(f"up: {', '.join(fleet.services)}")
        before = chats.requests()
        with Load(chats, method, every_s, jobs) as load:
            codes = fleet.upgrade_workers()
        say(f"workers upgraded one by one under load, exit codes {codes}")
        _await_done(chats, load.orders)
        first, upgraded = len(load.orders), chats.counted(load.orders)
        say(f"{first} jobs, lost {upgraded['lost']}")
        for kind, count in (chats.requests() - before).most_common(12):
            say(f"  {2 * count / first:.2f} a job: {kind}")  # half of the jobs are on each platform
        restored, count = _restore(fleet, chats, method, jobs, every_s, say)
        return {
            "exit codes": codes,
            "jobs": first + count,
            "lost": upgraded["lost"] + restored["lost"],
            "duplicated": upgraded["duplicated"] + restored["duplicated"],
        }


def _restore(
    fleet: Fleet, chats: Chats, method: str, jobs: int, every_s: float, say: Callable[[str], None]
) -> tuple[Mapping[str, int], int]:
    with Load(chats, method, every_s, jobs) as load:
        await_true(lambda: len(load.orders) >= jobs // 2, "half of the jobs", _DONE_S)
        acknowledged = [order for order in list(load.orders) if order.accepted()]
        file = fleet.backup()
    await_true(lambda: all(order.accepted() for order in load.orders), "answers", _DONE_S)
    fleet.down()
    fleet.restore(file)
    say(f"backed up under load with {len(acknowledged)} of {len(load.orders)} jobs accepted; all stopped; restored")
    fleet.up(workers=1)
    _await_done(chats, acknowledged)
    return chats.counted(acknowledged), len(acknowledged)


def _await_done(chats: Chats, orders: list[Order]) -> None:
    """Until all have their picture; a job that is lost is counted, not waited for without end."""
    ends_s = time.monotonic() + _DONE_S
    while chats.counted(orders)["lost"] and time.monotonic() < ends_s:
        time.sleep(0.2)


def await_true(condition: Callable[[], bool], what: str, deadline_s: float, why: Callable[[], str] = str) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: It did not come true; ``why`` says more.
    """
    ends_s = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > ends_s:
            raise TimeoutError(f"{what} {why()}")
        time.sleep(_LOOK_S)
