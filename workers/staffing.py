"""Whether anybody could do a job, as far as the live workers say of themselves.

A job that none of them can do would wait for ever, so it is refused at once. Where no worker takes
jobs of its queue at all, it waits: workers are started again, come up on demand, are upgraded; the
frontends say meanwhile that nobody paints just now.
"""

from __future__ import annotations

from typing import cast

import redis

from nst.errors import UserError
from workers import keys
from workers.contract import Job
from workers.routing import queue_of
from workers.service_times import live_workers

Worker = dict[str, str]


def check_staff(connection: redis.Redis, job: Job, side_px: int) -> None:
    """Refuse what no live worker of the job's queue can do.

    Args:
        connection: To the queue's Redis.
        job: Which.
        side_px: Longer side of its content image.

    Raises:
        UserError: ``method_unavailable`` or ``size_unavailable``.
    """
    method, staff = job.options.method, live_workers(connection)
    hands = [worker for worker in staff if queue_of(method) in worker.get("queues", "").split(",")]
    if not hands:
        return
    able = [worker for worker in hands if method in methods_of(worker, default=method)]
    if not able:
        others = sorted({name for worker in staff for name in methods_of(worker)})
        raise UserError("method_unavailable", {"received": method, "allowed": ", ".join(others)})
    limits_px = [int(worker.get("max_side_px") or 0) for worker in able]
    wanted_px = min(side_px, job.options.max_side_px)
    if all(limits_px) and wanted_px > max(limits_px):
        raise UserError("size_unavailable", {"received": wanted_px, "allowed_px": max(limits_px)})


def is_attended(connection: redis.Redis, job_id: str) -> bool:
    """Whether a live worker takes jobs of a job's queue."""
    queue = (cast("bytes | None", connection.hget(keys.record(job_id), "queue")) or b"").decode()
    return any(queue in worker.get("queues", "").split(",") for worker in live_workers(connection))


def methods_of(worker: Worker, default: str = "") -> list[str]:
    """The methods that a worker says it has.

    Args:
        worker: From ``live_workers``.
        default: For one that does not say, as those of the last release.
    """
    return [name for name in worker.get("methods", default).split(",") if name]
