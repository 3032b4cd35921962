from __future__ import annotations

import io

import pytest
import redis
from PIL import Image

from bot.chat.memory import NotedStyle, Sessions
from bot.chat.privacy import forget
from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash


def picture(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, 30, 90)).save(out, "PNG")
    return out.getvalue()


PRESET = picture(250)


def submit(connection: redis.Redis, job_id: str, user: str, shade: int) -> Job:
    content = picture(shade)
    hashes = {"content": blob_hash(content), "styles": (blob_hash(PRESET),)}
    job = Job(job_id=job_id, frontend="f", user=user, options=StyleOptions(method="palette"), **hashes)  # type: ignore[arg-type]
    QueueClient(connection).submit(job, [content, PRESET])
    return job


def test_everything_of_one_user_goes_and_nothing_of_another(redis_connection: redis.Redis) -> None:
    finished, waiting = submit(redis_connection, "a1", "ann", 10), submit(redis_connection, "a2", "ann", 20)
    others = submit(redis_connection, "b1", "bob", 30)
    painted = Blobs(redis_connection).put(picture(99), owner="ann")
    result = Result(job_id="a1", frontend="f", outcome="done", picture=painted, user="ann", job=finished.to_json())
    post_terminal(redis_connection, result)
    Sessions(redis_connection).note_style("chat", "ann", NotedStyle(painted, spoiler=True))
    Sessions(redis_connection).note_style("chat", "bob", NotedStyle(others.content))

    assert forget(redis_connection, "ann", [blob_hash(PRESET)]) == 2

    gone = [finished.content, waiting.content, painted]
    assert not any(redis_connection.exists(keys.blob(digest)) for digest in gone)
    assert redis_connection.exists(keys.blob(others.content), keys.blob(blob_hash(PRESET))) == 2
    assert not QueueClient(redis_connection).jobs_of("ann")
    assert QueueClient(redis_connection).jobs_of("bob") == ["b1"]
    assert Sessions(redis_connection).noted_style("chat", "bob") == NotedStyle(others.content)
    left = [name.decode() for name in redis_connection.scan_iter() if b"ann" in name]
    assert all("quota" in name for name in left)


@pytest.mark.parametrize("user", ["nobody", "discord:1"])
def test_somebody_unknown_is_forgotten_as_well(redis_connection: redis.Redis, user: str) -> None:
    assert forget(redis_connection, user) == 0
