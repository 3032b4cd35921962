from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from workers.client.executions import End, end_run
from workers.metrics import QueueCollector
from workers.store.blobs import blob_hash
from workers.store.owners import Owners


def scrape(connection: redis.Redis) -> dict[tuple[str, ...], float]:
    """Samples by name and sorted label values, as Prometheus would read them."""
    registry = CollectorRegistry()
    registry.register(QueueCollector(connection))
    text = generate_latest(registry).decode()
    families = text_string_to_metric_families(text)
    return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}


def test_an_empty_queue_is_told_of(redis_connection: redis.Redis) -> None:
    samples = scrape(redis_connection)
    assert samples["pastiche_queue_waiting", "fast"] == 0
    assert samples["pastiche_queue_oldest_seconds", "slow"] == 0


@pytest.mark.e2e
def test_jobs_are_counted_by_method_and_outcome(
    chat: Any, spawn: Any, redis_connection: redis.Redis, content: bytes, style: bytes
) -> None:
    for i in range(3):
        job = chat.send(f"j{i}", seed=60 + i)
    chat.client.submit(replace(job, job_id="late", user="bob"))
    chat.client.submit(replace(job, job_id="bad", content=blob_hash(content), user="eve"))
    chat.client.cancel("bad", "eve")
    samples = scrape(redis_connection)
    assert samples["pastiche_queue_waiting", "fast"] == 4
    assert samples["pastiche_kept_bytes",] == Owners(redis_connection).total_bytes() > 0
    assert samples["pastiche_queue_oldest_seconds", "fast"] > 0
    spawn()
    chat.wait_for("j0", "j1", "j2", "late")
    samples = scrape(redis_connection)
    assert samples["pastiche_queue_waiting", "fast"] == 0
    assert samples["pastiche_results_total", "done", "palette"] == 4
    assert samples["pastiche_results_total", "-", "cancelled"] == 1
    assert samples["pastiche_service_seconds_count", "palette"] == 3, "what was made before is not painted again"
    assert 0.18 < samples["pastiche_service_seconds_sum", "palette"] < 60
    assert samples["pastiche_service_seconds_bucket", "+Inf", "palette"] == 3
    assert samples["pastiche_wait_seconds_bucket", "+Inf", "fast"] == 3
    (resident,) = [value for name, value in samples.items() if name[0] == "pastiche_worker_resident_bytes"]
    assert resident > 20 * 2**20


def test_retries_are_counted(chat: Any, redis_connection: redis.Redis) -> None:
    chat.send("j1")
    redis_connection.zadd("rq:wip:fast", {"j1:run": time.time() + 60})
    assert end_run(redis_connection, "fast", "j1:run", End.RETRY) == "retry"
    assert scrape(redis_connection)["pastiche_retries_total", "fast"] == 1
