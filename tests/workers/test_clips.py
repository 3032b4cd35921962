"""A clip through the queue and a worker's own process: painted frame by frame, or stopped between two."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import redis

from nst.errors import UserError
from nst.options import StyleOptions
from nst.pictures.clip_header import GIF, MP4
from nst.pictures.clips import open_clip
from workers.client.client import QueueClient
from workers.client.estimates import live_workers
from workers.contract import Job, Result
from workers.routing import kind_of, timeout_s
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.made_before import made_key

Until = Callable[..., Any]
WORKER = Path(__file__).parents[1] / "peers" / "discord" / "palette_worker.py"
PALETTE = StyleOptions(method="palette")


@pytest.fixture
def worker(redis_url: str, redis_connection: redis.Redis, until: Until) -> Iterator[None]:
    """A worker that paints with colours only, and so is up at once."""
    process = subprocess.Popen([sys.executable, str(WORKER), redis_url], stdout=subprocess.DEVNULL)
    try:
        until(lambda: live_workers(redis_connection), "a worker")
        yield
    finally:
        process.terminate()
        process.wait()


def new_job(job_id: str, content: bytes, style: bytes, options: StyleOptions = PALETTE, *kinds: str) -> Job:
    return Job(
        job_id=job_id,
        frontend="web",
        content=blob_hash(content),
        styles=(blob_hash(style),),
        options=options,
        user="ann",
        clip_types=kinds,
    )


@pytest.mark.usefixtures("worker")
def test_a_clip_is_painted_in_the_kind_that_its_frontend_shows(
    redis_connection: redis.Redis, clips: ModuleType, style: bytes, until: Until
) -> None:
    client = QueueClient(redis_connection)
    gif, film = clips.gif(clips.panned(6)), clips.mp4(clips.panned(6))
    asked = {
        "own": (new_job("own", gif, style), GIF),
        "film": (new_job("film", film, style, PALETTE, GIF, MP4), MP4),
        "other": (new_job("other", gif, style, PALETTE, MP4), MP4),
        "still": (new_job("still", film, style, PALETTE.replace(animate=False)), "image/jpeg"),
    }
    for job, _ in asked.values():
        client.submit(job, [gif if job.content == blob_hash(gif) else film, style])
    for job_id, (_, media_type) in asked.items():
        result: Result = until(lambda: client.result(job_id), f"the result {job_id}")  # noqa: B023 - asked at once
        assert (result.outcome, result.media_type, result.method) == ("done", media_type, "palette"), result.error
        assert (result.width_px, result.height_px, result.notices) == (128, 96, ())
        if job_id == "still":
            continue
        with open_clip(Blobs(redis_connection).get(result.picture), 1024) as made:
            frames = list(made.frames())
        durations = (40,) * 6 if job_id == "film" else clips.DURATIONS_MS
        assert made.timing.durations_ms == pytest.approx(durations, abs=0.05)
        assert np.abs(frames[0].rgb - clips.panned(6)[0] / 255).mean() > 0.02


@pytest.mark.usefixtures("worker")
def test_progress_goes_by_frame_and_a_clip_is_stopped_between_two(
    redis_connection: redis.Redis, clips: ModuleType, style: bytes, until: Until
) -> None:
    client, long = QueueClient(redis_connection), clips.mp4(clips.panned(6) * 60, rate=60)
    client.submit(new_job("long", long, style), [long, style])

    def under_way() -> bool:
        event = client.event("long")
        return event is not None and event.steps == 360 and event.step > 2

    until(under_way, "some frames")
    assert client.cancel("long", "ann")
    result = until(lambda: client.result("long"), "an end", deadline_s=10)
    assert result.outcome == "cancelled"


def test_a_clip_has_more_time_and_an_estimate_of_its_own(
    redis_connection: redis.Redis, clips: ModuleType, style: bytes
) -> None:
    client, gif = QueueClient(redis_connection), clips.gif(clips.panned(6))
    client.submit(new_job("first", gif, style), [gif, style])
    client.submit(new_job("again", gif, style))  # stored already
    for job_id in ("first", "again"):
        assert redis_connection.hget(keys.record(job_id), "kind") == b"palette:256x8"
        assert (
            int(redis_connection.hget(keys.rq_job(job_id), "timeout") or 0)
            == timeout_s("palette", 6)
            > timeout_s("palette")
        )
    client.submit(new_job("still", gif, style, PALETTE.replace(animate=False)), [gif, style])
    assert redis_connection.hget(keys.record("still"), "kind") == kind_of(PALETTE, 128).encode()


def test_the_same_clip_in_another_kind_is_another_result(clips: ModuleType, style: bytes) -> None:
    gif = clips.gif(clips.panned(2))
    jobs = [new_job("j", gif, style, PALETTE, *kinds) for kinds in ((), (MP4,))]
    assert len({made_key(Job.from_json(job.to_json().replace('"frames":1', '"frames":2'))) for job in jobs}) == 2


def test_what_no_worker_could_paint_never_waits(redis_connection: redis.Redis, clips: ModuleType, style: bytes) -> None:
    client = QueueClient(redis_connection)
    long, film = clips.mp4(clips.panned(22), rate=2), clips.mp4(clips.panned(2))
    for content, given, code in (
        (long, style, "clip_too_long"),
        (clips.bomb(), style, "clip_too_many_frames"),
        (clips.webp(clips.panned(2)), film, "image_not_an_image"),
    ):
        with pytest.raises(UserError) as caught:
            client.submit(new_job("j1", content, given), [content, given])
        assert caught.value.code == code
    assert redis_connection.llen(keys.rq_queue("fast")) == 0
