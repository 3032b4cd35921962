"""Blobs beside Redis: one contract for a folder and for S3 (a real server that speaks it, on loopback)."""

from __future__ import annotations

import importlib.util
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from nst.errors import JobError, OperatorError
from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.client.forgetting import forget_job
from workers.contract import Job
from workers.store import keys
from workers.store.blob_sweep import sweep, sweep_in_turn
from workers.store.blobs import ELSEWHERE, Blobs, blob_hash
from workers.store.byte_stores import ByteStore, FolderStore, open_byte_store, use_byte_store
from workers.store.s3_store import S3Access

_ACCESS = {"region": "us-east-1", "access_key_id": "key", "secret_access_key": "se-cret"}


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    for module in ("boto3", "moto", "flask"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed (uv sync --group deploy)")
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    secrets: dict[str, Any] = {"aws_access_key_id": "key", "aws_secret_access_key": "se-cret"}
    boto3.client("s3", endpoint_url=url, region_name="us-east-1", **secrets).create_bucket(Bucket="pictures")
    yield url
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ByteStore]:
    if request.param == "folder":
        opened = open_byte_store(str(tmp_path / "blobs"))
    else:
        url = request.getfixturevalue("s3_url")
        opened = open_byte_store(f"s3://pictures/{tmp_path.name}", S3Access(endpoint_url=url, **_ACCESS))
    assert opened is not None
    use_byte_store(opened)
    yield opened
    use_byte_store(None)


def test_bytes_lie_in_the_store_and_redis_holds_a_word(store: ByteStore, redis_connection: redis.Redis) -> None:
    blobs, data = Blobs(redis_connection), os.urandom(50_000)
    digest = blobs.put(data, ttl_s=500)
    assert redis_connection.get(keys.blob(digest)) == ELSEWHERE
    assert 0 < int(redis_connection.ttl(keys.blob(digest))) <= 500
    assert store.read(digest) == data == blobs.get(digest)
    assert blobs.put(data) == digest
    assert [name for name, _ in store.aged()] == [digest]


def test_damaged_and_missing_bytes_are_not_given_out(store: ByteStore, redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection)
    damaged, missing = blobs.put(b"whole"), blobs.put(b"there")
    store.write(damaged, b"hole")
    store.delete(missing)
    for digest in (damaged, missing, blob_hash(b"never")):
        with pytest.raises(JobError) as caught:
            blobs.get(digest)
        assert caught.value.code == "job_expired"


def test_what_lay_in_redis_before_is_still_found(store: ByteStore, redis_connection: redis.Redis) -> None:
    use_byte_store(None)
    digest = Blobs(redis_connection).put(b"before the store")
    use_byte_store(store)
    assert Blobs(redis_connection).get(digest) == b"before the store"


def test_forgetting_deletes_at_once(store: ByteStore, redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection)
    first, second = blobs.put(b"first"), blobs.put(b"second")
    assert blobs.forget(first) == 1
    assert [name for name, _ in store.aged()] == [second]


def test_a_forgotten_job_leaves_nothing_in_the_store(
    store: ByteStore, redis_connection: redis.Redis, content: bytes, style: bytes
) -> None:
    given: dict[str, Any] = {
        "content": blob_hash(content),
        "styles": (blob_hash(style),),
        "options": StyleOptions(method="palette"),
    }
    job = Job(job_id="j1", frontend="web", user="u", **given)
    QueueClient(redis_connection).submit(job, [content, style])
    assert store.read(job.content) == content
    forget_job(redis_connection, "j1", shared=[blob_hash(style)])
    assert [name for name, _ in store.aged()] == [blob_hash(style)]


def test_the_sweep_deletes_what_redis_knows_no_more(store: ByteStore, redis_connection: redis.Redis) -> None:
    blobs = Blobs(redis_connection)
    kept, expired = blobs.put(b"kept"), blobs.put(b"expired")
    redis_connection.delete(keys.blob(expired))
    assert sweep(redis_connection, store) == 0, "bytes are written before Redis names them: the young are left alone"
    assert sweep(redis_connection, store, grace_s=-60) == 1
    assert [name for name, _ in store.aged()] == [kept]
    assert sweep_in_turn(redis_connection, store) == 0
    assert redis_connection.ttl(keys.SWEEP_LOCK) > 0


def test_the_sweep_deletes_what_a_killed_process_left(tmp_path: Path, redis_connection: redis.Redis) -> None:
    folder = FolderStore(tmp_path)
    folder.write(blob_hash(b"whole"), b"whole")
    partial = tmp_path / blob_hash(b"whole")[:2] / "tmpabc123"
    partial.write_bytes(b"who")
    hours_ago = time.time() - 7200
    os.utime(partial, (hours_ago, hours_ago))
    assert sweep(redis_connection, folder) == 1
    assert not partial.exists()


def test_a_store_that_does_not_answer_says_so_without_secrets() -> None:
    pytest.importorskip("boto3", reason="boto3 is not installed")
    away = open_byte_store("s3://pictures", S3Access(endpoint_url="http://127.0.0.1:9", **_ACCESS))
    assert away
    with pytest.raises(OperatorError) as caught:
        away.read("0" * 64)
    assert caught.value.code == "queue_unavailable"
    assert "se-cret" not in str(caught.value.detail)


def test_a_disk_that_takes_nothing_says_so_and_leaves_no_half_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limits on files here")
    folder, before = FolderStore(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # what a full disk does: a write fails half-way
    try:
        with pytest.raises(OperatorError) as caught:
            folder.write(blob_hash(b"x"), bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert caught.value.code == "queue_cannot_save"
    assert "too large" in str(caught.value.detail["reason"])
    assert list(folder.aged()) == []


@pytest.mark.parametrize("where", ["blobs", "s3://", "ftp://pictures", "/proc/blobs"])
def test_a_wrong_setting_is_named(where: str) -> None:
    with pytest.raises(OperatorError) as caught:
        open_byte_store(where)
    assert caught.value.code == "bad_setting"
    assert caught.value.detail["setting"] == "BLOB_STORE"


def test_redis_itself_is_the_default() -> None:
    assert open_byte_store("redis") is None
    assert open_byte_store("") is None
