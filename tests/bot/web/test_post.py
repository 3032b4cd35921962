"""Results on their way from the outbox to the walls, through a real Redis."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest
import redis

from bot.chat.access import Access
from bot.chat.captions import failure
from bot.chat.recipe_codes import RecipeCodes
from bot.chat.service import Request, Style, StyleService
from bot.presets.catalogue import load_presets
from bot.web.protection.throttle import Throttle
from bot.web.queue_listener import deliveries
from bot.web.session_jobs import Album
from bot.web.shared import FRONTEND, Studio
from nst.options import StyleOptions
from tests.bot.test_service import png
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys

JOB = Job(
    job_id="good", frontend=FRONTEND, content="c" * 64, styles=("s" * 64,), options=StyleOptions(), user="web-ann"
)


@pytest.fixture
def studio(redis_connection: redis.Redis) -> Studio:
    presets = load_presets()
    return Studio(
        service=StyleService(redis_connection, presets, FRONTEND),
        album=Album(redis_connection),
        presets=presets,
        throttle=Throttle(redis_connection),
        recipes=RecipeCodes(redis_connection),
        access=Access(redis_connection),
        language="en",
    )


async def test_a_result_that_trips_is_said_once_and_the_next_ones_hang(
    studio: Studio, redis_connection: redis.Redis, redis_url: str, caplog: pytest.LogCaptureFixture, until: Any
) -> None:
    poison = Result.cancellation(replace(JOB, job_id="poisoned"))
    poison = replace(poison, job=poison.job.replace('"reply_to":{}', '"reply_to":[1]'))
    post_terminal(redis_connection, poison)
    post_terminal(redis_connection, Result.cancellation(JOB))
    with caplog.at_level(logging.ERROR):
        async with deliveries(studio, redis_connection, redis_url):
            await asyncio.to_thread(until, lambda: studio.album.entry(JOB.user, "good"), "the good result")
            await asyncio.to_thread(until, lambda: redis_connection.xlen(keys.outbox(FRONTEND)) == 0, "an empty outbox")
    said = [record for record in caplog.records if record.name == "bot.web.queue_listener"]
    assert [record.getMessage() for record in said] == ["Job poisoned has a result that cannot be shown: cancelled"]
    assert said[0].exc_info


async def test_a_job_that_redis_lost_is_told_on_the_wall(
    studio: Studio, redis_connection: redis.Redis, redis_url: str, until: Any
) -> None:
    wanted = Request(content=png(), styles=(Style(preset="mosaic"),), options=StyleOptions(), user=JOB.user)
    async with deliveries(studio, redis_connection, redis_url):
        job = await studio.service.submit(wanted)
        redis_connection.flushall()
        await asyncio.to_thread(until, lambda: studio.album.entry(JOB.user, job.job_id), "a word", 20)
    result = await studio.service.result(job.job_id)
    assert result is not None
    assert "Please send it again" in failure(result, "en")
