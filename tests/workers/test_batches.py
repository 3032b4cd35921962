"""Fast jobs that wait together share a pass, and nothing else: real worker processes, docs/adr/0011-batches.md."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import redis
from PIL import Image
from rq.serializers import JSONSerializer

from nst.options import StyleOptions
from nst.pictures.decode import decode
from tests.workers.faulty_worker import Faulty, FaultyEngine
from workers import tasks
from workers.contract import Job, Result
from workers.metrics import QueueCollector
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.made_before import MadeBefore
from workers.worker.ahead import Ahead
from workers.worker.batch import Companions, most_together
from workers.worker.gpu_worker import GpuWorker
from workers.worker.job_class import PasticheJob
from workers.worker.slices import Slices

HOLD = "test:hold"  # as in faulty_worker


@pytest.fixture
def held(redis_connection: redis.Redis) -> redis.Redis:
    """While its ``HOLD`` stands, a shared pass goes on."""
    redis_connection.set(HOLD, 1)
    return redis_connection


def passes(connection: redis.Redis) -> dict[str, float]:
    """Passes so far, by how many pictures they held."""
    found = {metric.name: metric for metric in QueueCollector(connection).collect()}
    return {sample.labels["pictures"]: sample.value for sample in found["pastiche_passes"].samples}


def send(chat: Any, *job_ids: str) -> None:
    """Fast jobs of one kind, each of a user of its own, none equal to another."""
    pictures = [drawing(0), drawing(1)]
    content, style = map(blob_hash, pictures)
    for number, job_id in enumerate(job_ids):
        options = StyleOptions(seed=number)
        job = Job(job_id=job_id, frontend="web", content=content, styles=(style,), options=options, user=job_id)
        chat.client.submit(job, pictures)


def drawing(seed: int) -> bytes:
    """A PNG with transparency, which comes back as one: nothing is lost in its encoding."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (4, 4, 4), np.uint8)
    coarse[..., 3] |= 128
    out = io.BytesIO()
    Image.fromarray(coarse).resize((72, 56), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "most"), [("fast:256", 8), ("fast:512", 8), ("fast:768", 3), ("fast:1536", 1), ("fast:512x64", 1), ("", 1)]
)
def test_small_pictures_share_a_pass(kind: str, most: int) -> None:
    assert most_together(kind) == most
    assert most_together(kind.replace("fast", "palette")) == 1


def test_only_the_next_jobs_come_along_while_they_are_of_one_kind(chat: Any, redis_connection: redis.Redis) -> None:
    send(chat, "a", "b", "c", *(f"d{i}" for i in range(9)))
    chat.send("other", user="other", method="palette")
    send(chat, "e")
    redis_connection.lmove(keys.rq_queue("fast"), keys.rq_intermediate("fast"))
    companions = Companions(redis_connection)
    assert companions.take("a") == [b"b", b"c", *(f"d{i}".encode() for i in range(5))]
    redis_connection.hincrby(keys.rq_job("d7"), "retries_left", -1)  # its worker died
    assert companions.take("a") == [b"d5", b"d6"]
    redis_connection.lpop(keys.rq_queue("fast"))
    assert companions.take("a") == [b"d8"]
    assert redis_connection.lrange(keys.rq_queue("fast"), 0, -1) == [b"other", b"e"]
    assert redis_connection.llen(keys.rq_intermediate("fast")) == 11, "the reaper knows where they are"


def test_a_worker_waits_ten_milliseconds_for_more_and_leaves_its_colleagues_their_share(
    chat: Any, redis_connection: redis.Redis
) -> None:
    send(chat, "first")
    redis_connection.lpop(keys.rq_queue("fast"))
    now_s, slept_s = 0.0, list[float]()

    def sleep(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds
        slept_s.append(seconds)
        if len(slept_s) == 2:
            send(chat, "late")

    assert Companions(redis_connection, lambda: now_s, sleep).take("first") == [b"late"]
    assert sum(slept_s) == pytest.approx(0.010)
    send(chat, *(f"job{i}" for i in range(5)))
    for name in ("w1", "w2"):
        redis_connection.sadd(keys.WORKERS, name)
        redis_connection.hset(keys.ready(name), "queues", "fast,slow")
    chat.send("other", user="other", method="palette")
    assert Companions(redis_connection).take("first") == [b"job0", b"job1", b"job2"]


@pytest.fixture
def work(chat: Any, redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Result]]:
    """Queues fast jobs and does them in this process, as one batch; gives the results by job."""
    monkeypatch.setattr(tasks, "_workplace", None)

    def run(*job_ids: str, meanwhile: Callable[[GpuWorker], object] = lambda worker: None) -> dict[str, Result]:
        def paint_ahead(held: Sequence[str]) -> None:
            tasks.paint_ahead(held)
            meanwhile(here)

        send(chat, *job_ids)
        here = GpuWorker(redis_connection, redis_connection, ["fast"], paint_ahead=paint_ahead)
        slices, before = Slices(redis_connection, here.give_way), MadeBefore(redis_connection)
        ahead = Ahead(redis_connection, FaultyEngine(), before, leaving=here.leaving)
        workplace = tasks.Workplace(
            redis_connection, FaultyEngine(), here.stopped, here.leaving, slices, before, ahead=ahead
        )
        tasks.open_workplace(workplace)
        first = redis_connection.lmove(keys.rq_queue("fast"), keys.rq_intermediate("fast"))
        assert first == job_ids[0].encode()
        job = PasticheJob.fetch(job_ids[0], connection=redis_connection, serializer=JSONSerializer)
        here.execute_job(job, here.queues[0])
        return {result.job_id: result for result in chat.results()}

    return run


def test_the_operators_stop_ends_one_job_of_a_batch(work: Callable[..., dict[str, Result]]) -> None:
    stop = {"data": json.dumps({"command": "stop-job", "job_id": "b"}).encode()}
    results = work("a", "b", "c", meanwhile=lambda worker: worker.handle_payload(stop))
    assert {job_id: result.outcome for job_id, result in results.items()} == {
        "a": "done",
        "b": "cancelled",
        "c": "done",
    }
    assert results["a"].model == results["c"].model == "together"


@pytest.mark.parametrize("error", [MemoryError(), ZeroDivisionError("nobody foresaw this"), redis.ResponseError("OOM")])
def test_where_a_pass_fails_everybody_paints_alone(
    work: Callable[..., dict[str, Result]],
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    redis_connection: redis.Redis,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Faulty, "advance_together", fail)
    results = work("a", "b")
    assert {result.model for result in results.values()} == {"alone"}
    assert len(results) == 2
    assert not redis_connection.exists(keys.rq_started("fast"), keys.rq_intermediate("fast"), keys.rq_queue("fast"))


@pytest.mark.e2e
def test_in_a_batch_everybody_fails_and_stops_alone(chat: Any, spawn: Any, held: redis.Redis) -> None:
    send(chat, "good", "gone", "fine")
    job = Job.from_json(held.hget(keys.record("good"), "job") or b"")
    chat.client.submit(replace(job, job_id="text", user="eve", content=Blobs(held).put(b"not a picture")))
    chat.client.submit(replace(job, job_id="same", user="bob"))
    held.hset(keys.record("text"), "kind", "fast:256")  # as of a picture that is broken behind its header
    spawn(fast_batch="on")
    chat.until(lambda: chat.state("fine") == "running", "the pass")
    assert chat.client.position("same") is None
    assert chat.client.cancel("gone", "gone")
    held.delete(HOLD)
    results = {result.job_id: result for result in chat.wait_for("good", "gone", "fine", "text", "same")}
    outcomes = {job_id: result.error["code"] if result.error else result.outcome for job_id, result in results.items()}
    assert outcomes == {
        "good": "done",
        "gone": "cancelled",
        "fine": "done",
        "text": "image_not_an_image",
        "same": "done",
    }
    assert results["good"].model == results["fine"].model == "together"
    assert results["good"].service_s > 0
    assert results["same"].service_s == 0, "what was made a moment ago is not painted again"
    assert passes(held) == {"3": 1}
    assert len(chat.results()) == 5
    chat.until(lambda: not held.zcard(keys.rq_started("fast")), "the end of every run")


@pytest.mark.e2e
def test_a_batch_that_is_killed_loses_nobody(chat: Any, spawn: Any, held: redis.Redis) -> None:
    send(chat, "a", "b", "c", "d")
    worker = spawn(fast_batch="on")
    chat.until(lambda: all(chat.state(job_id) == "running" for job_id in "abcd"), "the pass")
    leases = held.keys("pastiche:lease:*")
    assert len({held.get(lease) for lease in leases}) == 4, "each has a lease of its own"
    worker.kill()
    worker.wait()
    held.delete(*leases)  # as time does
    spawn(fast_batch="on")
    results = chat.wait_for("a", "b", "c", "d")
    assert {result.outcome for result in results} == {"done"}
    assert {result.model for result in results} == {"alone"}, "who lost a worker drags nobody along"
    assert passes(held) == {}
    assert len(chat.results()) == 4
    assert [held.hget(keys.rq_job(job_id), "retries_left") for job_id in "abcd"] == [b"1"] * 4


@pytest.mark.e2e
def test_a_worker_that_has_to_go_hands_a_batch_back_at_no_cost(chat: Any, spawn: Any, held: redis.Redis) -> None:
    send(chat, "a", "b", "c")
    worker: subprocess.Popen[bytes] = spawn(grace_s=0.1, fast_batch="on")
    chat.until(lambda: all(chat.state(job_id) == "running" for job_id in "abc"), "the pass")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(90) == 0
    assert held.lrange(keys.rq_queue("fast"), 0, -1) == [b"a", b"b", b"c"]
    assert [held.hget(keys.rq_job(job_id), "retries_left") for job_id in "abc"] == [b"2"] * 3
    assert not chat.results()


_WORKER = """
import logging, sys
from nst.method import MethodSettings
from workers.__main__ import run_worker
logging.basicConfig(level=logging.INFO)
sys.exit(run_worker(sys.argv[1], ("fast",), MethodSettings(fast_model="bundled", fast_batch="on", quality="off")))
"""


@pytest.fixture
def worker(redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker; its log is its standard error."""
    command = [sys.executable, "-c", _WORKER, redis_url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.e2e
@pytest.mark.tensorflow
@pytest.mark.timeout(300)
def test_eight_pictures_of_a_pass_are_what_they_are_alone(
    chat: Any, request: pytest.FixtureRequest, redis_connection: redis.Redis
) -> None:
    jobs: list[Job] = []
    for seed in range(8):
        pictures = [drawing(seed), drawing(100 + seed % 3)]
        colours, strength = ("style", "keep", "match")[seed % 3], (1.0, 0.6)[seed % 2]
        options = StyleOptions(colours=colours, strength=strength, seed=seed)
        content, style = map(blob_hash, pictures)
        jobs.append(Job(job_id=f"j{seed}", frontend="web", content=content, styles=(style,), options=options))
        chat.client.submit(jobs[-1], pictures)
    worker: subprocess.Popen[bytes] = request.getfixturevalue("worker")  # after all of them wait
    together: list[Result] = chat.wait_for(*(job.job_id for job in jobs), deadline_s=200)
    assert passes(redis_connection) == {"8": 1}
    blobs = Blobs(redis_connection)
    for job, result in zip(jobs, sorted(together, key=lambda result: result.job_id), strict=True):
        options = job.options.replace(seed=100)  # which changes nothing but that it is painted anew
        chat.client.submit(replace(job, job_id=f"{job.job_id}-alone", options=options))
        (alone,) = chat.wait_for(f"{job.job_id}-alone", deadline_s=60)
        assert (alone.media_type, alone.model) == (result.media_type, result.model) == ("image/png", result.model)
        assert alone.service_s > 0
        pixels, wanted = (decode(blobs.get(made.picture)).rgb for made in (result, alone))
        assert np.abs(pixels - wanted).max() <= 1 / 255 + 1e-6, job.job_id
    assert passes(redis_connection) == {"8": 1}
    worker.send_signal(signal.SIGTERM)
    said = worker.communicate(timeout=60)[1].decode()
    assert "8 jobs are taken together" in said
    assert "8 pictures in one pass" in said
