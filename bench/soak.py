"""Many fast jobs of random sizes in one worker process: does its memory stay where it was?

    python -m bench.soak [--jobs 1000] [--settle 100] [--most 640] [--seed 0]

A real Redis, one worker with the bundled network, pictures of random width and height. Resident
memory is read after every ``--settle`` jobs; the last line says how far it grew after the first
of these readings, before which TensorFlow traces and its allocators find their sizes. Exit code 1 at
5 % and above, or if a job was not done.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bench.pictures import gradient
from bench.queue import await_true
from bench.steady_redis import SteadyRedis
from nst.method import MethodSettings
from nst.options import StyleOptions
from workers.__main__ import run_worker
from workers.client.client import QueueClient
from workers.client.estimates import live_workers
from workers.client.line import Limits
from workers.client.outbox import OutboxReader
from workers.contract import Job
from workers.store.blobs import blob_hash
from workers.store.connection import connect, connect_async

ALLOWED_GROWTH = 0.05
_LEAST_PX = 64
_ROOMY = Limits(pending_per_user=10**6, per_user_per_day=10**6, waiting=10**6, bytes_per_user=2**40)


@dataclass(frozen=True)
class Weight:
    """What the worker weighed after some of the jobs.

    Attributes:
        jobs: Done so far.
        rss_bytes: Resident memory.
        seconds: Since the first job.
    """

    jobs: int
    rss_bytes: int
    seconds: float


def work(url: str) -> int:
    """The worker process."""
    return run_worker(url, ("fast",), MethodSettings(fast_model="bundled"))


@contextmanager
def worker(url: str) -> Iterator[psutil.Process]:
    """Run a worker process until the block ends; it is warm when the block begins."""
    code = f"import sys; from bench.soak import work; sys.exit(work({url!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        with connect(url) as connection:
            await_true(lambda: bool(live_workers(connection)))
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def new_job(number: int, chance: random.Random, most_px: int) -> tuple[Job, list[bytes]]:
    """A job about a picture of a random size, in the style of one of ten."""
    width_px, height_px = chance.randint(_LEAST_PX, most_px), chance.randint(_LEAST_PX, most_px)
    pictures = [gradient(width_px, chance.randrange(360), height_px), gradient(256, number % 10 * 36)]
    content, style = map(blob_hash, pictures)
    options = StyleOptions(method="fast", seed=number)
    job = Job(job_id=f"soak{number}", frontend="soak", content=content, styles=(style,), options=options, user="soak")
    return job, pictures


async def soak(url: str, process: psutil.Process, jobs: int, every: int, most_px: int, seed: int) -> list[Weight]:
    """Do the jobs one after another.

    Returns:
        The process' weight after every ``every`` jobs.

    Raises:
        RuntimeError: A job was not done by the fast method.
    """
    chance, weights, started_s = random.Random(seed), [], time.monotonic()
    async with await connect_async(url) as reading:
        with connect(url) as writing:
            client, deliveries = QueueClient(writing, _ROOMY), OutboxReader(reading, "soak")
            results = deliveries.deliveries()
            for number in itertools.count(1):
                client.submit(*new_job(number, chance, most_px))
                delivery = await anext(results)
                await deliveries.ack(delivery)
                if delivery.result.outcome != "done" or delivery.result.method != "fast":
                    raise RuntimeError(f"job {number}: {delivery.result.outcome} {delivery.result.error}")
                if number % every == 0:
                    weights.append(Weight(number, process.memory_info().rss, time.monotonic() - started_s))
                if number == jobs:
                    return weights
    raise AssertionError("unreachable")


def growth(weights: list[Weight], settle: int) -> float:
    """How far memory grew after the first ``settle`` jobs, as a share of what it was then.

    Args:
        weights: In order; one of them at ``settle`` jobs or before.
        settle: Jobs.
    """
    settled = [weight for weight in weights if weight.jobs <= settle][-1]
    return max(weight.rss_bytes for weight in weights if weight.jobs >= settled.jobs) / settled.rss_bytes - 1


def table_of(weights: list[Weight], settle: int) -> Table:
    """The figures for people."""
    table = Table("jobs", "RSS, MiB", f"against job {settle}", "seconds", title="Soak: fast jobs of random sizes")
    for weight in weights:
        until = [w for w in weights if w.jobs in (settle, weight.jobs)]
        share = f"{weight.rss_bytes / until[0].rss_bytes - 1:+.1%}" if weight.jobs >= settle else ""
        table.add_row(str(weight.jobs), f"{weight.rss_bytes / 2**20:.0f}", share, f"{weight.seconds:.0f}")
    return table


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--settle", type=int, default=100, help="jobs after which memory should stay")
    parser.add_argument("--most", type=int, default=640, help="longest side of a picture in pixels")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        server = SteadyRedis(Path(folder))
        server.start()
        try:
            with worker(server.url) as process:
                weights = asyncio.run(soak(server.url, process, args.jobs, args.settle, args.most, args.seed))
        finally:
            server.kill()
    grown = growth(weights, args.settle)
    console = Console()
    console.print(table_of(weights, args.settle))
    console.print(f"grew {grown:.1%} after the first {args.settle} of {args.jobs} jobs", highlight=False)
    return int(grown >= ALLOWED_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
