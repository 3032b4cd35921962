"""Identical requests are answered with what was made before: the same pictures, options and weights, nothing less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import redis

from nst.options import StyleOptions
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs
from workers.store.made_before import MadeBefore, made_key


@pytest.fixture
def job(chat: Any) -> Job:
    made: Job = chat.send("first", method="fast")
    return made


@pytest.fixture
def result(job: Job, redis_connection: redis.Redis) -> Result:
    """Of the job, by the weights "one"."""
    picture = Blobs(redis_connection).put(b"a pastiche")
    fields = {"picture": picture, "media_type": "image/png", "width_px": 8, "height_px": 6, "service_s": 2.0}
    return Result(job_id="first", frontend="web", outcome="done", method="fast", model="one", **fields)  # type: ignore[arg-type]


def test_only_the_same_is_the_same(job: Job) -> None:
    changes: list[dict[str, Any]] = [
        {"content": job.styles[0]},
        {"styles": (job.content,)},
        {"styles": (*job.styles, job.content)},
        *({"options": job.options.replace(**one)} for one in ({"strength": 0.9}, {"colours": "keep"}, {"seed": 7})),
    ]
    assert len({made_key(replace(job, **change)) for change in ({}, *changes)}) == len(changes) + 1
    assert made_key(replace(job, job_id="again", user="bob", submitted_at_s=9.0, style_label="x")) == made_key(job)


def test_it_is_recalled_by_who_has_the_same_weights(job: Job, result: Result, redis_connection: redis.Redis) -> None:
    here, elsewhere = MadeBefore(redis_connection), MadeBefore(redis_connection)
    here.remember(job, result)
    known = redis_connection.get(made_key(job))
    assert isinstance(known, bytes)
    again = here.recall(job, known)
    assert again is not None
    assert (again["picture"], again["model"], again["width_px"]) == (result.picture, "one", 8)
    assert elsewhere.recall(job, known) is None, "nobody knows yet what weights it has"
    other = replace(job, options=StyleOptions(method="fast", seed=1))
    elsewhere.remember(other, replace(result, model="two"))
    assert elsewhere.recall(job, known) is None
    elsewhere.remember(other, result)
    assert elsewhere.recall(job, known) == again


def test_a_stand_ins_picture_is_not_kept_and_a_lost_one_is_not_recalled(
    job: Job, result: Result, redis_connection: redis.Redis
) -> None:
    before = MadeBefore(redis_connection)
    before.remember(job, replace(result, method="palette"))
    assert redis_connection.get(made_key(job)) is None
    before.remember(job, result)
    known = redis_connection.get(made_key(job))
    assert isinstance(known, bytes)
    redis_connection.expire(keys.blob(result.picture), 60)
    assert before.recall(job, known)
    assert redis_connection.ttl(keys.blob(result.picture)) > 60, "who asks again keeps it for another day"
    Blobs(redis_connection).forget(result.picture)
    assert before.recall(job, known) is None
