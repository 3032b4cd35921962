"""Kill everything at random and trouble Redis while jobs run, and count what was lost, told twice or left untold.

    python -m bench.chaos [--jobs 500] [--rate 6] [--every 5] [--kills N] [--seed 0]

Real processes: a Redis with its append-only file and a replica, two workers, two frontends. Every few seconds, in
turn, one of them gets SIGKILL and is started again, or Redis gets into trouble: a planned failover, an address that
still leads to the old master (read-only), no replica where one is asked for, no memory, slow answers. A frontend
submits its jobs (again from the first one after a restart, as a platform redelivers requests) and answers by editing
the message that said "queued"; each edit is a line of a ledger that no kill can take back.

The last line is ``lost N, told twice N, left untold N``: jobs whose users were asked to send them again, jobs whose
message showed two different results, and jobs without a result. Exit code 1 unless all are 0.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from bench.chaos_figures import LOST, WORKERS, Ledger, Life, figures
from bench.pictures import gradient
from bench.steady_redis import RedisPair
from bot.chat.unfinished import HeldJobs
from nst.engine import Engine, Painting
from nst.errors import BusyError, OperatorError
from nst.method import IsCancelled, MethodSettings, Pastiche, never_cancelled
from nst.options import StyleOptions
from workers.__main__ import run_worker
from workers.client.client import QueueClient
from workers.client.line import Limits
from workers.client.outbox import OutboxReader
from workers.client.reaper import keep_reaping
from workers.contract import Job
from workers.store.blobs import blob_hash
from workers.store.connection import connect, connect_async

_USERS = 20
_TROUBLE_S = 7.0  # longer than a lease
_FRONTENDS = ("front0", "front1")
_REDELIVERED = 5
_NO_LIMIT = 10**6
_PATIENCE_S = 120.0
_ROOMY = Limits(pending_per_user=10**6, per_user_per_day=10**6, waiting=10**6, bytes_per_user=2**40)


class Witness(Engine):
    """The engine, noting when it begins and ends a job; the job's number is its seed."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(MethodSettings())
        self._ledger = ledger

    def begin(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        state: bytes = b"",
        cancelled: IsCancelled = never_cancelled,
        mask: bytes | None = None,
    ) -> Painting:
        """As ``Engine.begin``."""
        self._ledger.write("begin", options.seed, os.getpid())
        painting = super().begin(content, styles, options, state, cancelled, mask)
        ended = painting.pastiche

        def pastiche() -> Pastiche:
            made = ended()
            self._ledger.write("end", options.seed, os.getpid())
            return made

        painting.pastiche = pastiche  # type: ignore[method-assign]
        return painting


async def serve_frontend(name: str, folder: Path, jobs: int, rate: float) -> None:
    """Submit this frontend's jobs, show their results, look after dead workers, until killed."""
    sys.stdout.write(f"{name} is up\n")
    sys.stdout.flush()
    url = f"unix://{folder}/redis.sock"
    shown, connection = Ledger(folder / "shown"), await asyncio.to_thread(_connected, url)
    held = HeldJobs(connection, name)
    threading.Thread(target=send, args=(name, folder, jobs, rate, held), daemon=True).start()
    behind = [asyncio.create_task(work) for work in (keep_reaping(connection), held.watch())]
    while True:
        try:
            async with await connect_async(url) as reading:
                reader = OutboxReader(reading, name)
                async for delivery in reader.deliveries():
                    result = delivery.result
                    lost = (result.error or {}).get("code") == "job_lost"
                    shown.write(result.job_id, delivery.entry_id, LOST if lost else result.outcome)
                    await reader.ack(delivery)
        except (RedisError, OperatorError):
            await asyncio.sleep(0.2)
        finally:
            assert not any(task.done() for task in behind)  # noqa: S101


def _connected(url: str) -> redis.Redis:
    while True:
        try:
            return connect(url)
        except OperatorError:
            time.sleep(0.2)


def send(name: str, folder: Path, jobs: int, rate: float, held: HeldJobs) -> None:
    """Submit the jobs that are this frontend's, at a pace, each until the queue has it.

    After a restart the last few that were acknowledged come again, as a platform redelivers requests.
    """
    url = f"unix://{folder}/redis.sock"
    pictures = [gradient(320, 37), gradient(240, 80)]
    content, style = map(blob_hash, pictures)
    share, sent = len(_FRONTENDS), Ledger(folder / f"{name}.sent")
    done = len({words[1] for words in sent.lines()})
    for number in list(range(_FRONTENDS.index(name), jobs, share))[max(0, done - _REDELIVERED) :]:
        options = StyleOptions(method="palette", seed=number, strength=0.5 + (number % 50) / 100)
        job = Job(
            job_id=f"{name}-{number}",
            frontend=name,
            content=content,
            styles=(style,),
            options=options,
            user=f"user{number % _USERS}",
        )
        fresh = submit(url, job, pictures)
        held.hold(job)
        sent.write(number)
        if fresh:
            time.sleep(share / rate)


def submit(url: str, job: Job, pictures: Sequence[bytes]) -> bool:
    """Submit until the queue has it; False if it had it already."""
    while True:
        try:
            with connect(url) as connection:
                return QueueClient(connection, _ROOMY).submit(job, pictures)
        except (OperatorError, BusyError):
            time.sleep(0.2)


@dataclass
class Crew:
    """The processes and who supervises them."""

    folder: Path
    jobs: int
    rate: float
    redis: RedisPair
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)

    def start(self, name: str) -> None:
        """Start one by name."""
        if name == "redis":
            self.redis.start()
            return
        command = [sys.executable, "-m", "bench.chaos", "--role", name, "--folder", str(self.folder)]
        command += ["--jobs", str(self.jobs), "--rate", str(self.rate)]
        out = self.folder / f"{name}.{len(self.lives)}.out"
        with out.open("wb") as stdout, (self.folder / f"{name}.log").open("ab") as stderr:
            self.processes[name] = subprocess.Popen(command, stdout=stdout, stderr=stderr)  # noqa: S603
        self.lives.append(Life(name, self.processes[name].pid, out))

    def kill(self, name: str) -> None:
        """SIGKILL one and start it again."""
        self.kills[name] += 1
        if name == "redis":
            self.redis.master.kill()
            self.redis.master.start()
            return
        process = self.processes[name]
        self._life(process.pid).killed_s = time.time()
        process.kill()
        process.wait()
        self.start(name)

    def trouble(self, name: str) -> None:
        """Let Redis get into trouble, and out of it."""
        self.kills[name] += 1
        TROUBLES[name](self.redis)

    def victims(self) -> list[str]:
        """Whom a kill would hit at work: Redis, and everybody who came up since the last one."""
        alive = [life for life in self.lives if life.killed_s == math.inf and life.up_s < math.inf]
        return ["redis", *sorted(life.name for life in alive)]

    def supervise(self) -> None:
        """Start again what ended by itself."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                self._life(process.pid).killed_s = time.time()
                self.start(name)

    def _life(self, pid: int) -> Life:
        return next(life for life in reversed(self.lives) if life.pid == pid)

    def end(self) -> None:
        """Kill all."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.redis.kill()


def _read_only(pair: RedisPair) -> None:
    pair.fail_over(away_s=3.0)


def _no_replica(pair: RedisPair) -> None:
    with pair.master.speaking() as master:
        master.config_set("min-replicas-to-write", "1")
        pair.replica.kill()
        time.sleep(_TROUBLE_S)
        pair.replica.start()
        pair.follow()
        master.config_set("min-replicas-to-write", "0")


def _full(pair: RedisPair) -> None:
    with pair.master.speaking() as master:
        master.config_set("maxmemory", "1")
        time.sleep(_TROUBLE_S)
        master.config_set("maxmemory", "0")


def _slow(pair: RedisPair) -> None:
    """Nothing is answered but for 20 of every 220 ms."""
    ends_s = time.monotonic() + _TROUBLE_S
    while time.monotonic() < ends_s:
        with pair.master.speaking() as master:
            master.client_pause(200)
        time.sleep(0.22)


TROUBLES: dict[str, Callable[[RedisPair], None]] = {
    "failover": RedisPair.fail_over,
    "read-only": _read_only,
    "no replica": _no_replica,
    "full": _full,
    "slow": _slow,
}


def run(folder: Path, jobs: int, rate: float, every_s: float, kills: int, seed: int) -> tuple[Table, int, int, int]:
    """Let it all happen.

    Returns:
        The table of figures, jobs lost, jobs told twice, jobs left untold.
    """
    chance = random.Random(seed)
    names = ("redis", *WORKERS, *_FRONTENDS)
    crew, troubles = Crew(folder, jobs, rate, RedisPair(folder)), list(TROUBLES)
    chance.shuffle(troubles)
    shown, started_s = Ledger(folder / "shown"), time.time()
    with ExitStack() as stack:
        stack.callback(crew.end)
        for name in names:
            crew.start(name)
        next_kill_s, ends_s, count = time.time() + every_s, time.time() + _PATIENCE_S, 0
        wanted = kills if kills < _NO_LIMIT else 0
        while (count < jobs or crew.kills.total() < wanted) and time.time() < ends_s:
            crew.supervise()
            before, count = count, len({words[1] for words in shown.lines()})
            if count > before:
                ends_s = time.time() + _PATIENCE_S
            if time.time() >= next_kill_s and crew.kills.total() < kills:
                turn, trouble_next = divmod(crew.kills.total(), 2)
                if trouble_next:
                    crew.trouble(troubles[turn % len(troubles)])
                else:
                    crew.kill(chance.choice(crew.victims()))
                next_kill_s = time.time() + every_s
            time.sleep(0.05)
        took_s = time.time() - started_s
        return figures(folder, jobs, crew.lives, crew.kills, took_s)


def main() -> int:
    """Run the chaos, or one of its roles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--rate", type=float, default=6.0, help="jobs submitted a second, all frontends together")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two kills or troubles")
    parser.add_argument("--kills", type=int, default=_NO_LIMIT, help="how many kills and troubles, all of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--role", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role in WORKERS:
        return run_worker(f"unix://{args.folder}/redis.sock", engine=Witness(Ledger(args.folder / "runs")))
    if args.role in _FRONTENDS:
        asyncio.run(serve_frontend(args.role, args.folder, args.jobs, args.rate))
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        table, lost, twice, untold = run(Path(folder), args.jobs, args.rate, args.every, args.kills, args.seed)
    console = Console()
    console.print(table)
    console.print(f"lost {lost}, told twice {twice}, left untold {untold}", highlight=False)
    return int(bool(lost or twice or untold))


if __name__ == "__main__":
    sys.exit(main())
