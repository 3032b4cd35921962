"""Turns a method's progress into events of the queue, with small previews."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis

from nst.method import Progress
from nst.pictures.decode import encode, fit
from workers.client.progress import ProgressWriter
from workers.contract import ContractError, Event, Job
from workers.store import keys
from workers.store.blobs import Blobs, verified
from workers.store.made_before import made_key

# All that Redis knows of a job when a worker starts it, in one round trip.
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


_PREVIEW_INTERVAL_S = 2.0
_PREVIEW_SIDE_PX = 256
_PREVIEW_QUALITY = 70
_ETA_FROM = 0.05  # before that much is done, the rest cannot be told from the time that it took


class Telling:
    """What a running job tells its frontend.

    Args:
        connection: To the queue's Redis.
        job: The job.
        standing: What was known of it before this run.
        stopped: Whether somebody besides the user wants it to stop.
    """

    def __init__(self, connection: redis.Redis, job: Job, standing: Standing, stopped: Callable[[], bool]) -> None:
        self._writer = ProgressWriter(connection, job.job_id)
        self._blobs = Blobs(connection)
        self._job = job
        self._stopped = stopped
        self._started_s = time.monotonic() - standing.spent_s
        self._preview_s = time.monotonic()
        before = standing.event if standing.resumed else None
        self._preview = before.preview if before else ""
        self._fraction = before.fraction if before else 0.0

    def begin(self) -> None:
        """The job runs; if it ran before and left a checkpoint, it is as far as it was."""
        self._writer.write(self._event(Progress(0.0)), force=True)

    def report(self, progress: Progress) -> None:
        """A ``nst.method.Report``: written at most five times a second."""
        if not self._writer.due():
            return
        self._fraction = max(self._fraction, min(progress.fraction, 1.0))
        if progress.preview and time.monotonic() - self._preview_s >= _PREVIEW_INTERVAL_S:
            small = fit(progress.preview(), _PREVIEW_SIDE_PX)
            data = encode(small, "image/jpeg", _PREVIEW_QUALITY)
            self._preview = self._blobs.put(data, keys.PREVIEW_TTL_S, self._job.user, job_id=self._job.job_id)
            self._preview_s = time.monotonic()
        self._writer.write(self._event(progress))

    def cancelled(self) -> bool:
        """A ``nst.method.IsCancelled``."""
        return self._stopped() or self._writer.cancelled()

    def _event(self, progress: Progress) -> Event:
        elapsed_s = time.monotonic() - self._started_s
        by_time_s = elapsed_s * (1 - self._fraction) / self._fraction if self._fraction >= _ETA_FROM else -1.0
        return Event(
            job_id=self._job.job_id,
            frontend=self._job.frontend,
            state="running",
            fraction=self._fraction,
            step=progress.step,
            steps=progress.steps,
            eta_s=progress.eta_s if progress.eta_s >= 0 else by_time_s,
            preview=self._preview,
            losses=dict(progress.losses),
        )
