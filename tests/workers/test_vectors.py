import numpy as np
import redis

from workers.store import keys
from workers.store.owners import NOBODY, Owners
from workers.store.vectors import RedisVectors

VECTOR = np.linspace(-1, 1, 768, dtype=np.float32).reshape(1, 1, 1, 768)


def test_what_one_worker_made_another_finds_to_the_last_bit(redis_connection: redis.Redis) -> None:
    RedisVectors(redis_connection).put("model:picture:1", VECTOR)
    found = RedisVectors(redis_connection).get("model:picture:1")
    assert found is not None
    assert found.dtype == np.float32
    assert np.array_equal(found, VECTOR)
    assert RedisVectors(redis_connection).get("model:other:1") is None


def test_a_vector_is_kept_for_a_day_from_its_last_use(redis_connection: redis.Redis) -> None:
    vectors = RedisVectors(redis_connection)
    vectors.put("model:picture:1", VECTOR)
    redis_connection.expire(keys.vector("model:picture:1"), 60)
    assert vectors.get("model:picture:1") is not None
    assert redis_connection.ttl(keys.vector("model:picture:1")) > keys.RESULT_TTL_S - 60


def test_who_forgets_a_picture_forgets_its_vectors_in_every_process(redis_connection: redis.Redis) -> None:
    here, there = RedisVectors(redis_connection), RedisVectors(redis_connection)
    with here.during(["content", "style"]):
        here.put("model:style:1", VECTOR)
    with there.during(["other content", "style"]):
        assert there.get("model:style:1") is not None
    Owners(redis_connection).release(NOBODY, "style")
    assert here.get("model:style:1") is None
    assert there.get("model:style:1") is None
    assert not redis_connection.exists(keys.vector("model:style:1"), keys.vectors_of("style"))


def test_a_redis_without_memory_costs_the_vector_and_not_the_job(redis_connection: redis.Redis) -> None:
    vectors = RedisVectors(redis_connection)
    used = redis_connection.info("memory")["used_memory"]
    redis_connection.config_set("maxmemory", used // 2)
    try:
        vectors.put("model:picture:1", VECTOR)
    finally:
        redis_connection.config_set("maxmemory", 0)
    assert vectors.get("model:picture:1") is None
