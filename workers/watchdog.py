"""Ends a process whose job is stuck in native code, where no exception reaches it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from nst.errors import JobError
from workers.executions import fail

log = logging.getLogger(__name__)

SPARE_S = 5.0  # RQ's own timeout is an exception, and comes first where Python still runs
EXIT_STUCK = 70


@contextmanager
def watchdog(connection: redis.Redis, job_id: str, timeout_s: float) -> Iterator[None]:
    """Watch over a job; if it outlasts its timeout by five seconds, report it and end the process.

    Reported, not brought back: it would get stuck again.

    Args:
        connection: Not the one that the job uses.
        job_id: The job.
        timeout_s: The job's timeout.
    """
    timer = threading.Timer(timeout_s + SPARE_S, _bite, [connection, job_id, timeout_s])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _bite(connection: redis.Redis, job_id: str, timeout_s: float) -> None:
    log.critical("Job %s is stuck; the worker ends", job_id, extra={"job_id": job_id})
    try:
        fail(connection, job_id, JobError("job_timed_out", {"timeout_s": timeout_s}))
    finally:
        os._exit(EXIT_STUCK)
