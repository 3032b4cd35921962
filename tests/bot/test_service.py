"""The service over a real Redis: what is queued, and what a frontend is told."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from PIL import Image

from bot.chat.service import Request, Style, StyleService, job_id_from
from bot.chat.variations import Button
from bot.presets.catalogue import load_presets
from nst.errors import BusyError, JobError, UserError
from nst.options import StyleOptions
from workers.client.line import Limits
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import blob_hash
from workers.store.owners import Owners


def png(shade: int = 90) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, 40, 200 - shade)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def service(redis_connection: redis.Redis) -> StyleService:
    return StyleService(redis_connection, load_presets(), "test")


def request(*styles: Style, user: str = "ann", content: bytes | str = b"", job_id: str = "") -> Request:
    options = StyleOptions(method="palette", strength=0.6)
    return Request(content=content or png(), styles=styles, options=options, user=user, job_id=job_id)


async def test_a_request_waits_with_its_pictures(service: StyleService) -> None:
    job = await service.submit(request(Style(preset="mosaic"), Style(picture=png(30))))
    standing = await service.standing(job.job_id)
    assert standing.event is not None
    assert (standing.event.state, standing.position, standing.eta_s) == ("queued", 1, None)
    assert await service.picture(job.content) == png()
    assert await service.picture(job.styles[0]) == service.presets["mosaic"].picture.read_bytes()
    assert job.style_label == "mosaic"
    assert await service.jobs_of("ann") == [job.job_id]


async def test_a_mask_waits_as_well_means_the_subject_and_stays_with_variations(
    service: StyleService, redis_connection: redis.Redis
) -> None:
    job = await service.submit(replace(request(Style(preset="mosaic")), mask=png(200)))
    assert (await service.picture(job.mask), job.options.region) == (png(200), "subject")
    result = Result(job_id=job.job_id, frontend="test", outcome="done", user="ann", job=job.to_json())
    (stronger,) = await service.vary(result, Button.STRONGER, "ann", {})
    assert (stronger.mask, stronger.options.region) == (job.mask, "subject")


async def test_a_request_delivered_twice_is_queued_once(service: StyleService) -> None:
    for _ in range(2):
        await service.submit(request(Style(preset="mosaic"), job_id="interaction-7"))
    assert await service.jobs_of("ann") == ["interaction-7"]


@pytest.mark.parametrize(
    ("styles", "content", "code"),
    [
        ((), png(), "style_missing"),
        ((Style(preset="nothing-like-it"),), png(), "style_unknown"),
        ((Style(preset="mosaic"),) * 5, png(), "too_many_styles"),
        ((Style(preset="mosaic"),), b"not a picture", "image_not_an_image"),
        ((Style(picture=png()[:20]),), png(), "image_truncated"),
    ],
)
async def test_bad_requests_are_refused_and_nothing_waits(
    service: StyleService, styles: tuple[Style, ...], content: bytes, code: str
) -> None:
    with pytest.raises(UserError) as caught:
        await service.submit(request(*styles, content=content))
    assert caught.value.code == code
    assert await service.jobs_of("ann") == []


async def test_only_the_requester_may_cancel(service: StyleService) -> None:
    job = await service.submit(request(Style(preset="mosaic")))
    with pytest.raises(UserError) as caught:
        await service.cancel(job.job_id, "bob")
    assert caught.value.code == "not_your_job"
    assert await service.cancel(job.job_id, "ann")
    result = await service.result(job.job_id)
    assert result is not None
    assert result.outcome == "cancelled"
    assert await service.jobs_of("ann") == []


async def test_a_button_starts_the_varied_jobs_with_the_same_pictures(
    service: StyleService, redis_connection: redis.Redis
) -> None:
    job = await service.submit(request(Style(preset="mosaic")))
    result = Result(job_id=job.job_id, frontend="test", outcome="done", user="ann", job=job.to_json())
    assert post_terminal(redis_connection, result)
    strip = await service.vary(result, Button.STRIP, "ann", {"chat": "1"})
    assert [varied.options.strength for varied in strip] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert {(varied.content, varied.styles, varied.style_label) for varied in strip} == {
        (job.content, job.styles, "mosaic")
    }
    assert len({varied.job_id for varied in (*strip, job)}) == 6


async def test_a_button_under_an_expired_result_says_so(service: StyleService) -> None:
    options = StyleOptions(method="palette")
    job = Job(job_id="old", frontend="test", content=blob_hash(b"gone"), styles=(blob_hash(b"too"),), options=options)
    result = Result(job_id="old", frontend="test", outcome="done", job=job.to_json())
    with pytest.raises(JobError) as caught:
        await service.vary(result, Button.WEAKER, "ann", {})
    assert caught.value.code == "job_expired"


async def test_a_picture_is_checked_before_it_is_kept(service: StyleService, tmp_path: Path) -> None:
    digest = await service.keep(png(), "ann")
    assert await service.picture(digest) == png()
    with pytest.raises(UserError):
        await service.keep(b"GIF89a but no more", "ann")


async def test_pictures_that_nobody_ordered_anything_of_are_counted(redis_connection: redis.Redis) -> None:
    service = StyleService(redis_connection, load_presets(), "test", Limits(bytes_per_user=2 * len(png())))
    digest = await service.keep(png(), "ann")
    with pytest.raises(BusyError, match="bytes_limited"):
        await service.keep(png(20) + bytes(len(png())), "ann")
    await service.keep(png(20), "bob")
    assert 0 < int(redis_connection.ttl(keys.blob(digest))) <= keys.UNUSED_TTL_S
    await service.submit(request(Style(preset="mosaic")))
    assert redis_connection.ttl(keys.blob(digest)) > keys.UNUSED_TTL_S, "a job uses it"
    owners = Owners(redis_connection)
    assert owners.total_bytes("ann") == len(png()), "the preset is nobody's"


def test_a_jobs_number_is_the_same_for_the_same_words_and_nobody_works_it_out() -> None:
    first = job_id_from("token", "-100", "7")
    assert job_id_from("token", "-100", "7") == first
    others = [job_id_from(*words) for words in (("other", "-100", "7"), ("token", "-1007"), ("token", "-100", "8"))]
    assert len({first, *others}) == 4
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", first), "128 bits, in letters that RQ takes"
