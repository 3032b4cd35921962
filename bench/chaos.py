"""Kill everything at random while jobs run, and count what was lost or told twice.

    python -m bench.chaos [--jobs 500] [--rate 6] [--every 5] [--seed 0]

Real processes: a Redis with its append-only file, two workers, two frontends. Every few seconds one
of the five gets SIGKILL and is started again. A frontend submits its jobs (again from the first one
after a restart, as a platform redelivers requests) and answers by editing the message that said
"queued"; each edit is a line of a ledger that no kill can take back.

The last line is ``lost N, duplicated N``: jobs without a result, and jobs whose message showed
two different results. Exit code 1 unless both are 0.
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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.pictures import gradient
from bench.steady_redis import SteadyRedis
from nst.engine import Engine
from nst.errors import BusyError, OperatorError
from nst.method import IsCancelled, MethodSettings, Pastiche, Report, never_cancelled, no_report
from nst.options import StyleOptions
from workers.__main__ import run_worker
from workers.admission import Limits
from workers.blobs import blob_hash
from workers.client import QueueClient
from workers.connection import connect, connect_async
from workers.contract import Job
from workers.outbox import OutboxReader
from workers.reaper import keep_reaping

_USERS = 20
_FRONTENDS = ("front0", "front1")
_WORKERS = ("worker0", "worker1")
_REDELIVERED = 5
_PATIENCE_S = 120.0
_ROOMY = Limits(pending_per_user=10**6, per_user_per_day=10**6, waiting=10**6)


class Ledger:
    """Lines that outlive their writers: each is one ``write`` to a file opened for appending."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, *words: object) -> None:
        """Append a line with the time."""
        line = " ".join(map(str, (f"{time.time():.3f}", *words))) + "\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)

    def lines(self) -> Iterator[list[str]]:
        """What was written so far, in words."""
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                yield line.split(" ")


class Witness:
    """The engine, noting when it begins and ends a job; the job's number is its seed."""

    def __init__(self, ledger: Ledger) -> None:
        self._engine = Engine(MethodSettings())
        self._ledger = ledger

    def stylize(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> Pastiche:
        """As ``Engine.stylize``."""
        self._ledger.write("begin", options.seed, os.getpid())
        pastiche = self._engine.stylize(content, styles, options, report, cancelled)
        self._ledger.write("end", options.seed, os.getpid())
        return pastiche


async def serve_frontend(name: str, folder: Path, jobs: int, rate: float) -> None:
    """Submit this frontend's jobs, show their results, look after dead workers, until killed."""
    url = f"unix://{folder}/redis.sock"
    sending = threading.Thread(target=send, args=(name, folder, jobs, rate), daemon=True)
    sending.start()
    shown = Ledger(folder / "shown")
    while True:
        try:
            async with await connect_async(url) as reading:
                reaping = asyncio.create_task(keep_reaping(connect(url)))
                reader = OutboxReader(reading, name)
                async for delivery in reader.deliveries():
                    shown.write(delivery.result.job_id, delivery.entry_id, delivery.result.outcome)
                    await reader.ack(delivery)
                reaping.cancel()
        except OperatorError:
            await asyncio.sleep(0.2)


def send(name: str, folder: Path, jobs: int, rate: float) -> None:
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
class Life:
    """One process from its start to its end.

    Attributes:
        name: Its role.
        pid: Its process id.
        out: Where its standard output goes: a worker says there that it is up.
        killed_s: When it was killed; infinity while it lives.
    """

    name: str
    pid: int
    out: Path
    killed_s: float = math.inf

    @property
    def up_s(self) -> float:
        """When it was up; infinity if it never was."""
        return self.out.stat().st_mtime if self.out.exists() and self.out.stat().st_size else math.inf


@dataclass
class Crew:
    """The processes and who supervises them."""

    folder: Path
    jobs: int
    rate: float
    redis: SteadyRedis
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
            self.redis.kill()
        else:
            process = self.processes[name]
            next(life for life in self.lives if life.pid == process.pid).killed_s = time.time()
            process.kill()
            process.wait()
        self.start(name)

    def supervise(self) -> None:
        """Start again what ended by itself."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                self.start(name)

    def end(self) -> None:
        """Kill all."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.redis.kill()


def run(folder: Path, jobs: int, rate: float, every_s: float, seed: int) -> tuple[Table, int, int]:
    """Let it all happen.

    Returns:
        The table of figures, jobs lost, jobs told twice.
    """
    chance = random.Random(seed)
    names = ("redis", *_WORKERS, *_FRONTENDS)
    crew = Crew(folder, jobs, rate, SteadyRedis(folder))
    shown, started_s = Ledger(folder / "shown"), time.time()
    with ExitStack() as stack:
        stack.callback(crew.end)
        for name in names:
            crew.start(name)
        next_kill_s, ends_s, count = time.time() + every_s, time.time() + _PATIENCE_S, 0
        while count < jobs and time.time() < ends_s:
            crew.supervise()
            before, count = count, len({words[1] for words in shown.lines()})
            if count > before:
                ends_s = time.time() + _PATIENCE_S
            if time.time() >= next_kill_s:
                crew.kill(chance.choice(names))
                next_kill_s = time.time() + every_s
            time.sleep(0.05)
        took_s = time.time() - started_s
        return figures(crew, took_s)


def figures(crew: Crew, took_s: float) -> tuple[Table, int, int]:
    """Count the ledgers."""
    results: dict[str, set[tuple[str, str]]] = {}
    edits = 0
    for _, job_id, entry_id, outcome in Ledger(crew.folder / "shown").lines():
        results.setdefault(job_id, set()).add((entry_id, outcome))
        edits += 1
    lost, duplicated = crew.jobs - len(results), sum(len(seen) > 1 for seen in results.values())
    outcomes = Counter(outcome for seen in results.values() for _, outcome in seen)
    waits_s = recoveries_s(crew.lives, list(Ledger(crew.folder / "runs").lines()))
    table = Table("chaos", "", title=f"{crew.jobs} jobs of {_USERS} users, two workers, two frontends, one Redis")
    table.add_row("seconds", f"{took_s:.0f}")
    table.add_row("kill -9", _list(crew.kills))
    table.add_row("results", _list(outcomes))
    table.add_row("shown again after a frontend's death, as the same edit", str(edits - len(results)))
    table.add_row("runs interrupted by a worker's death", str(len(waits_s)))
    if waits_s:
        table.add_row("death (or first worker up after it) to running again, worst", f"{max(waits_s):.1f} s")
    return table, lost, duplicated


def _list(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


def recoveries_s(lives: Sequence[Life], runs: list[list[str]]) -> list[float]:
    """Seconds until each interrupted job ran again, from the moment that a worker was up to run it."""
    waits_s = []
    workers = [life for life in lives if life.name in _WORKERS]
    for victim in (life for life in workers if life.killed_s < math.inf):
        begun = {words[2] for words in runs if words[1] == "begin" and words[3] == str(victim.pid)}
        ended = {words[2] for words in runs if words[1] == "end" and words[3] == str(victim.pid)}
        ups_s = [max(life.up_s, victim.killed_s) for life in workers if life.killed_s > victim.killed_s]
        for number in begun - ended:
            begins_s = [float(w[0]) for w in runs if w[1] == "begin" and w[2] == number and w[3] != str(victim.pid)]
            again_s = [begin_s for begin_s in begins_s if begin_s > victim.killed_s]
            if again_s:
                waits_s.append(max(0.0, min(again_s) - min(ups_s)))
    return waits_s


def main() -> int:
    """Run the chaos, or one of its roles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--rate", type=float, default=6.0, help="jobs submitted a second, all frontends together")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--role", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role in _WORKERS:
        return run_worker(f"unix://{args.folder}/redis.sock", engine=Witness(Ledger(args.folder / "runs")))
    if args.role in _FRONTENDS:
        asyncio.run(serve_frontend(args.role, args.folder, args.jobs, args.rate))
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        table, lost, duplicated = run(Path(folder), args.jobs, args.rate, args.every, args.seed)
    console = Console()
    console.print(table)
    console.print(f"lost {lost}, duplicated {duplicated}", highlight=False)
    return int(bool(lost or duplicated))


if __name__ == "__main__":
    sys.exit(main())
