"""Slow jobs in slices: between two of them a job gives way to fast ones, from a checkpoint.

A job of minutes would keep everybody else waiting for minutes. So every second or two it looks
whether a fast job waits, or the process has to end; then its state goes to the blob store and it
to the head of its queue. Whichever worker takes it next goes on from there; the same process goes on
from memory. A checkpoint is also kept now and then for the case that the process is killed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import redis

from nst.errors import Cancelled, JobError
from nst.images import Picture
from nst.method import IsCancelled, Pastiche, Report
from nst.options import StyleOptions
from workers import keys
from workers.blobs import Blobs

log = logging.getLogger(__name__)

SLICE_S = 1.5
KEEP_S = 10.0  # a checkpoint is tens of megabytes: not after every slice


class Run(Protocol):
    """A job under way, as ``nst.methods.gatys_run.Run``."""

    def advance(self, budget_s: float | None, report: Report, cancelled: IsCancelled) -> bool:
        """Go on for about ``budget_s``; True when done."""

    def state(self) -> bytes:
        """All that another process needs to go on."""


class Resumable(Protocol):
    """A method whose jobs can be interrupted, as ``nst.methods.gatys.Gatys``."""

    def start(self, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Run:
        """Begin."""

    def resume(self, state: bytes, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Run:
        """Go on; ``ValueError`` if the state is of another job or release."""

    def pastiche(self, run: Run, options: StyleOptions) -> Pastiche:
        """The result."""


class GivesWay(Exception):  # noqa: N818 - not an error: the job goes on later
    """The job's state is stored; it goes back to the head of its queue."""


class Stopped(Cancelled):
    """Somebody stopped the job and wants what there is; its state is stored.

    Args:
        pastiche: The picture as it stands.
    """

    def __init__(self, pastiche: Pastiche) -> None:
        super().__init__()
        self.pastiche = pastiche


@dataclass
class _InMemory:
    """The run that this process interrupted last."""

    digest: str = ""
    run: Run | None = None


class Slices:
    """Runs resumable methods in slices; one per process, because it remembers the last run.

    Args:
        connection: To the queue's Redis.
        give_way: Whether the running job should make room.
    """

    def __init__(self, connection: redis.Redis, give_way: Callable[[], bool]) -> None:
        self._connection = connection
        self._blobs = Blobs(connection)
        self._give_way = give_way
        self._last = _InMemory()

    def run(
        self,
        job_id: str,
        method: Resumable,
        pictures: tuple[Picture, Sequence[Picture]],
        options: StyleOptions,
        report: Report,
        cancelled: IsCancelled,
    ) -> Pastiche:
        """Go on with a job until it is done or has to give way.

        Args:
            job_id: The job.
            method: Makes the pastiche.
            pictures: Content image and style images.
            options: What the user chose.
            report: Told about progress.
            cancelled: Asked at every step.

        Raises:
            GivesWay: The rest comes later.
            Stopped: ``cancelled()`` was true, and the user wants to go on later.
            Cancelled: ``cancelled()`` was true.
            PasticheError: What the method has to say.
        """
        run = self._begin(job_id, method, pictures, options)
        try:
            self._advance(job_id, run, report, cancelled)
        except Cancelled:
            if self._connection.get(keys.cancel(job_id)) != keys.STOP_AND_KEEP:
                raise
            self._last = _InMemory(self._keep(job_id, run), run)
            raise Stopped(method.pastiche(run, options)) from None
        pastiche = method.pastiche(run, options)
        self.forget(job_id)
        return pastiche

    def _advance(self, job_id: str, run: Run, report: Report, cancelled: IsCancelled) -> None:
        kept_s = time.monotonic()
        while not run.advance(SLICE_S, report, cancelled):
            if self._give_way():
                self._last = _InMemory(self._keep(job_id, run), run)
                raise GivesWay
            if time.monotonic() - kept_s >= KEEP_S:
                self._keep(job_id, run)
                kept_s = time.monotonic()

    def forget(self, job_id: str) -> None:
        """Delete a job's checkpoint."""
        digest = self._checkpoint(job_id)
        if digest:
            self._connection.hdel(keys.record(job_id), "checkpoint")
            self._blobs.forget(digest)

    def _begin(
        self, job_id: str, method: Resumable, pictures: tuple[Picture, Sequence[Picture]], options: StyleOptions
    ) -> Run:
        content, styles = pictures
        digest, last, self._last = self._checkpoint(job_id), self._last, _InMemory()
        if not digest:
            return method.start(content, styles, options)
        if last.run and last.digest == digest:
            return last.run
        try:
            return method.resume(self._blobs.get(digest), content, styles, options)
        except (JobError, ValueError) as error:
            log.warning("Job %s starts anew: %s", job_id, error, extra={"job_id": job_id})
            return method.start(content, styles, options)

    def _keep(self, job_id: str, run: Run) -> str:
        before = self._checkpoint(job_id)
        user = (cast("bytes | None", self._connection.hget(keys.record(job_id), "user")) or b"").decode()
        digest = self._blobs.put(run.state(), owner=user, job_id=job_id)
        self._connection.hset(keys.record(job_id), "checkpoint", digest)
        if before and before != digest:
            self._blobs.forget(before)
        return digest

    def _checkpoint(self, job_id: str) -> str:
        return (cast("bytes | None", self._connection.hget(keys.record(job_id), "checkpoint")) or b"").decode()
