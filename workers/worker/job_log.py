"""Which job a line of the log is about, in frontends and workers alike.

Bound to the context, so that libraries' and methods' own lines carry the job's id as well; threads
started with ``asyncio.to_thread`` inherit it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_job_id: ContextVar[str] = ContextVar("job_id", default="")


@contextmanager
def about_job(job_id: str) -> Iterator[None]:
    """Until the block ends, every record of this thread or task is about a job.

    Args:
        job_id: The job's.
    """
    token = _job_id.set(job_id)
    try:
        yield
    finally:
        _job_id.reset(token)


def bind_job(job_id: str) -> None:
    """Every further record of this task is about a job: for tasks that do nothing else."""
    _job_id.set(job_id)


class JobIdFilter(logging.Filter):
    """Gives each record a ``job_id``: its own (``extra``), else that of the context, else none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Never holds a record back."""
        job_id = getattr(record, "job_id", "") or _job_id.get()
        if job_id:
            record.job_id = job_id
        return True
