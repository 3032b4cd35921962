"""A sweep over all of Redis: after "forget me" no key and no value names the user, their jobs or their pictures."""

from __future__ import annotations

import io

import pytest
import redis
from PIL import Image

from bot.chat.chat_settings import ChatSettings, ChatSettingsStore
from bot.chat.conversation import Choice
from bot.chat.memory import Drafts, NotedStyle, Sessions
from bot.chat.privacy import forget
from bot.chat.recipe_codes import Recipe, RecipeCodes
from bot.chat.shown import Shown
from nst.errors import BusyError, UserError
from nst.options import StyleOptions
from tests.traces import traces_left
from workers.client.client import QueueClient
from workers.client.line import Limits
from workers.client.outbox import post_terminal
from workers.client.progress import write_event
from workers.contract import Event, Job, Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash

USER, CHAT = "telegram:555001", "telegram:-100777"


def picture(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, 30, 90)).save(out, "PNG")
    return out.getvalue()


PRESET = picture(250)


def submit(connection: redis.Redis, job_id: str, user: str, shade: int) -> Job:
    content = picture(shade)
    job = Job(
        job_id=job_id,
        frontend="telegram",
        user=user,
        content=blob_hash(content),
        styles=(blob_hash(PRESET),),
        options=StyleOptions(method="palette", seed=shade),
        reply_to={"chat": CHAT, "user_id": user},
        style_label="mosaic",
    )
    QueueClient(connection, Limits(pending_per_user=2)).submit(job, [content, PRESET])
    return job


@pytest.fixture
def traces(redis_connection: redis.Redis) -> list[str]:
    """A user's life in Redis, in every room; what would tell of it."""
    connection, blobs = redis_connection, Blobs(redis_connection)
    done, waiting = submit(connection, "job1", USER, 10), submit(connection, "job2", USER, 20)
    preview, checkpoint, painted = (blobs.put(data, owner=USER) for data in (b"preview", b"checkpoint", picture(99)))
    connection.lrem(keys.rq_queue("fast"), 0, "job1")
    connection.hdel(keys.line("fast"), "job1")
    running = Event(job_id="job1", frontend="telegram", state="running", fraction=0.5, preview=preview)
    write_event(connection, running)
    connection.hset(keys.record("job1"), "checkpoint", checkpoint)
    result = Result(job_id="job1", frontend="telegram", outcome="done", picture=painted, user=USER, job=done.to_json())
    post_terminal(connection, result)
    RecipeCodes(connection).keep(Recipe.of(done), USER)
    Shown(connection).note(CHAT, done.content, blob_hash(picture(200)))
    Shown(connection).note(USER, done.content)
    own_style, refused = blobs.put(picture(120), owner=USER), picture(130)
    Sessions(connection).note_style(CHAT, USER, NotedStyle(own_style, spoiler=True))
    Drafts(connection).note_choice(USER, Choice(presets=("mosaic",), strength=0.5, method="palette"))
    Drafts(connection).wait_in(CHAT, USER, "12")
    rules = ChatSettings(cooldown_s=60, per_user_per_day=5)
    ChatSettingsStore(connection).take(CHAT, USER, rules)
    submit(connection, "job3", USER, 30)  # the second unfinished one
    with pytest.raises(BusyError):
        submit(connection, "job4", USER, 130)
    digests = [done.content, waiting.content, preview, checkpoint, painted, own_style, blob_hash(refused)]
    return [USER, USER.removeprefix("telegram:"), *digests, blob_hash(picture(30))]


def test_a_sweep_finds_nothing_of_a_forgotten_user(redis_connection: redis.Redis, traces: list[str]) -> None:
    other = submit(redis_connection, "job9", "telegram:8", 200)
    recipe = Recipe.of(other)
    code = RecipeCodes(redis_connection).keep(recipe, "telegram:8")
    assert [trace for trace in traces if not traces_left(redis_connection, [trace])] == []

    assert forget(redis_connection, USER, [blob_hash(PRESET)]) == 3

    assert traces_left(redis_connection, traces) == []
    tombs = [keys.done("job1")]  # so that nothing is told later
    assert traces_left(redis_connection, ["job1"], but=tombs) == []
    assert RecipeCodes(redis_connection).read(code, "telegram:8").recipe == recipe
    assert redis_connection.exists(keys.blob(other.content), keys.blob(blob_hash(PRESET))) == 2
    assert QueueClient(redis_connection).jobs_of("telegram:8") == ["job9"]


def test_forgetting_is_no_way_around_a_quota(redis_connection: redis.Redis) -> None:
    chats, rules = ChatSettingsStore(redis_connection), ChatSettings(per_user_per_day=1)
    chats.take(CHAT, USER, rules)
    forget(redis_connection, USER)
    with pytest.raises(BusyError):
        chats.take(CHAT, USER, rules)
    client = QueueClient(redis_connection, Limits(per_user_per_day=1))
    submit(redis_connection, "job1", USER, 10)
    forget(redis_connection, USER)
    job = Job(job_id="again", frontend="f", user=USER, content=blob_hash(PRESET), styles=(), options=StyleOptions())
    with pytest.raises(BusyError):
        client.submit(job, [PRESET])


def test_a_forgotten_recipe_is_unknown(redis_connection: redis.Redis) -> None:
    job = submit(redis_connection, "job1", USER, 10)
    code = RecipeCodes(redis_connection).keep(Recipe.of(job), USER)
    forget(redis_connection, USER)
    with pytest.raises(UserError, match="recipe_unknown"):
        RecipeCodes(redis_connection).read(code, USER)


def test_whatever_is_kept_has_its_end(redis_connection: redis.Redis, traces: list[str]) -> None:
    """README: pictures, results and jobs for a day, recipes for 30; nothing is without an end."""
    assert [name for name in redis_connection.scan_iter() if redis_connection.ttl(name) == -1] == []
    for pattern, limit_s in (("blob", 86_400), ("job", 86_400), ("done", 86_400), ("outbox", 7 * 86_400)):
        for name in redis_connection.scan_iter(f"pastiche:{pattern}:*"):
            assert 0 < int(redis_connection.ttl(name)) <= limit_s, name
