"""One user's flood: how long do five others wait behind a hundred jobs of a tenth of a second each?

    python -m bench.flood [--flood 100] [--others 5]

A real Redis and one real worker. The flood is submitted first, then one job of each of the others;
their waits run from submission to the result's arrival in the frontend, less the tenth of a second.
Exit code 1 if their mean is a second or more.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.pictures import gradient
from bench.queue import SERVICE_S, new_job, worker
from bench.steady_redis import SteadyRedis
from workers.client.client import QueueClient
from workers.client.line import Limits
from workers.client.outbox import OutboxReader
from workers.store.connection import connect, connect_async

ALLOWED_S = 1.0
_ROOMY = Limits(pending_per_user=10**6, bytes_per_user=2**40)


async def waits_s(url: str, flood: int, others: int) -> tuple[list[float], list[float]]:
    """Let one user flood the queue while others ask for one thing each.

    Args:
        url: The queue's Redis; a worker is up.
        flood: Jobs of the one user.
        others: How many others.

    Returns:
        Seconds that the others waited, and that the flood's jobs waited.
    """
    pictures = [gradient(64, 37), gradient(64, 80)]
    sent_s: dict[str, float] = {}
    async with await connect_async(url) as reading:
        with connect(url) as writing:
            client, reader = QueueClient(writing, _ROOMY), OutboxReader(reading, "bench")
            deliveries = reader.deliveries()
            for name, user in [(f"flood{i}", "flooder") for i in range(flood)] + [
                (f"other{i}", f"user{i}") for i in range(others)
            ]:
                sent_s[name] = time.perf_counter()
                await asyncio.to_thread(client.submit, new_job(name, pictures, user), pictures)
            waited: dict[str, float] = {}
            while len(waited) < flood + others:
                delivery = await anext(deliveries)
                name = delivery.result.job_id
                waited[name] = time.perf_counter() - sent_s[name] - SERVICE_S
                await reader.ack(delivery)
    return ([waited[f"other{i}"] for i in range(others)], [waited[f"flood{i}"] for i in range(flood)])


def table_of(others: Sequence[float], flood: Sequence[float]) -> Table:
    """The figures for people."""
    table = Table("waits", "jobs", "mean, s", "worst, s", title=f"A flood, {SERVICE_S:g} s a job, one worker")
    for name, waited in (("the others", others), ("the flood itself", flood)):
        table.add_row(name, str(len(waited)), f"{statistics.mean(waited):.2f}", f"{max(waited):.2f}")
    return table


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flood", type=int, default=100)
    parser.add_argument("--others", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        server = SteadyRedis(Path(folder))
        server.start()
        try:
            with worker(server.url, "tenth"):
                others, flood = asyncio.run(waits_s(server.url, args.flood, args.others))
        finally:
            server.kill()
    Console().print(table_of(others, flood))
    return int(statistics.mean(others) >= ALLOWED_S)


if __name__ == "__main__":
    sys.exit(main())
