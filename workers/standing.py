"""All that Redis knows of a job when a worker starts it, in one round trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis

from workers import keys
from workers.blobs import verified
from workers.contract import ContractError, Event, Job
from workers.made_before import made_key

_LONGEST_S = 7 * 86_400.0


@dataclass(frozen=True)
class Standing:
    """A job at the start of a run.

    Attributes:
        done: It has its terminal result already.
        cancelled: Somebody cancelled it.
        resumed: It ran before and left a checkpoint.
        event: The last one, or None.
        spent_s: Seconds that earlier slices took.
        made: What ``made_before`` remembers of the same pictures and options, or None.
    """

    done: bool
    cancelled: bool
    resumed: bool
    event: Event | None
    spent_s: float
    made: bytes | None
    _blobs: tuple[tuple[str, Any], ...]

    def pictures(self) -> list[bytes]:
        """The files that ``Job.pictures`` names, checked against their hashes.

        Raises:
            JobError: ``job_expired``.
        """
        return [verified(digest, data) for digest, data in self._blobs]


def look(connection: redis.Redis, job: Job) -> Standing:
    """Ask Redis about a job.

    Args:
        connection: To the queue's Redis.
        job: Which.
    """
    digests = job.pictures
    with connection.pipeline(transaction=False) as pipe:
        pipe.exists(keys.done(job.job_id))
        pipe.exists(keys.cancel(job.job_id))
        pipe.hmget(keys.record(job.job_id), ["event", "checkpoint", "spent_s"])
        pipe.get(made_key(job))
        for digest in digests:
            pipe.get(keys.blob(digest))
        done, cancelled, (event, checkpoint, spent_s), made, *blobs = pipe.execute()
    return Standing(
        done=bool(done),
        cancelled=bool(cancelled),
        resumed=bool(checkpoint),
        event=_event(event),
        spent_s=_seconds(spent_s),
        made=made,
        _blobs=tuple(zip(digests, blobs, strict=True)),
    )


def _event(text: bytes | None) -> Event | None:
    try:
        return Event.from_json(text) if text else None
    except ContractError:
        return None  # of a release that is not our neighbour: it was shown, and the next one is ours


def _seconds(text: bytes | None) -> float:
    try:
        return min(max(0.0, float(text or 0)), _LONGEST_S)
    except ValueError:
        return 0.0
