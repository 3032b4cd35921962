"""Bytes by their SHA-256 for a while: the pictures of the queue.

The same picture is stored once however often it is used, and nothing is trusted on reading. Bytes lie in Redis, or in
a byte store beside it; then Redis holds a word in their place, with the time to live.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, cast

import redis

from nst.errors import JobError
from workers import keys
from workers.byte_stores import ByteStore

ELSEWHERE = b"pastiche: in the byte store"


@dataclass
class _Process:
    """One byte store for a process, as one Redis."""

    store: ByteStore | None = None


_process = _Process()


def use_byte_store(store: ByteStore | None) -> None:
    """Say where this process keeps bytes from now on; the command that starts it does, once.

    Args:
        store: None for Redis itself. What already lies in either is found by every process that has the store.
    """
    _process.store = store


def byte_store() -> ByteStore | None:
    """Where this process keeps bytes; None for Redis itself."""
    return _process.store


def blob_hash(data: bytes) -> str:
    """The name of a blob: SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def stage(pipe: Any, digest: str, data: bytes, ttl_s: int = keys.RESULT_TTL_S) -> None:
    """Store bytes as a part of what a pipeline does.

    Args:
        pipe: Of redis-py, or a connection.
        digest: Their hash.
        data: Any bytes.
        ttl_s: Seconds to live.

    Raises:
        OperatorError: ``queue_unavailable``: the byte store takes nothing.
    """
    if _process.store:
        # The bytes first: what Redis names is there.
        _process.store.write(digest, data)
    pipe.set(keys.blob(digest), ELSEWHERE if _process.store else data, ex=ttl_s)


def verified(digest: str, data: bytes | None) -> bytes:
    """Bytes that were read from Redis, fetched from the byte store if they lie there, if they are what their name says.

    Raises:
        JobError: ``job_expired``: they are gone, or damaged.
        OperatorError: ``queue_unavailable``: the byte store does not answer.
    """
    if data == ELSEWHERE and _process.store:
        data = _process.store.read(digest)
    if data is None or blob_hash(data) != digest:
        raise JobError("job_expired", {"blob": digest[:12]})
    return data


class Blobs:
    """Blob store.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def put(self, data: bytes, ttl_s: int = keys.RESULT_TTL_S) -> str:
        """Store bytes; those that are there already live ``ttl_s`` from now.

        Args:
            data: Any bytes.
            ttl_s: Seconds to live.

        Returns:
            The blob's hash.
        """
        digest = blob_hash(data)
        stage(self._connection, digest, data, ttl_s)
        return digest

    def get(self, digest: str) -> bytes:
        """Read bytes and check them against their hash.

        Args:
            digest: What ``put`` returned.

        Raises:
            JobError: ``job_expired``: they are gone, or damaged.
        """
        return verified(digest, cast("bytes | None", self._connection.get(keys.blob(digest))))

    def touch(self, digest: str, ttl_s: int = keys.RESULT_TTL_S) -> bool:
        """Let a blob live ``ttl_s`` from now.

        Returns:
            Whether it was still there.
        """
        return bool(self._connection.expire(keys.blob(digest), ttl_s))

    def forget(self, *digests: str) -> int:
        """Delete blobs at once.

        Returns:
            How many were there.
        """
        known = self._connection.delete(*map(keys.blob, digests)) if digests else 0
        forget_bytes(*digests)
        return known


def forget_bytes(*digests: str) -> None:
    """Delete from the byte store what Redis knows no more; nothing to do where Redis keeps bytes itself."""
    if _process.store and digests:
        _process.store.delete(*digests)
