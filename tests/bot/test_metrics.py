"""A frontend's own figures, over HTTP as Prometheus reads them."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest
import redis
from PIL import Image
from prometheus_client import REGISTRY

from bot.observability import serve_metrics
from bot.settings import Settings
from nst.errors import BusyError, OperatorError
from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.client.line import Limits
from workers.client.outbox import OutboxReader, post_terminal
from workers.contract import Job, Result
from workers.store.blobs import blob_hash
from workers.store.connection import connect_async

ROOT = Path(__file__).resolve().parents[2]


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def new_job(job_id: str, picture: bytes) -> Job:
    digest = blob_hash(picture)
    options = StyleOptions(method="palette")
    return Job(job_id=job_id, frontend="counted", content=digest, styles=(digest,), options=options, user="ann")


async def test_requests_refusals_and_showings_are_counted(redis_url: str, redis_connection: redis.Redis) -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(out, "PNG")
    client = QueueClient(redis_connection, Limits(pending_per_user=1))
    job = new_job("j1", out.getvalue())
    assert client.submit(job, [out.getvalue()])
    assert not client.submit(job, [out.getvalue()])
    with pytest.raises(BusyError):
        client.submit(new_job("j2", out.getvalue()))
    post_terminal(redis_connection, Result.cancellation(job))
    async with await connect_async(redis_url) as connection:
        reader = OutboxReader(connection, "counted")
        await reader.ack(await anext(reader.deliveries()))
    assert figure("pastiche_frontend_submitted_total", frontend="counted", method="palette") == 1
    assert figure("pastiche_frontend_refused_total", frontend="counted", code="rate_limited") == 1
    assert figure("pastiche_frontend_shown_total", frontend="counted", outcome="cancelled") == 1
    assert figure("pastiche_frontend_delivery_seconds_count", frontend="counted") == 1
    assert 0 <= figure("pastiche_frontend_delivery_seconds_sum", frontend="counted") < 60


def test_without_a_port_nothing_is_served_and_a_taken_one_is_named(tmp_path: Path) -> None:
    serve_metrics(Settings(_env_file=None))  # type: ignore[call-arg]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(_env_file=None, metrics_port=taken.getsockname()[1])  # type: ignore[call-arg]
        with pytest.raises(OperatorError) as caught:
            serve_metrics(settings)
    assert (caught.value.code, caught.value.detail["setting"]) == ("bad_setting", "METRICS_PORT")
