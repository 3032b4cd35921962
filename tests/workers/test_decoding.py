"""A picture that is being decoded for ever: what its worker does, with its decoder stopped in the middle of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import redis

from workers.client.estimates import live_workers
from workers.store import keys

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.tensorflow]

WORK = """
import sys
from nst.method import MethodSettings
from workers.__main__ import run_worker
sys.exit(run_worker(sys.argv[1], ("fast",), MethodSettings(fast_model="bundled", quality="off")))
"""


@pytest.fixture
def worker(chat: Any, redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", WORK, redis_url], stdout=subprocess.DEVNULL)
    chat.until(lambda: live_workers(chat.connection), "a worker")
    yield process
    process.kill()
    process.wait()


def stop_its_decoder(worker: subprocess.Popen[bytes]) -> None:
    (decoder,) = [
        child
        for child in psutil.Process(worker.pid).children()
        if "nst.pictures.decoder_process" in " ".join(child.cmdline())
    ]
    decoder.suspend()


def test_cancelling_ends_it_its_time_ends_it_and_the_end_of_its_worker_hands_it_back(
    chat: Any, worker: subprocess.Popen[bytes], redis_connection: redis.Redis
) -> None:
    chat.send("before")
    assert chat.wait_for("before")[0].outcome == "done"

    stop_its_decoder(worker)
    chat.send("cancelled", seed=1)
    chat.until(lambda: chat.state("cancelled") == "running", "the start")
    assert chat.client.cancel("cancelled", "ann")
    assert chat.wait_for("cancelled")[0].outcome == "cancelled"  # else its time would have ended it

    chat.send("between", seed=2)
    assert chat.wait_for("between")[0].outcome == "done"
    stop_its_decoder(worker)
    chat.send("endless", seed=3)
    chat.send("behind", seed=4)
    endless, behind = chat.wait_for("endless", "behind")
    assert endless.error is not None
    assert endless.error["code"] == "image_too_costly"
    assert behind.outcome == "done"

    stop_its_decoder(worker)
    chat.send("back", seed=5)
    chat.until(lambda: chat.state("back") == "running", "the start")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(90) == 0
    assert redis_connection.lrange(keys.rq_queue("fast"), 0, -1) == [b"back"]
    assert redis_connection.hget(keys.rq_job("back"), "retries_left") == b"2"
    assert chat.client.result("back") is None
