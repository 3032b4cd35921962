"""The queue's figures for Prometheus, read from Redis when somebody asks.

Counters live in Redis and are written by the scripts that change what they count, so one exporter
(in any process) tells of all workers and frontends, and a restart resets nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import cast

import redis
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from workers.client.estimates import live_workers
from workers.histogram import BOUNDS_S
from workers.routing import QUEUES
from workers.store import keys
from workers.store.clock import server_time_s
from workers.store.connection import speaking_redis
from workers.store.owners import Owners


class QueueCollector(Collector):
    """Give it to a ``prometheus_client.CollectorRegistry``.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def collect(self) -> Iterator[Metric]:
        """All figures as they stand.

        Raises:
            OperatorError: ``queue_unavailable``.
        """
        with speaking_redis():
            raw = cast("dict[bytes, bytes]", self._connection.hgetall(keys.COUNTERS))
            counters = {tuple(name.decode().split(":")): float(value) for name, value in raw.items()}
            yield from self._queues()
            yield from self._workers()
            yield self._bytes()
            yield from _totals(counters)
            yield _passes(counters)
            yield _histogram(counters, "service", "method", "Seconds that workers spent on a job.")
            yield _histogram(counters, "wait", "queue", "Seconds from submission to a job's result, less its service.")

    def _queues(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("pastiche_queue_waiting", "Jobs that wait.", labels=["queue"])
        running = GaugeMetricFamily("pastiche_queue_running", "Jobs that run.", labels=["queue"])
        oldest = GaugeMetricFamily("pastiche_queue_oldest_seconds", "Age of the oldest that waits.", labels=["queue"])
        now_s = server_time_s(self._connection)
        for queue in QUEUES:
            line = cast("list[bytes]", self._connection.hvals(keys.line(queue)))
            since_s = [float(info.split()[1]) for info in line]
            waiting.add_metric([queue], self._connection.llen(keys.rq_queue(queue)))
            running.add_metric([queue], self._connection.zcard(keys.rq_started(queue)))
            oldest.add_metric([queue], max(0.0, now_s - min(since_s)) if since_s else 0.0)
        yield from (waiting, running, oldest)

    def _bytes(self) -> Metric:
        kept_bytes = Owners(self._connection).total_bytes()
        return GaugeMetricFamily("pastiche_kept_bytes", "Pictures, results and states that are kept.", kept_bytes)

    def _workers(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("pastiche_worker_up", "Workers that hold a lease.", labels=["worker", "queues"])
        rss = GaugeMetricFamily("pastiche_worker_resident_bytes", "Memory of a worker.", labels=["worker"])
        gpu = GaugeMetricFamily("pastiche_worker_gpu_bytes", "GPU memory of a worker.", labels=["worker"])
        for worker in live_workers(self._connection):
            up.add_metric([worker["name"], worker.get("queues", "")], 1)
            rss.add_metric([worker["name"]], float(worker.get("rss_bytes", 0)))
            gpu.add_metric([worker["name"]], float(worker.get("gpu_bytes", 0)))
        yield from (up, rss, gpu)


def _totals(counters: dict[tuple[str, ...], float]) -> Iterator[Metric]:
    results = CounterMetricFamily("pastiche_results", "Terminal results.", labels=["method", "outcome"])
    retries = CounterMetricFamily("pastiche_retries", "Jobs brought back.", labels=["queue"])
    losses = CounterMetricFamily("pastiche_lease_losses", "Runs whose worker died or froze.", labels=["queue"])
    for family, name in ((results, "results"), (retries, "retries"), (losses, "lease_losses")):
        for (kind, *labels), value in sorted(counters.items()):
            if kind == name:
                family.add_metric(labels, value)
        yield family


def _passes(counters: dict[tuple[str, ...], float]) -> Metric:
    family = CounterMetricFamily("pastiche_passes", "Passes that jobs shared, by pictures.", labels=["pictures"])
    for (kind, *labels), value in sorted(counters.items()):
        if kind == "passes":
            family.add_metric(labels, value)
    return family


def _histogram(counters: dict[tuple[str, ...], float], name: str, label: str, text: str) -> Metric:
    family = HistogramMetricFamily(f"pastiche_{name}_seconds", text, labels=[label])
    bounds = [str(bound) for bound in BOUNDS_S] + ["+Inf"]
    for who in sorted({labels[0] for kind, *labels in counters if kind == name}):
        counts = accumulate(counters.get((name, who, bound), 0.0) for bound in bounds)
        total_s = counters.get((name, who, "sum"), 0.0)
        family.add_metric([who], buckets=list(zip(bounds, counts, strict=True)), sum_value=total_s)
    return family
