"""Masks through the queue: the real engine, in this process."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import redis
from PIL import Image

from nst.engine import Engine
from nst.errors import UserError
from nst.method import MethodSettings
from nst.options import StyleOptions
from nst.pictures.decode import decode
from workers import tasks
from workers.client.forgetting import forget_job
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.made_before import MadeBefore, made_key
from workers.worker.slices import Slices

SUBJECT = StyleOptions(method="palette", region="subject")


def left_half() -> bytes:
    mask, out = Image.new("L", (96, 72)), io.BytesIO()
    mask.paste(255, (0, 0, 48, 72))
    mask.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def work(chat: Any, redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Callable[[Job], Result]:
    """Submits a job and does it at once."""
    monkeypatch.setattr(tasks, "_workplace", None)
    slices, before = Slices(redis_connection, lambda: False), MadeBefore(redis_connection)
    engine, never = Engine(MethodSettings()), lambda: False
    tasks.open_workplace(tasks.Workplace(redis_connection, engine, never, never, slices, before))

    def run(job: Job) -> Result:
        chat.client.submit(job)
        tasks.stylize(job.to_json())
        result = chat.client.result(job.job_id)
        assert result is not None
        return result  # type: ignore[no-any-return]

    return run


@pytest.fixture
def masked(content: bytes, style: bytes, redis_connection: redis.Redis) -> Job:
    mask = Blobs(redis_connection).put(left_half())
    styles = (blob_hash(style),)
    return Job(job_id="m1", frontend="web", content=blob_hash(content), styles=styles, mask=mask, options=SUBJECT)


def test_a_mask_goes_round_and_is_part_of_what_was_made_before(
    work: Callable[[Job], Result], masked: Job, content: bytes, redis_connection: redis.Redis
) -> None:
    assert Job.from_json(masked.to_json()) == masked
    assert masked.pictures == (masked.content, *masked.styles, masked.mask)
    blobs, before = Blobs(redis_connection), decode(content).rgb
    subject = decode(blobs.get(work(masked).picture)).rgb
    other = replace(masked, job_id="m2", options=SUBJECT.replace(region="background"))
    background = decode(blobs.get(work(other).picture)).rgb
    left, right = np.s_[:, 4:44], np.s_[:, 52:92]
    for painted, kept, picture in ((left, right, subject), (right, left, background)):
        assert np.abs(picture[painted] - before[painted]).mean() > 0.05
        assert np.abs(picture[kept] - before[kept]).mean() < 0.01, "but for JPEG"
    bare = replace(masked, mask="", options=SUBJECT.replace(region="everything"))
    assert len({made_key(job) for job in (masked, other, bare, replace(masked, mask=masked.content))}) == 4
    assert work(replace(masked, job_id="m3")).service_s == 0, "not painted twice"


def test_a_mask_that_is_missing_empty_or_gone_is_told(
    work: Callable[[Job], Result], masked: Job, redis_connection: redis.Redis, chat: Any
) -> None:
    def code(job: Job) -> str:
        return str((work(job).error or {}).get("code"))

    black, out = Image.new("L", (40, 40)), io.BytesIO()
    black.save(out, "PNG")
    empty = Blobs(redis_connection).put(out.getvalue())
    assert code(replace(masked, job_id="none", mask="")) == "mask_missing"
    assert code(replace(masked, job_id="black", mask=empty)) == "mask_empty"
    film = b"\0\0\0\x18ftypmp42" + bytes(16)
    with pytest.raises(UserError, match="image_not_an_image"):
        chat.client.submit(replace(masked, job_id="film", mask=blob_hash(film)), [film])


def test_a_mask_is_forgotten_with_its_job(
    work: Callable[[Job], Result], masked: Job, redis_connection: redis.Redis
) -> None:
    work(masked)
    assert forget_job(redis_connection, "m1")
    assert not redis_connection.exists(keys.blob(masked.mask), made_key(masked))
