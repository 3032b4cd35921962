"""Bytes by their SHA-256 for a while: the pictures of the queue.

The same picture is stored once however often it is used and whoever owns it (``workers.store.owners``), and nothing is
trusted on reading. Bytes lie in Redis, or in a byte store beside it; then Redis holds a word in their place, with the
time to live.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from typing import cast

import redis
from redis.exceptions import RedisError

from nst.errors import JobError
from workers.client.line import Limits
from workers.store import keys
from workers.store.byte_stores import byte_store
from workers.store.owners import NOBODY, Owners

ELSEWHERE = b"pastiche: in the byte store"


def blob_hash(data: bytes) -> str:
    """The name of a blob: SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def verified(digest: str, data: bytes | None) -> bytes:
    """Bytes that were read from Redis, fetched from the byte store if they lie there, if they are what their name says.

    Raises:
        JobError: ``job_expired``: they are gone, or damaged.
        OperatorError: ``queue_unavailable``: the byte store does not answer.
    """
    store = byte_store()
    if data == ELSEWHERE and store:
        data = store.read(digest)
    if data is None or blob_hash(data) != digest:
        raise JobError("job_expired", {"blob": digest[:12]})
    return data


class Blobs:
    """Blob store.

    Args:
        connection: To the queue's Redis.
        limits: What may be held; None where nobody is refused.
    """

    def __init__(self, connection: redis.Redis, limits: Limits | None = None) -> None:
        self.connection = connection
        self.owners = Owners(connection, limits)

    def put(
        self,
        data: bytes,
        ttl_s: int = keys.RESULT_TTL_S,
        owner: str = NOBODY,
        *,
        payer: str = NOBODY,
        job_id: str = "",
    ) -> str:
        """Store bytes; those that are there already live ``ttl_s`` from now at least.

        Args:
            data: Any bytes.
            ttl_s: Seconds to live.
            owner: Whose they are.
            payer: Who answers for the owner besides, as ``Owners.claim`` has it.
            job_id: The job that they are for: nothing is stored for one that has its answer.

        Returns:
            The blob's hash.

        Raises:
            BusyError: As ``Owners.claim``.
            OperatorError: ``queue_unavailable``: the byte store takes nothing.
        """
        digest = blob_hash(data)
        if self.owners.claim(owner, {digest: len(data)}, ttl_s, payer=payer, job_id=job_id) is not None:
            self.write({digest: data}, owner)
        return digest

    def write(self, given: Mapping[str, bytes], owner: str) -> None:
        """Write bytes that were claimed.

        Args:
            given: By their hashes.
            owner: Who claimed them; what cannot be written is theirs no more.
        """
        store = byte_store()
        try:
            with self.connection.pipeline(transaction=False) as pipe:
                for digest, data in given.items():
                    if store:
                        store.write(digest, data)  # first: what Redis names is there
                    pipe.set(keys.blob(digest), ELSEWHERE if store else data, ex=keys.UNUSED_TTL_S)
                    self.owners.settle(pipe, digest)
                pipe.execute()
        except BaseException:
            with contextlib.suppress(RedisError):
                missing = [digest for digest in given if not self.connection.exists(keys.blob(digest))]
                self.owners.release(owner, *missing)
            raise

    def get(self, digest: str) -> bytes:
        """Read bytes and check them against their hash.

        Args:
            digest: What ``put`` returned.

        Raises:
            JobError: ``job_expired``: they are gone, or damaged.
        """
        return verified(digest, cast("bytes | None", self.connection.get(keys.blob(digest))))

    def forget(self, *digests: str, owner: str = "*") -> int:
        """Delete blobs at once, unless somebody else owns them.

        Args:
            digests: What ``put`` returned.
            owner: Who wants them no more; ``*`` for everybody.

        Returns:
            How many were deleted.
        """
        return len(self.owners.release(owner, *digests))
