"""Style vectors shared by all workers: made once by any of them, a day in Redis, renewed by every use.

A vector is what the network says about a picture, so it is forgotten with the picture. Every vector is noted under
the pictures of the job that needed it; a worker's own memory is believed only as long as Redis still has the vector.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterator
from typing import cast

import numpy as np
import redis
from redis.exceptions import ResponseError

from nst.errors import BusyError
from nst.fast.style_vectors import Floats, MemoryVectors
from workers.store import keys

log = logging.getLogger(__name__)


class RedisVectors:
    """A ``nst.fast.style_vectors.VectorStore`` in the process and in Redis.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._memory = MemoryVectors()
        self._pictures: tuple[str, ...] = ()

    @contextlib.contextmanager
    def during(self, pictures: Collection[str]) -> Iterator[None]:
        """Note the vectors that are used meanwhile under these pictures.

        Args:
            pictures: Blob hashes of a job's pictures.
        """
        self._pictures = tuple(pictures)
        try:
            yield
        finally:
            self._pictures = ()

    def get(self, key: str) -> Floats | None:
        """The vector, or None if nobody made it or it was forgotten."""
        near = self._memory.get(key)
        with self._connection.pipeline(transaction=False) as pipe:
            pipe.expire(keys.vector(key), keys.RESULT_TTL_S)
            if near is None:
                pipe.get(keys.vector(key))
            there, *far = pipe.execute()
        if not there:
            self._memory.drop(key)
            return None
        self._note(key)
        if near is None:
            near = np.frombuffer(cast(bytes, far[0]), np.float32).reshape(1, 1, 1, -1)
            self._memory.put(key, near)
        return near

    def put(self, key: str, vector: Floats) -> None:
        """Keep a vector; a Redis without memory keeps none, and the job goes on."""
        try:
            self._connection.set(keys.vector(key), vector.astype(np.float32).tobytes(), ex=keys.RESULT_TTL_S)
            self._note(key)
        except (ResponseError, BusyError) as error:
            log.warning("A style vector is not kept: %s", type(error).__name__)
            return
        self._memory.put(key, vector)

    def _note(self, key: str) -> None:
        with self._connection.pipeline(transaction=False) as pipe:
            for digest in self._pictures:
                pipe.sadd(keys.vectors_of(digest), keys.vector(key))
                pipe.expire(keys.vectors_of(digest), keys.RESULT_TTL_S)
            pipe.execute()
