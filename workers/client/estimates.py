"""How long jobs take and when one will be ready, from what was measured here; never a guess."""

from __future__ import annotations

from typing import Any, cast

import redis

from nst.errors import UserError
from workers.contract import Job
from workers.routing import FAST, QUEUES, queue_of
from workers.store import keys
from workers.store.clock import server_time_s


def live_workers(connection: redis.Redis) -> list[dict[str, str]]:
    """What is known of the workers that hold a lease.

    Returns:
        One mapping per worker: ``name``, ``queues`` (comma-separated) and what else it announced.
    """
    names = sorted(name.decode() for name in cast("set[bytes]", connection.smembers(keys.WORKERS)))
    with connection.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(keys.ready(name))
        found = pipe.execute()
    return [
        {"name": name} | {key.decode(): value.decode() for key, value in data.items()}
        for name, data in zip(names, found, strict=True)
        if data
    ]


def eta_s(connection: redis.Redis, job_id: str) -> float | None:
    """Seconds until a job will be ready, for a job that waits or runs.

    The work ahead of it (for a slow job the fast queue's as well) is shared by the live workers of
    its queue.

    Returns:
        Seconds, or None if a kind of job ahead was never measured, no worker is up, or the job is
        neither waiting nor running.
    """
    kind, queue = _fields(connection, job_id, "kind", "queue")
    means = {
        k.decode(): float(v) for k, v in cast("dict[bytes, bytes]", connection.hgetall(keys.SERVICE_TIMES)).items()
    }
    workers = sum(queue in worker.get("queues", "").split(",") for worker in live_workers(connection))
    if not kind or kind not in means or not workers or connection.exists(keys.done(job_id)):
        return None
    running = _running(connection)
    if job_id in running:
        return max(0.0, means[kind] - running[job_id][1])
    place = cast("int | None", connection.lpos(keys.rq_queue(queue), job_id))
    if place is None:
        return None
    left = _seconds_ahead(connection, queue, place, means, running)
    return None if left is None else left / workers + means[kind]


def _seconds_ahead(
    connection: redis.Redis,
    queue: str,
    place: int,
    means: dict[str, float],
    running: dict[str, tuple[str, float]],
) -> float | None:
    ids = connection.lrange(keys.rq_queue(queue), 0, place - 1) if place else []
    ahead = [job.decode() for job in cast("list[bytes]", ids)]
    if queue != FAST:
        ahead += [job.decode() for job in cast("list[bytes]", connection.lrange(keys.rq_queue(FAST), 0, -1))]
    with connection.pipeline(transaction=False) as pipe:
        for job in ahead:
            pipe.hget(keys.record(job), "kind")
        kinds = [(kind or b"").decode() for kind in pipe.execute()]
    in_service = [(kind, done_s) for _, (kind, done_s) in running.items()]
    if any(kind not in means for kind in (*kinds, *(kind for kind, _ in in_service))):
        return None
    return sum(means[kind] for kind in kinds) + sum(max(0.0, means[kind] - done_s) for kind, done_s in in_service)


def _running(connection: redis.Redis) -> dict[str, tuple[str, float]]:
    """Running job ids with their kind and the seconds that they have been running for."""
    entries = [entry.decode() for queue in QUEUES for entry in _started(connection, queue)]
    now_s, found = server_time_s(connection), {}
    for entry in entries:
        job_id, _, _ = entry.rpartition(":")
        started = cast("bytes | None", connection.hget(keys.rq_execution(entry), "created_at"))
        (kind,) = _fields(connection, job_id, "kind")
        if started:
            found[job_id] = (kind, now_s - float(started))
    return found


def _started(connection: redis.Redis, queue: str) -> list[bytes]:
    return cast("list[bytes]", connection.zrange(keys.rq_started(queue), 0, -1))


def _fields(connection: redis.Redis, job_id: str, *names: str) -> list[str]:
    values = cast("list[Any]", connection.hmget(keys.record(job_id), list(names)))
    return [(value or b"").decode() for value in values]


# Whether anybody could do a job, as far as the live workers say of themselves.
#
# A job that none of them can do would wait for ever, so it is refused at once. Where no worker takes
# jobs of its queue at all, it waits: workers are started again, come up on demand, are upgraded; the
# frontends say meanwhile that nobody paints just now.
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
