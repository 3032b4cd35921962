"""Turns a method's progress into events of the queue, with small previews."""

from __future__ import annotations

import time
from collections.abc import Callable

import redis

from nst.images import encode, fit
from nst.method import Progress
from workers import keys
from workers.blobs import Blobs
from workers.contract import Event, Job
from workers.progress import ProgressWriter
from workers.standing import Standing

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
