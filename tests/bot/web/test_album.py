"""What a session has, in a real Redis."""

from __future__ import annotations

import json

import pytest
import redis

from bot.web.session_jobs import STRIP, Album
from nst.options import StyleOptions
from workers.contract import Job, Result

ANN, BOB = "web-ann", "web-bob"


def job(job_id: str, user: str = ANN, strip: str = "", at_s: float = 1.0) -> Job:
    reply_to = {"session": user} | ({STRIP: strip} if strip else {})
    return Job(
        job_id=job_id,
        frontend="web",
        content="c" * 64,
        styles=("s" * 64,),
        options=StyleOptions(method="palette"),
        reply_to=reply_to,
        user=user,
        submitted_at_s=at_s,
    )


@pytest.fixture
def album(redis_connection: redis.Redis) -> Album:
    return Album(redis_connection)


def test_a_wall_belongs_to_its_session(album: Album) -> None:
    album.add(job("1"))
    album.add(job("2", BOB))
    assert [entry.job.job_id for entry in album.entries(ANN)] == ["1"]
    assert album.entry(BOB, "1") is None
    assert album.hang(BOB, "1") is None


def test_jobs_hang_in_the_order_in_which_they_were_asked_for(album: Album) -> None:
    for job_id, at_s in (("b", 2.0), ("a", 3.0), ("c", 1.0)):
        album.add(job(job_id, at_s=at_s))
    assert [entry.job.job_id for entry in album.entries(ANN)] == ["c", "b", "a"]
    assert album.entries(ANN)[0].job == job("c", at_s=1.0)


def test_a_strips_part_has_no_card_until_it_is_picked(album: Album) -> None:
    album.add(job("1", strip="s"))
    before = album.entry(ANN, "1")
    assert before is not None
    assert (before.strip, before.hung_at_s) == ("s", 0.0)
    hung = album.hang(ANN, "1")
    assert hung is not None
    assert hung.hung_at_s > 0
    assert album.hang(ANN, "1") == hung
    album.add(job("1", strip="s"))  # its result comes: what was picked stays picked
    assert album.entry(ANN, "1") == hung


def test_an_entry_of_another_release_does_not_cost_the_wall(album: Album, redis_connection: redis.Redis) -> None:
    album.add(job("1"))
    entry = job("2").to_json().replace('"version":1', '"version":99')
    redis_connection.hset(f"pastiche:web:wall:{ANN}", "2", json.dumps({"hung_at_s": 2.0, "job": entry}))
    assert [entry.job.job_id for entry in album.entries(ANN)] == ["1"]
    assert album.entry(ANN, "2") is None


def test_pictures_are_seen_by_those_who_own_them(album: Album) -> None:
    album.shown.note(ANN, "a" * 64, "")
    assert album.shown.has(ANN, "a" * 64)
    assert not album.shown.has(BOB, "a" * 64)
    assert not album.shown.has(ANN, "")


def test_a_result_shows_its_picture_and_taking_it_down_hides_it(album: Album) -> None:
    done = Result(job_id="1", frontend="web", outcome="done", user=ANN, picture="p" * 64)
    album.add(job("1"), done)
    assert album.shown.has(ANN, "p" * 64)
    album.take_down(ANN, "1", "p" * 64)
    assert not album.shown.has(ANN, "p" * 64)
    assert album.entries(ANN) == []


def test_nothing_is_kept_for_longer_than_a_day(album: Album, redis_connection: redis.Redis) -> None:
    album.add(job("1"), Result(job_id="1", frontend="web", outcome="done", user=ANN, picture="p" * 64))
    found = list(redis_connection.scan_iter("pastiche:*"))
    assert len(found) == 2
    for key in found:
        assert 0 < int(redis_connection.ttl(key)) <= 86_400
