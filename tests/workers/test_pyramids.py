from __future__ import annotations

from pathlib import Path

import redis

from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.byte_stores import FolderStore, use_byte_store
from workers.store.owners import NOBODY, Owners
from workers.store.pyramids import RedisPyramids

PYRAMID = b"generators" * 100


def test_a_pyramid_trained_by_one_worker_is_there_for_all_and_its_day_begins_anew(
    redis_connection: redis.Redis,
) -> None:
    RedisPyramids(redis_connection).put("key", PYRAMID)
    for name in (keys.pyramid("key"), keys.blob(blob_hash(PYRAMID))):
        redis_connection.expire(name, 5)
    other = RedisPyramids(redis_connection)
    assert other.get("key") == PYRAMID
    assert other.get("another") is None
    assert all(int(redis_connection.ttl(name)) > 5 for name in (keys.pyramid("key"), keys.blob(blob_hash(PYRAMID))))


def test_who_forgets_a_style_forgets_what_was_learnt_of_it(redis_connection: redis.Redis, tmp_path: Path) -> None:
    use_byte_store(FolderStore(tmp_path))
    try:
        pyramids = RedisPyramids(redis_connection)
        with pyramids.during(["style"]):
            pyramids.put("key", PYRAMID)
        assert any(path.is_file() for path in tmp_path.rglob("*"))
        Owners(redis_connection).release(NOBODY, "style")
        assert pyramids.get("key") is None
        assert not any(path.is_file() for path in tmp_path.rglob("*")), "nor is it left in the byte store"
    finally:
        use_byte_store(None)


def test_a_pyramid_whose_bytes_are_gone_is_none(redis_connection: redis.Redis) -> None:
    pyramids = RedisPyramids(redis_connection)
    pyramids.put("key", PYRAMID)
    Blobs(redis_connection).forget(blob_hash(PYRAMID))
    assert pyramids.get("key") is None


def test_a_full_redis_keeps_none_and_the_job_goes_on(redis_connection: redis.Redis) -> None:
    pyramids = RedisPyramids(redis_connection)
    used = redis_connection.info("memory")["used_memory"]
    redis_connection.config_set("maxmemory", used // 2)
    try:
        pyramids.put("key", PYRAMID)
    finally:
        redis_connection.config_set("maxmemory", 0)
    assert pyramids.get("key") is None
