"""Owners of blobs and bytes of everybody, counted in a real Redis."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import redis
from PIL import Image

from nst.errors import BusyError, JobError
from nst.options import StyleOptions
from tests.workers.conftest import picture
from workers.client.client import QueueClient
from workers.client.line import MIB, Limits
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.byte_stores import FolderStore, use_byte_store
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis
from workers.store.owners import NOBODY, Owners


def refused(call: Callable[[], object]) -> BusyError:
    with pytest.raises(BusyError) as caught:
        call()
    return caught.value


def expire(connection: redis.Redis, *digests: str) -> None:
    """What a while does: the blobs are gone, and what is counted has ended."""
    for digest in digests:
        connection.delete(keys.blob(digest), f"pastiche:owners:{digest}")
    for name in connection.scan_iter("pastiche:held:*"):
        for member in cast("list[bytes]", connection.zrange(name, 0, -1)):
            connection.zadd(name, {member: 1})


def new_job(job_id: str, user: str, content: bytes, style: bytes) -> Job:
    hashes: dict[str, Any] = {"content": blob_hash(content), "styles": (blob_hash(style),)}
    return Job(job_id=job_id, frontend="web", user=user, options=StyleOptions(method="palette"), **hashes)


def test_a_blob_goes_with_its_last_owner(redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection)
    digest = blobs.put(b"shared", owner="ann")
    blobs.put(b"shared", owner="bob")
    assert blobs.forget(digest, owner="ann") == 0
    assert blobs.get(digest) == b"shared"
    assert blobs.forget(digest, owner="eve") == 0, "who never owned it takes it from nobody"
    assert blobs.forget(digest, owner="bob") == 1
    with pytest.raises(JobError):
        blobs.get(digest)
    assert not list(redis_connection.scan_iter("pastiche:*")), "nothing is left to count"


def test_it_lives_as_long_as_the_owner_who_wants_it_longest(redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection)
    digest = blobs.put(b"shared", 900, "ann")
    blobs.put(b"shared", 50, "bob")
    assert redis_connection.ttl(keys.blob(digest)) > 800, "a preview does not cut a job's picture short"
    blobs.forget(digest, owner="ann")
    assert 0 < int(redis_connection.ttl(keys.blob(digest))) <= 50
    assert 0 < int(redis_connection.ttl(f"pastiche:owners:{digest}")) <= 50


def test_a_blob_of_an_earlier_release_is_forgotten_as_it_was(redis_connection: redis.Redis) -> None:
    digest = blob_hash(b"old")
    redis_connection.set(keys.blob(digest), b"old", ex=900)
    assert Owners(redis_connection).release("ann", digest) == [digest]
    assert not redis_connection.exists(keys.blob(digest))


def test_bytes_of_somebody_are_counted_once_and_let_go(redis_connection: redis.Redis) -> None:
    blobs, owners = Blobs(redis_connection), Owners(redis_connection)
    first = blobs.put(b"x" * 1000, owner="ann")
    blobs.put(b"x" * 1000, owner="ann")
    blobs.put(b"x" * 1000, owner="bob")
    second = blobs.put(b"y" * 500, owner="ann")
    assert (owners.total_bytes("ann"), owners.total_bytes("bob"), owners.total_bytes()) == (1500, 1000, 1500)
    owners.release("ann", first)
    assert (owners.total_bytes("ann"), owners.total_bytes()) == (500, 1500)
    assert owners.release_all("ann") == [second]
    assert (owners.total_bytes("ann"), owners.total_bytes()) == (0, 1000)


def test_what_ended_by_itself_counts_no_more(redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection, Limits(bytes_per_user=MIB))
    old = blobs.put(bytes(MIB), owner="ann")
    error = refused(lambda: blobs.put(b"more", owner="ann"))
    assert error.code == "bytes_limited"
    assert error.detail["held_bytes"] == error.detail["allowed_bytes"] == MIB
    assert 86_000 < error.retry_after_s <= 86_400, "that is when it ends"
    expire(redis_connection, old)
    assert blobs.get(blobs.put(b"more", owner="ann")) == b"more"
    assert Owners(redis_connection).total_bytes("ann") == Owners(redis_connection).total_bytes() == 4


def test_nobody_is_refused_what_they_have_already(redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection, Limits(bytes_per_user=MIB))
    assert blobs.put(bytes(MIB), owner="ann") == blobs.put(bytes(MIB), owner="ann")


def test_who_has_all_that_they_may_have_gets_no_variations_either(redis_connection: redis.Redis) -> None:
    content, style = picture(1), picture(2)
    client = QueueClient(redis_connection, Limits(bytes_per_user=len(content) + len(style) + 100))
    client.submit(new_job("j1", "ann", content, style), [content, style])
    assert client.submit(new_job("j2", "ann", content, style))
    Blobs(redis_connection).put(bytes(100), owner="ann")  # a result
    assert refused(lambda: client.submit(new_job("j3", "ann", content, style))).code == "bytes_limited"


def test_when_there_is_room_follows_from_what_ends_first(redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection, Limits(bytes_per_user=100))
    for ttl_s, data in ((60, b"a" * 10), (600, b"b" * 40), (6000, b"c" * 50)):
        blobs.put(data, ttl_s, "ann")
    waits = [refused(lambda size=size: blobs.put(bytes(size), owner="ann")).retry_after_s for size in (5, 30, 80)]  # type: ignore[misc]
    assert [50 < waits[0] <= 60, 590 < waits[1] <= 600, 5990 < waits[2] <= 6000] == [True] * 3
    too_large = refused(lambda: blobs.put(bytes(101), owner="ann"))
    assert "retry_after_s" not in too_large.detail, "never: that is not a time"


def test_all_sessions_of_an_address_share_its_budget(redis_connection: redis.Redis) -> None:
    limits = Limits(bytes_per_user=80, bytes_per_address=100)
    blobs, owners = Blobs(redis_connection, limits), Owners(redis_connection)
    first = blobs.put(b"a" * 60, 900, "web-1", payer="address:x")
    error = refused(lambda: blobs.put(b"b" * 60, 900, "web-2", payer="address:x"))
    assert error.code == "address_bytes_limited"
    assert 800 < error.retry_after_s <= 900
    blobs.put(b"b" * 60, 900, "web-2", payer="address:y")
    Blobs(redis_connection).put(b"r" * 20, 900, "web-1")  # a result, by a worker that knows no address
    assert (owners.total_bytes("address:x"), owners.total_bytes("address:y")) == (80, 60)
    owners.claim("web-1", {first: None}, 900, payer="address:z")
    assert (owners.total_bytes("address:x"), owners.total_bytes("address:z")) == (20, 60), "it moved with its visitor"
    owners.release_all("web-1")
    assert (owners.total_bytes("address:x"), owners.total_bytes("address:z")) == (0, 0)


def test_all_pictures_together_have_a_limit_where_redis_has_none(redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection, Limits(bytes_in_all=100))
    blobs.put(bytes(60), 900, "ann")
    blobs.put(bytes(60), 900, "bob")
    error = refused(lambda: blobs.put(b"b" * 60, owner="bob"))
    assert error.code == "store_full"
    assert 800 < error.retry_after_s <= 900


def test_there_stays_room_for_what_waits_to_be_painted(redis_connection: redis.Redis) -> None:
    content, style = picture(1), picture(2)
    mean = (len(content) + len(style)) // 2
    client = QueueClient(redis_connection, Limits(bytes_in_all=10 * mean))
    client.submit(new_job("j0", "ann", content, style), [content, style])
    for number in range(1, 8):
        client.submit(new_job(f"j{number}", "ann", content, style))
    assert refused(lambda: client.submit(new_job("j8", "bob", content, style))).code == "store_full"
    client.cancel("j0", "ann")
    assert client.submit(new_job("j8", "bob", content, style))


def test_bytes_beside_redis_count_the_same(redis_connection: redis.Redis, tmp_path: Path) -> None:
    use_byte_store(FolderStore(tmp_path))
    try:
        blobs = Blobs(redis_connection, Limits(bytes_per_user=100, bytes_in_all=150))
        digest = blobs.put(bytes(90), owner="ann")
        assert refused(lambda: blobs.put(b"more and more", owner="ann")).code == "bytes_limited"
        assert refused(lambda: blobs.put(b"b" * 90, owner="bob")).code == "store_full"
        blobs.put(bytes(90), owner="bob")
        assert blobs.forget(digest, owner="ann") == 0
        assert blobs.get(digest) == bytes(90)
        blobs.forget(digest, owner="bob")
        assert not any(path.is_file() for path in tmp_path.rglob("*"))
    finally:
        use_byte_store(None)


def test_what_expired_is_taken_off_a_bounded_number_at_a_time(redis_connection: redis.Redis) -> None:
    blobs, owners = Blobs(redis_connection), Owners(redis_connection)
    digests = [blobs.put(str(number).zfill(10).encode(), owner="ann") for number in range(250)]
    expire(redis_connection, *digests)
    totals = []
    for number in range(4):
        blobs.put(bytes(10 + number), owner="ann")
        totals.append(owners.total_bytes("ann"))
    assert totals == [1510, 521, 33, 46]


def test_an_answered_job_keeps_nothing_more(redis_connection: redis.Redis) -> None:
    job = new_job("j1", "ann", picture(1), picture(2))
    post_terminal(redis_connection, Result.cancellation(job))
    digest = Blobs(redis_connection).put(b"too late", owner="ann", job_id="j1")
    assert digest == blob_hash(b"too late")
    assert not redis_connection.exists(keys.blob(digest))
    assert Owners(redis_connection).total_bytes("ann") == 0


def test_what_no_job_uses_lives_for_half_an_hour(redis_connection: redis.Redis) -> None:
    content, style = picture(1), picture(2)
    client, job = QueueClient(redis_connection, Limits(pending_per_user=1)), new_job("j1", "ann", content, style)
    client.submit(job, [content, style])
    assert redis_connection.ttl(keys.blob(job.content)) > keys.UNUSED_TTL_S
    later = new_job("j2", "ann", picture(3), style)
    assert refused(lambda: client.submit(later, [picture(3)])).code == "rate_limited"
    for name in (keys.blob(later.content), keys.side(later.content)):
        assert 0 < int(redis_connection.ttl(name)) <= keys.UNUSED_TTL_S
    assert redis_connection.ttl(keys.blob(job.styles[0])) > keys.UNUSED_TTL_S


def test_presets_are_nobodys_and_charged_to_nobody(redis_connection: redis.Redis) -> None:
    content, preset = picture(1), picture(2)
    client, job = QueueClient(redis_connection), new_job("j1", "ann", content, preset)
    client.submit(job, [content, preset], presets=[blob_hash(preset)])
    owners = Owners(redis_connection)
    assert owners.total_bytes("ann") == len(content)
    owners.release_all("ann")
    owners.release("ann", blob_hash(preset))
    assert redis_connection.exists(keys.blob(blob_hash(preset)))
    assert not redis_connection.exists(keys.blob(job.content))
    assert owners.release(NOBODY, blob_hash(preset)) == [blob_hash(preset)]


def test_a_refused_job_leaves_nothing(redis_connection: redis.Redis) -> None:
    client = QueueClient(redis_connection, Limits(bytes_per_user=10))
    job = new_job("j1", "ann", picture(1), picture(2))
    assert refused(lambda: client.submit(job, [picture(1), picture(2)])).code == "bytes_limited"
    assert not list(redis_connection.scan_iter("pastiche:blob:*"))
    assert client.event("j1") is None


@pytest.fixture
def small_redis() -> Iterator[redis.Redis]:
    """A Redis with little memory, of the test's own."""
    with (
        tempfile.TemporaryDirectory(prefix="pastiche-") as folder,
        EmbeddedRedis(Path(folder)) as server,
        connect(server.url) as connection,
    ):
        connection.config_set("maxmemory", str(24 * MIB))
        yield connection


@pytest.mark.e2e
def test_a_full_redis_refuses_pictures_and_ends_what_runs(small_redis: redis.Redis, chat_on: Any, spawn: Any) -> None:
    url = small_redis.connection_pool.connection_kwargs["path"]
    chat = chat_on(f"unix://{url}")
    for number in range(6):
        chat.send(f"j{number}", seed=number)
    blobs = Blobs(small_redis, Limits(bytes_per_user=2**40))
    error, given = None, 0
    while error is None:
        try:
            blobs.put(bytes([given]) * MIB, 900, f"flooder-{given}")
            given += 1
        except BusyError as busy:
            error = busy
    assert error.code == "store_full"
    assert 800 < error.retry_after_s <= 900, "when the first of them ends"
    info = small_redis.info("memory")
    assert info["used_memory"] <= 0.9 * info["maxmemory"]
    small_redis.config_set("maxmemory", int(info["used_memory"] / 0.9))
    out = io.BytesIO()
    Image.frombytes("RGB", (640, 640), os.urandom(640 * 640 * 3)).save(out, "PNG")
    large = out.getvalue()
    other = new_job("late", "bob", large, picture(8))
    assert refused(lambda: chat.client.submit(other, [large, picture(8)])).code == "store_full"
    spawn(url=f"unix://{url}")
    results = chat.wait_for(*(f"j{number}" for number in range(6)))
    assert [result.outcome for result in results] == ["done"] * 6
    Owners(small_redis).release_all("flooder-0")
    Owners(small_redis).release_all("flooder-1")
    assert chat.client.submit(replace(other, job_id="again"), [large, picture(8)])
