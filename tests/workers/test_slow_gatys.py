"""The real slow method, interrupted in one process and finished in another, paints the same picture."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from nst.options import StyleOptions
from nst.pictures.clip_header import GIF, MP4
from nst.pictures.clips import open_clip
from nst.pictures.decode import decode
from workers.client.estimates import live_workers
from workers.contract import Job
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.made_before import made_key

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.tensorflow, pytest.mark.timeout(480)]

_WORKER = """
import sys
from nst.method import MethodSettings
from workers.__main__ import run_worker
sys.exit(run_worker(sys.argv[1], ("slow",), MethodSettings(), grace_s=8))
"""
_STEPS = 150  # some slices long


@pytest.fixture
def start(redis_url: str) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts real workers with the bundled extractor."""
    processes: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        processes.append(subprocess.Popen([sys.executable, "-c", _WORKER, redis_url], stdout=subprocess.DEVNULL))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def test_a_resumed_job_ends_as_one_that_was_never_interrupted(
    chat: Any, start: Any, redis_connection: redis.Redis, content: bytes, style: bytes
) -> None:
    workers = {str(process.pid): process for process in (start(), start())}
    chat.until(lambda: len(live_workers(redis_connection)) == 2, "two workers", 200)
    options = StyleOptions(method="gatys", extractor="bundled", steps=_STEPS, max_side_px=64, seed=5, time_lapse=True)
    job = Job(
        job_id="resumed",
        frontend="web",
        content=blob_hash(content),
        styles=(blob_hash(style),),
        options=options,
        clip_types=(MP4, GIF),
    )
    chat.client.submit(job)
    chat.until(lambda: chat.client.event("resumed").step >= _STEPS // 15, "some steps", 120)
    names = {worker["name"]: worker["pid"] for worker in live_workers(redis_connection)}
    busy = next(pid for name, pid in names.items() if redis_connection.get(keys.lease(name)) != b"-")
    workers[busy].send_signal(signal.SIGTERM)
    assert workers[busy].wait(60) == 0
    assert chat.client.result("resumed") is None, "it was handed back, not finished"
    assert redis_connection.hexists(keys.record("resumed"), "checkpoint")
    (resumed,) = chat.wait_for("resumed", deadline_s=120)
    assert (resumed.outcome, resumed.method) == ("done", "gatys")
    redis_connection.delete(made_key(job))  # else the second one would be answered with the first
    chat.client.submit(Job(**{**vars(job), "job_id": "whole"}))
    whole = next(result for result in chat.wait_for("whole", deadline_s=120) if result.job_id == "whole")
    assert whole.service_s > 0
    first, second = (decode(Blobs(redis_connection).get(result.picture)).rgb for result in (resumed, whole))
    assert resumed.picture == whole.picture, f"they differ by {abs(first - second).max()}"
    films = [Blobs(redis_connection).get(result.time_lapse) for result in (resumed, whole)]
    assert resumed.time_lapse_type == MP4, "as the frontend shows it"
    assert film_frames(films[0]) == film_frames(films[1]) > 10, "the way there is whole, too"


def film_frames(data: bytes) -> int:
    with open_clip(data, 1024) as film:
        assert film.media_type == MP4
        return len(list(film.frames()))
