from __future__ import annotations

import hashlib

import pytest
import redis

from nst.errors import JobError
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash


def test_bytes_come_back_by_their_hash(redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection)
    digest = blobs.put(b"\x00picture\xff", ttl_s=50)
    assert digest == hashlib.sha256(b"\x00picture\xff").hexdigest() == blob_hash(b"\x00picture\xff")
    assert blobs.get(digest) == b"\x00picture\xff"
    assert 0 < int(redis_connection.ttl(keys.blob(digest))) <= 50


def test_damaged_bytes_are_not_given_out(redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection)
    digest = blobs.put(b"whole")
    redis_connection.set(keys.blob(digest), b"hole")
    with pytest.raises(JobError) as caught:
        blobs.get(digest)
    assert caught.value.code == "job_expired"


def test_what_is_gone_is_said_to_be(redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection)
    digest = blobs.put(b"soon gone")
    assert blobs.forget(digest) == 1
    with pytest.raises(JobError):
        blobs.get(digest)
