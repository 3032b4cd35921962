"""Pictures, worker processes and a frontend's view of the queue, for the workers' tests."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest
import redis
from PIL import Image

from bench.steady_redis import SteadyRedis
from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.client.estimates import live_workers
from workers.client.line import Limits
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.connection import connect


def picture(seed: int, width_px: int = 96, height_px: int = 72) -> bytes:
    """A small PNG with colours of its own."""
    ramp = Image.linear_gradient("L").resize((width_px, height_px))
    bands = [ramp.rotate(37 * seed * (i + 1), fillcolor=(seed * 53 + 80 * i) % 256) for i in range(3)]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="session")
def content() -> bytes:
    return picture(1)


@pytest.fixture(scope="session")
def style() -> bytes:
    return picture(4, 64, 80)


Spawn = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def mortal_redis() -> Iterator[SteadyRedis]:
    """A Redis of the test's own, to be killed and started again."""
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        server = SteadyRedis(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture
def spawn(redis_url: str) -> Iterator[Spawn]:
    """Starts worker processes that obey their jobs' seeds (see ``faulty_worker``) and ends them."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(
        queues: str = "fast,slow",
        grace_s: float = 8.0,
        url: str = redis_url,
        max_side_px: int = 0,
        fast_batch: str = "off",
        clock: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.Popen[bytes]:
        script = str(Path(__file__).with_name("faulty_worker.py"))
        command = [sys.executable, script, url, queues, str(grace_s), str(max_side_px), fast_batch]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **clock})
        processes.append(process)
        with connect(url) as connection:

            def works() -> bool:
                assert process.poll() is None, f"the worker ended with {process.returncode}"
                return str(process.pid) in {worker.get("pid") for worker in live_workers(connection)}

            until(works, "a worker")
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def until(condition: Callable[[], object], what: str, deadline_s: float = 90) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: It did not come true within ``deadline_s``.
    """
    ends_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends_s, f"{what} did not come within {deadline_s} s"
        time.sleep(0.01)


class Chat:
    """A frontend's view of one Redis: sends jobs, reads the outbox's stream as it is."""

    until = staticmethod(until)

    def __init__(self, connection: redis.Redis, content: bytes, style: bytes) -> None:
        self.connection = connection
        self.client = QueueClient(connection, Limits(pending_per_user=1000))
        self._pictures = (content, style)
        for data in self._pictures:
            Blobs(connection).put(data)

    def send(self, job_id: str, seed: int = 0, user: str = "ann", method: str = "palette") -> Job:
        content, style = map(blob_hash, self._pictures)
        options = StyleOptions(method=method, seed=seed)
        job = Job(job_id=job_id, frontend="web", content=content, styles=(style,), options=options, user=user)
        self.client.submit(job)
        return job

    def state(self, job_id: str) -> str:
        event = self.client.event(job_id)
        return event.state if event else "unknown"

    def results(self) -> list[Result]:
        entries = cast("list[Any]", self.connection.xrange(keys.outbox("web")))
        return [Result.from_json(fields[b"result"]) for _, fields in entries]

    def wait_for(self, *job_ids: str, deadline_s: float = 90) -> list[Result]:
        until(lambda: all(self.client.result(job_id) for job_id in job_ids), f"results of {job_ids}", deadline_s)
        return [result for result in self.results() if result.job_id in job_ids]


@pytest.fixture
def chat(redis_connection: redis.Redis, content: bytes, style: bytes) -> Chat:
    return Chat(redis_connection, content, style)


@pytest.fixture
def chat_on(content: bytes, style: bytes) -> Iterator[Callable[[str], Chat]]:
    """Makes a chat on another Redis."""
    with contextlib.ExitStack() as stack:
        yield lambda url: Chat(stack.enter_context(connect(url)), content, style)
