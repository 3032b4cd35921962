"""Slow jobs in slices: between two of them a job gives way to fast ones, from a checkpoint.

A job of minutes would keep everybody else waiting for minutes. So every second or two it looks
whether a fast job waits, or the process has to end; then its state goes to the blob store and it
to the head of its queue. Whichever worker takes it next goes on from there; the same process goes on
from memory. A checkpoint is also kept now and then for the case that the process is killed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import redis

from nst.errors import Cancelled, JobError
from nst.method import IsCancelled, Pastiche, Report, Run, rising
from workers.client.forgetting import note_on_record
from workers.store import keys
from workers.store.blobs import Blobs

log = logging.getLogger(__name__)

SLICE_S = 1.5
KEEP_S = 10.0  # a checkpoint is tens of megabytes: not after every slice


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
    """Runs jobs in slices; one per process, because it remembers the last run.

    Args:
        connection: To the queue's Redis.
        give_way: Whether the running job should make room.
    """

    def __init__(self, connection: redis.Redis, give_way: Callable[[], bool]) -> None:
        self._connection = connection
        self._blobs = Blobs(connection)
        self._give_way = give_way
        self._last = _InMemory()

    def run(self, job_id: str, begin: Callable[[bytes], Run], report: Report, cancelled: IsCancelled) -> Pastiche:
        """Go on with a job until it is done or has to give way.

        Args:
            job_id: The job.
            begin: Begins its run, or goes on from a state.
            report: Told about progress; its fractions never fall.
            cancelled: Asked at every step.

        Raises:
            GivesWay: The rest comes later.
            Stopped: ``cancelled()`` was true, and the user wants to go on later.
            Cancelled: ``cancelled()`` was true.
            PasticheError: What the method has to say.
        """
        run = self._begin(job_id, begin)
        try:
            self._advance(job_id, run, rising(report), cancelled)
        except Cancelled:
            if self._connection.get(keys.cancel(job_id)) != keys.STOP_AND_KEEP:
                raise
            self._keep(job_id, run)
            raise Stopped(run.pastiche()) from None
        pastiche = run.pastiche()
        self.forget(job_id)
        return pastiche

    def _advance(self, job_id: str, run: Run, report: Report, cancelled: IsCancelled) -> None:
        kept_s = time.monotonic()
        while not run.advance(SLICE_S, report, cancelled):
            if self._give_way():
                self._keep(job_id, run)
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

    def _begin(self, job_id: str, begin: Callable[[bytes], Run]) -> Run:
        digest, last, self._last = self._checkpoint(job_id), self._last, _InMemory()
        if not digest:
            return begin(b"")
        if last.run and last.digest == digest:
            return last.run
        try:
            return begin(self._blobs.get(digest))
        except (JobError, ValueError) as error:
            log.warning("Job %s starts anew: %s", job_id, error, extra={"job_id": job_id})
            return begin(b"")

    def _keep(self, job_id: str, run: Run) -> None:
        """Write a checkpoint, and remember the run that it is of; nothing where going on is to begin anew."""
        state = run.state()
        if not state:
            return
        before = self._checkpoint(job_id)
        user = (cast("bytes | None", self._connection.hget(keys.record(job_id), "user")) or b"").decode()
        digest = self._blobs.put(state, owner=user, job_id=job_id)
        note_on_record(self._connection, job_id, "checkpoint", digest)
        if before and before != digest:
            self._blobs.forget(before)
        self._last = _InMemory(digest, run)

    def _checkpoint(self, job_id: str) -> str:
        digest = cast("bytes | None", self._connection.hget(keys.record(job_id), "checkpoint")) or b""
        return digest.decode("utf-8", "replace")  # what is no name finds nothing
