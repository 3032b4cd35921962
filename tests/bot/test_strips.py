from __future__ import annotations

import io

import pytest
import redis
from PIL import Image

from bot.chat.strips import strip_job_ids, strip_results, strip_sheet, submit_strip
from nst.errors import BusyError
from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.client.line import Limits
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store.blobs import Blobs


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (96, 64)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def job(redis_connection: redis.Redis) -> Job:
    blobs = Blobs(redis_connection)
    content, style = blobs.put(picture((200, 10, 10))), blobs.put(picture((10, 200, 10)))
    return Job(job_id="j", frontend="f", content=content, styles=(style,), options=StyleOptions(method="palette"))


def test_a_strip_is_five_jobs_and_twice_is_as_good_as_once(redis_connection: redis.Redis, job: Job) -> None:
    client = QueueClient(redis_connection)
    for _ in range(2):
        submit_strip(client, "s", job, "ann", {"strip": "s"})
    assert sorted(client.jobs_of("ann")) == sorted(strip_job_ids("s"))
    assert strip_job_ids("s") == ["s-20", "s-40", "s-60", "s-80", "s-100"]


def test_a_strip_that_does_not_fit_is_taken_back_whole(redis_connection: redis.Redis, job: Job) -> None:
    client = QueueClient(redis_connection, Limits(pending_per_user=3))
    with pytest.raises(BusyError):
        submit_strip(client, "s", job, "ann", {})
    assert not client.jobs_of("ann")


def test_results_are_together_when_the_last_one_is_there(redis_connection: redis.Redis, job: Job) -> None:
    client, blobs = QueueClient(redis_connection), Blobs(redis_connection)
    submit_strip(client, "s", job, "ann", {})
    for place, job_id in enumerate(reversed(strip_job_ids("s"))):
        assert strip_results(client, "s") is None
        digest = blobs.put(picture((50 * place, 0, 0)))
        own = Job(job_id=job_id, frontend="f", content="c", styles=("s",), options=job.options)
        result = Result(job_id=job_id, frontend="f", outcome="done", picture=digest, user="ann", job=own.to_json())
        post_terminal(redis_connection, result)
    results = strip_results(client, "s")
    assert results is not None
    assert [result.job_id for result in results] == strip_job_ids("s")
    with Image.open(io.BytesIO(strip_sheet(blobs, results))) as sheet:
        assert sheet.width == 5 * 96 + 6 * 12
        reds = [sheet.getchannel("R").getpixel((12 + 48 + place * 108, 40)) for place in range(5)]
    assert reds == pytest.approx([200, 150, 100, 50, 0], abs=3)  # a JPEG
