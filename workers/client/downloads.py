"""What a worker downloads just now, for those who wait for it.

A method fetches its model before the worker's first job, or in the middle of one. Either way people see how far it is:
the note lies under the job that waits for it, or else under the worker's queues, and is gone soon after the worker.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import cast

import redis
from redis.exceptions import RedisError

from workers.contract import ContractError, fill, read_object
from workers.store import keys

log = logging.getLogger(__name__)

_KEPT_S = 20  # longer than a download may be silent
_AGAIN_S = 5.0
_STEP_BYTES = 1_000_000  # where the whole is not known


@dataclass(frozen=True)
class Getting:
    """How far a download is.

    Attributes:
        received_bytes: So far.
        total_bytes: In all; 0 where that is not known.
    """

    received_bytes: int
    total_bytes: int


class GettingNote:
    """An ``nst.models.download.Advance`` that people can read: written at every percent, deleted at the end.

    Args:
        connection: To the queue's Redis; of few retries, since a download does not wait for it.
        queues: Whose jobs wait where none runs.
        clock: Monotonic seconds.

    Attributes:
        running: Tells the job that runs, "" for none.
    """

    def __init__(
        self, connection: redis.Redis, queues: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._queues = tuple(queues)
        self._clock = clock
        self._said, self._said_s = (-1, -1), -_AGAIN_S
        self.running: Callable[[], str] = lambda: ""

    def __call__(self, received_bytes: int, total_bytes: int) -> None:
        """Say it, if there is something new to say."""
        step = 100 * received_bytes // total_bytes if total_bytes else received_bytes // _STEP_BYTES
        if (step, total_bytes) == self._said and self._clock() - self._said_s < _AGAIN_S:
            return
        self._said, self._said_s = (step, total_bytes), self._clock()
        job_id = self.running()
        names = [keys.getting(name) for name in ([job_id] if job_id else self._queues)]
        try:
            if total_bytes and received_bytes >= total_bytes:
                self._connection.delete(*names)
                return
            for name in names:
                self._connection.set(name, json.dumps(asdict(Getting(received_bytes, total_bytes))), ex=_KEPT_S)
        except RedisError as error:
            log.info("Nobody can be told of the download now: %s", type(error).__name__)


def getting(connection: redis.Redis, job_id: str) -> Getting | None:
    """The download that a job waits for.

    Args:
        connection: To the queue's Redis.
        job_id: It runs and needs a model, or waits for a worker that does.

    Returns:
        None where nothing is downloaded.
    """
    queue = (cast("bytes | None", connection.hget(keys.record(job_id), "queue")) or b"").decode()
    own, worker = cast("list[bytes | None]", connection.mget(keys.getting(job_id), keys.getting(queue)))
    text = own or (worker if connection.lpos(keys.rq_queue(queue), job_id) is not None else None)
    try:
        return fill(Getting, read_object(text)) if text else None
    except ContractError:
        return None
