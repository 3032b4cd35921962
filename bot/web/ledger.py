"""What the operator's page tells of single jobs: which run, which are next and until when, and which failed.

Synchronous. Nothing of it says who asked, or shows what they sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import redis

from workers import keys
from workers.contract import Event
from workers.progress import last_event
from workers.routing import QUEUES
from workers.service_times import eta_s

NEXT = 20  # of those that wait, of each queue; an estimate looks at all that are ahead


@dataclass(frozen=True)
class Unfinished:
    """A job that runs or waits.

    Attributes:
        job_id: Which.
        kind: What it is like for estimates, such as ``fast:768``.
        queue: Where it is.
        place: Its place in the line from 1; 0 while it runs.
        event: The last one, or None.
        eta_s: Seconds until it will be ready, or None where nothing like it was measured.
    """

    job_id: str
    kind: str
    queue: str
    place: int
    event: Event | None
    eta_s: float | None


def unfinished(connection: redis.Redis) -> list[Unfinished]:
    """What runs, then the next ``NEXT`` of each queue.

    Args:
        connection: To the queue's Redis.
    """
    runs = [(queue, 0, job_id) for queue in QUEUES for job_id in _running(connection, queue)]
    waits = [(queue, place, job_id) for queue in QUEUES for place, job_id in _waiting(connection, queue)]
    return [_look(connection, *job) for job in (*runs, *waits)]


def _running(connection: redis.Redis, queue: str) -> list[str]:
    entries = cast("list[bytes]", connection.zrange(keys.rq_started(queue), 0, -1))
    return [entry.decode().rpartition(":")[0] for entry in entries]


def _waiting(connection: redis.Redis, queue: str) -> list[tuple[int, str]]:
    ids = cast("list[bytes]", connection.lrange(keys.rq_queue(queue), 0, NEXT - 1))
    return [(place, job_id.decode()) for place, job_id in enumerate(ids, 1)]


def _look(connection: redis.Redis, queue: str, place: int, job_id: str) -> Unfinished:
    kind = cast("bytes | None", connection.hget(keys.record(job_id), "kind"))
    event = last_event(connection, job_id)
    told_s = event.eta_s if event and not place and event.eta_s >= 0 else None
    left_s = eta_s(connection, job_id) if told_s is None else told_s
    return Unfinished(job_id, (kind or b"").decode(), queue, place, event, left_s)
