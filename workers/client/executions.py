"""How one run of a job ends: finished, failed, handed back, or brought back for a dead worker.

RQ does each of these in several steps, which two processes can interleave. Here each is one
script, and only the run that still stands in RQ's started registry may change the job: a worker
that froze, was given up and came back changes nothing any more.
"""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import cast

import redis
from redis.exceptions import ResponseError

from nst.errors import JobError, UserError
from workers.client.outbox import post_terminal
from workers.contract import ContractError, Job, Result
from workers.counters import count
from workers.store import keys

log = logging.getLogger(__name__)

_RQ_TTL_S = 300
NOT_OURS = "not ours"  # the run was ended, or given up, before


class End(StrEnum):
    """What to do with a job whose run ends."""

    FINISHED = "finished"
    FAILED = "failed"
    HAND_BACK = "hand_back"  # to the queue's head, for nothing
    RETRY = "retry"  # to the queue's head, for one of its retries


# KEYS: started, queue, intermediate, rq job, execution, executions, done, finished registry, failed registry, rq worker
# ARGV: end, entry, job id, execution id, ttl_s of what ended, ttl_s of what waits
_END = """
local how, entry, id = ARGV[1], ARGV[2], ARGV[3]
if not redis.call('ZSCORE', KEYS[1], entry) then
  redis.call('DEL', KEYS[5])
  return 'not ours'
end
local known = redis.call('EXISTS', KEYS[4]) == 1
if redis.call('EXISTS', KEYS[7]) == 1 then how = 'finished' end
if how == 'retry' and not known then return 'exhausted' end
if how == 'retry' and tonumber(redis.call('HGET', KEYS[4], 'retries_left') or 0) <= 0 then return 'exhausted' end
if how == 'hand_back' or how == 'retry' then
  redis.call('LPUSH', KEYS[2], id)  -- first: if Redis has no memory left, it fails here and nothing has changed
  redis.call('EXPIRE', KEYS[2], ARGV[6])
  redis.call('HSET', KEYS[4], 'status', 'queued')
  redis.call('EXPIRE', KEYS[4], ARGV[6])
  if how == 'retry' then redis.call('HINCRBY', KEYS[4], 'retries_left', -1) end
elseif known then
  redis.call('HSET', KEYS[4], 'status', how)
  redis.call('EXPIRE', KEYS[4], ARGV[5])
  local registry, now = how == 'finished' and KEYS[8] or KEYS[9], redis.call('TIME')[1]
  redis.call('ZREMRANGEBYSCORE', registry, 0, now)
  redis.call('ZADD', registry, now + ARGV[5], id)
  redis.call('EXPIRE', registry, ARGV[5])
end
redis.call('ZREM', KEYS[1], entry)
redis.call('LREM', KEYS[3], 0, id)
redis.call('DEL', KEYS[5])
redis.call('ZREM', KEYS[6], ARGV[4])
if redis.call('HGET', KEYS[10], 'current_job') == id then redis.call('HDEL', KEYS[10], 'current_job') end
return how
"""


def end_run(connection: redis.Redis, queue: str, entry: str, end: End, worker: str = "") -> str:
    """End one run of a job.

    A job that has its terminal result is finished whatever ``end`` says. One that has no retry
    left gets its terminal result here: ``job_abandoned``.

    Args:
        connection: To the queue's Redis.
        queue: The job's queue.
        entry: ``job:execution``, as in RQ's started registry.
        end: What to do with the job.
        worker: Name of the worker that ran it, if it is that worker who says so.

    Returns:
        What was done: a value of ``End``, or ``NOT_OURS`` if this run was given up before.
    """
    job_id, _, execution_id = entry.rpartition(":")
    done = _run_script(connection, queue, entry, end, worker)
    if done != "exhausted":
        if done == End.RETRY:
            count(connection, f"retries:{queue}")
        return done
    log.error("Job %s is given up: its workers died", job_id, extra={"job_id": job_id, "execution_id": execution_id})
    fail(connection, job_id, JobError("job_abandoned", {"job_id": job_id}))
    _run_script(connection, queue, entry, End.FAILED, worker)
    return End.FAILED


def fail(connection: redis.Redis, job_id: str, error: JobError) -> bool:
    """Post a job's failure from what is on record of it: if the job itself cannot be read, who asked and where.

    Returns:
        Whether that was the job's terminal result; False too if nothing is on record.
    """
    try:
        text, frontend, user = cast(
            "list[bytes | None]", connection.hmget(keys.record(job_id), ["job", "frontend", "user"])
        )
        return post_terminal(connection, _failure(job_id, text, frontend, user, error))
    except ResponseError as refused:
        if "WRONGTYPE" not in str(refused):
            raise
    except ContractError:
        pass
    log.error("Job %s cannot be reported: there is no record of it", job_id, extra={"job_id": job_id})
    return False


def _failure(job_id: str, text: bytes | None, frontend: bytes | None, user: bytes | None, error: JobError) -> Result:
    try:
        return Result.failure(Job.from_json(text or b""), error)
    except (ContractError, UserError):
        if not frontend:
            raise ContractError("no record") from None
    return Result(
        job_id=job_id,
        frontend=frontend.decode(errors="replace"),
        user=(user or b"").decode(errors="replace"),
        outcome="failed",
        error=error.as_dict(),
    )


def _run_script(connection: redis.Redis, queue: str, entry: str, end: End, worker: str) -> str:
    job_id, _, execution_id = entry.rpartition(":")
    script_keys = [
        keys.rq_started(queue),
        keys.rq_queue(queue),
        keys.rq_intermediate(queue),
        keys.rq_job(job_id),
        keys.rq_execution(entry),
        keys.rq_executions(job_id),
        keys.done(job_id),
        keys.rq_finished(queue),
        keys.rq_failed(queue),
        keys.rq_worker(worker),
    ]
    args = [end.value, entry, job_id, execution_id, _RQ_TTL_S, keys.NOTED_TTL_S]
    return cast(bytes, connection.register_script(_END)(keys=script_keys, args=args)).decode()
