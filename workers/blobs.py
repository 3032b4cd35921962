"""Bytes by their SHA-256, in Redis, for a while: the pictures of the queue.

The same picture is stored once however often it is used, and nothing is trusted on reading.
"""

from __future__ import annotations

import hashlib
from typing import cast

import redis

from nst.errors import JobError
from workers import keys


def blob_hash(data: bytes) -> str:
    """The name of a blob: SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def verified(digest: str, data: bytes | None) -> bytes:
    """Bytes that were read, if they are what their name says.

    Raises:
        JobError: ``job_expired``: they are gone, or damaged.
    """
    if data is None or blob_hash(data) != digest:
        raise JobError("job_expired", {"blob": digest[:12]})
    return data


class Blobs:
    """Blob store in Redis.

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
        self._connection.set(keys.blob(digest), data, ex=ttl_s)
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
        return self._connection.delete(*map(keys.blob, digests)) if digests else 0
