"""What the queue costs: overhead and throughput, beside plain RQ's, in one run.

    python -m bench.queue [--jobs 500]

Overhead is the time from ``submit`` to the result's arrival in the frontend, less the same call of
the engine made directly; both medians are printed. Trivial jobs (no work at all) show the queue
alone, and beside them plain RQ runs as many calls of a function that does nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import numpy as np
import redis
from rich.console import Console
from rich.table import Table
from rq import Queue, SimpleWorker
from rq.job import JobStatus

from bench.pictures import gradient
from bench.steady_redis import SteadyRedis
from nst.engine import Engine, Painting
from nst.method import IsCancelled, MethodSettings, OneStep, Pastiche, Report, never_cancelled
from nst.options import StyleOptions
from nst.pictures.decode import Picture, encode
from workers.__main__ import run_worker
from workers.client.client import QueueClient
from workers.client.estimates import live_workers
from workers.client.line import Limits
from workers.client.outbox import OutboxReader
from workers.contract import Job
from workers.store.blobs import Blobs, blob_hash
from workers.store.connection import connect, connect_async

_OPTIONS = StyleOptions(method="palette", max_side_px=256)
SERVICE_S = 0.1
_WARM_UP = 5
_SEEDS = itertools.count()
_ROOMY = Limits(pending_per_user=10**6, per_user_per_day=10**6, waiting=10**6, bytes_per_user=2**40)


class Idle(Engine):
    """An engine that does no work: what is left is the queue.

    Args:
        service_s: Seconds that it takes for that.
    """

    def __init__(self, service_s: float = 0.0) -> None:
        super().__init__(MethodSettings())
        self._service_s = service_s
        self._picture = Picture(np.zeros((8, 8, 3), np.float32), None)

    def begin(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        state: bytes = b"",
        cancelled: IsCancelled = never_cancelled,
        mask: bytes | None = None,
    ) -> Painting:
        """A black square; nothing is decoded."""
        square = Pastiche(self._picture, options.method)

        def wait(report: Report, cancelled: IsCancelled) -> Pastiche:
            time.sleep(self._service_s)
            return square

        return Painting(self._picture, OneStep(square, wait), None, options, None, ())


def nothing() -> None:
    """What plain RQ runs."""


def work(url: str, which: str) -> int:
    """A worker process: ``idle``, ``tenth`` (of a second a job), ``palette`` or ``plain`` (RQ as it comes)."""
    if which == "plain":
        SimpleWorker(["plain"], connection=redis.Redis.from_url(url)).work(logging_level="ERROR")
        return 0
    engines = {"idle": Idle(), "tenth": Idle(SERVICE_S)}
    return run_worker(url, engine=engines.get(which))


@contextmanager
def worker(url: str, which: str) -> Iterator[None]:
    """Run a worker process until the block ends; it is up when the block begins."""
    code = f"import sys; from bench.queue import work; sys.exit(work({url!r}, {which!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        with connect(url) as connection:
            await_true(
                lambda: bool(SimpleWorker.all_keys(connection) if which == "plain" else live_workers(connection))
            )
        yield
    finally:
        process.terminate()
        process.wait(30)


def await_true(condition: Callable[[], bool], deadline_s: float = 120) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: It did not come true.
    """
    ends_s = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > ends_s:
            raise TimeoutError
        time.sleep(0.005)


async def one_by_one(
    url: str, pictures: Sequence[bytes], jobs: int, direct: Callable[[], object] = lambda: None
) -> tuple[list[float], list[float]]:
    """Jobs sent one after another, in turn with a direct call, so that both meet the same load.

    Returns:
        Seconds from submit to arrival, and seconds of the direct calls.
    """
    queued_s, direct_s = [], []
    async with await connect_async(url) as reading:
        with connect(url) as writing:
            client, reader = QueueClient(writing, _ROOMY), OutboxReader(reading, "bench")
            deliveries = reader.deliveries()
            for _ in range(jobs + _WARM_UP):
                job = new_job(uuid4().hex, pictures)
                started_s = time.perf_counter()
                client.submit(job, pictures)
                delivery = await anext(deliveries)
                queued_s.append(time.perf_counter() - started_s)
                await reader.ack(delivery)
                started_s = time.perf_counter()
                direct()
                direct_s.append(time.perf_counter() - started_s)
    return queued_s[_WARM_UP:], direct_s[_WARM_UP:]


async def in_bulk(url: str, pictures: Sequence[bytes], jobs: int) -> float:
    """Jobs per second, submitted by one client while a reader acknowledges them."""
    async with await connect_async(url) as reading:
        with connect(url) as writing:
            client, reader = QueueClient(writing, _ROOMY), OutboxReader(reading, "bench")
            for picture in pictures:
                Blobs(writing).put(picture)
            started_s = time.perf_counter()
            sending = asyncio.create_task(asyncio.to_thread(send_all, client, pictures, jobs))
            left = jobs
            async for delivery in reader.deliveries():
                await reader.ack(delivery)
                left -= 1
                if not left:
                    break
            await sending
            return jobs / (time.perf_counter() - started_s)


def send_all(client: QueueClient, pictures: Sequence[bytes], jobs: int) -> None:
    """Submit jobs of twenty users."""
    for i in range(jobs):
        client.submit(new_job(f"bulk{i}", pictures, user=f"user{i % 20}"))


def new_job(job_id: str, pictures: Sequence[bytes], user: str = "bench") -> Job:
    """A job about two pictures; each has a seed of its own, or it would be answered from the result cache."""
    content, style = map(blob_hash, pictures)
    options = _OPTIONS.replace(seed=next(_SEEDS))
    return Job(job_id=job_id, frontend="bench", content=content, styles=(style,), options=options, user=user)


def plain_rq(url: str, jobs: int) -> tuple[list[float], float]:
    """Plain RQ: seconds from enqueue to finished one by one, and jobs per second in bulk."""
    connection = redis.Redis.from_url(url)
    queue = Queue("plain", connection=connection)
    taken_s = []
    for _ in range(jobs):
        started_s = time.perf_counter()
        job = queue.enqueue("bench.queue.nothing")
        while job.get_status() != JobStatus.FINISHED:
            pass
        taken_s.append(time.perf_counter() - started_s)
    started_s = time.perf_counter()
    last = [queue.enqueue("bench.queue.nothing") for _ in range(jobs)][-1]
    await_true(lambda: last.get_status() == JobStatus.FINISHED)
    return taken_s, jobs / (time.perf_counter() - started_s)


def p50_ms(taken_s: Sequence[float]) -> str:
    """Median in milliseconds."""
    return f"{statistics.median(taken_s) * 1000:.1f}"


def measure(url: str, jobs: int) -> Table:
    """Measure all of it against one Redis."""
    pictures, engine = [gradient(256, 37), gradient(192, 80)], Engine(MethodSettings())

    def direct() -> None:
        encode(engine.stylize(pictures[0], pictures[1:], _OPTIONS).picture)

    with worker(url, "palette"):
        queued, bare = asyncio.run(one_by_one(url, pictures, jobs // 5, direct))
    with worker(url, "idle"):
        trivial, _ = asyncio.run(one_by_one(url, pictures, jobs))
        bulk = asyncio.run(in_bulk(url, pictures, jobs))
    with worker(url, "plain"):
        plain, plain_bulk = plain_rq(url, jobs)
    overhead_ms = statistics.median(queued_s - bare_s for queued_s, bare_s in zip(queued, bare, strict=True)) * 1000
    table = Table("measured here", "p50, ms", "jobs/s", title=f"The queue's cost, {jobs} jobs")
    table.add_row("palette at 256 px, called directly", p50_ms(bare), "")
    table.add_row("palette at 256 px, submit to result event", p50_ms(queued), "")
    table.add_row("overhead of the queue, pictures included", f"{overhead_ms:.1f}", "")
    table.add_row("trivial job, submit to result event", p50_ms(trivial), f"{bulk:.0f}")
    table.add_row("plain RQ SimpleWorker, enqueue to finished", p50_ms(plain), f"{plain_bulk:.0f}")
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=500)
    jobs = parser.parse_args().jobs
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        server = SteadyRedis(Path(folder))
        server.start()
        try:
            Console().print(measure(server.url, jobs))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
