"""SinGAN's trained pyramids shared by all workers: trained once by any of them, in the blob store for a day.

A pyramid is what was learnt of a picture, so it is forgotten with the picture: it is noted under the style pictures of
the job that needed it, as style vectors are.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterator
from typing import cast

import redis
from redis.exceptions import ResponseError

from nst.errors import BusyError, JobError, OperatorError
from workers.store import keys
from workers.store.blobs import Blobs
from workers.store.owners import NOBODY

log = logging.getLogger(__name__)


class RedisPyramids:
    """A ``nst.singan.store.PyramidStore`` in the blob store; Redis says which blob.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection, self._blobs = connection, Blobs(connection)
        self._pictures: tuple[str, ...] = ()

    @contextlib.contextmanager
    def during(self, pictures: Collection[str]) -> Iterator[None]:
        """Note the pyramids that are used meanwhile under these pictures.

        Args:
            pictures: Blob hashes of a job's styles.
        """
        self._pictures = tuple(pictures)
        try:
            yield
        finally:
            self._pictures = ()

    def get(self, key: str) -> bytes | None:
        """The pyramid, or None if nobody trained it or it was forgotten; its day begins anew."""
        digest = (cast("bytes | None", self._connection.get(keys.pyramid(key))) or b"").decode()
        if not digest:
            return None
        try:
            data = self._blobs.get(digest)
        except (JobError, OperatorError) as error:
            log.warning("A pyramid cannot be had, and is trained anew: %s", error.code)
            return None
        self._note(key, digest)
        return data

    def put(self, key: str, pyramid: bytes) -> None:
        """Keep a pyramid; where there is no room none is kept, and the job goes on."""
        try:
            digest = self._blobs.put(pyramid)
            self._connection.set(keys.pyramid(key), digest, ex=keys.RESULT_TTL_S)
            self._note(key, digest)
        except (ResponseError, BusyError, OperatorError) as error:
            log.warning("A pyramid is not kept: %s", type(error).__name__)

    def _note(self, key: str, digest: str) -> None:
        self._blobs.owners.claim(NOBODY, {digest: None}, keys.RESULT_TTL_S)
        with self._connection.pipeline(transaction=False) as pipe:
            pipe.expire(keys.pyramid(key), keys.RESULT_TTL_S)
            for name in (keys.pyramid(key), keys.blob(digest)):
                for picture in self._pictures:
                    pipe.sadd(keys.vectors_of(picture), name)
            for picture in self._pictures:
                pipe.expire(keys.vectors_of(picture), keys.RESULT_TTL_S)
            pipe.execute()
