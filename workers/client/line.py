"""Who may wait, and where in the line: one script decides, so that no two frontends disagree.

A user's k-th waiting job belongs to the k-th round from now, and rounds are served in order
(start-time fair queueing, Goyal, Vin and Cheng 1997, with one job as the unit of service): behind a
flood of a hundred jobs of one user everybody else still waits for one job of each user only. The
line stays RQ's plain list, so that a position is an index and every tool of RQ sees it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import redis

from nst.errors import BusyError
from workers.contract import Event, Job
from workers.routing import queue_of
from workers.store import keys
from workers.store.clock import server_time_s
from workers.worker.job_class import new_rq_job

# What the queue takes before it says "later"; light, because settings name it.
MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What the queue takes before it says "later".

    Attributes:
        pending_per_user: Unfinished jobs of one user.
        per_user_per_day: Jobs of one user on one day (UTC).
        waiting: Jobs waiting in one queue, whoever asked for them.
        pending_per_chat: Unfinished jobs of one chat, whoever in it asked for them.
        bytes_per_user: Pictures and results that are kept of one user.
        bytes_per_address: Those of all web sessions that come from one address.
        bytes_in_all: Those of everybody, where no limit of Redis' memory counts instead.
    """

    pending_per_user: int = 10
    per_user_per_day: int = 1000
    waiting: int = 1000
    pending_per_chat: int = 200
    bytes_per_user: int = 200 * MIB
    bytes_per_address: int = 400 * MIB
    bytes_in_all: int = 2048 * MIB


_OVERTAKE_S = 30  # who waited that long is overtaken by nobody

_REFUSALS = {"queue_full": "queue_full", "chat": "chat_full", "pending": "rate_limited", "quota": "rate_limited"}

# KEYS: rq job, rq queue, record, pending, done, line, quota, rq queues, pending of the chat, all jobs of the user
# ARGV: id, user, now_s, overtake_s, record ttl, pending cap, day cap, waiting cap, chat, chat's cap,
#       how long a user's jobs are noted and anything waits, number of record values, record values …, rq job values …
_SUBMIT = """
local id, user, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('EXISTS', KEYS[1], KEYS[5]) > 0 then return {'duplicate', 0} end
local waiting = redis.call('LLEN', KEYS[2])
if waiting >= tonumber(ARGV[8]) then return {'queue_full', waiting} end
local forgotten = now - tonumber(ARGV[5])  -- whatever is older has no record any more
if ARGV[9] ~= '' then
  local theirs = redis.call('ZCOUNT', KEYS[9], forgotten, '+inf')
  if theirs >= tonumber(ARGV[10]) then return {'chat', theirs} end
end
if user ~= '' then
  local mine = redis.call('ZCOUNT', KEYS[4], forgotten, '+inf')
  if mine >= tonumber(ARGV[6]) then return {'pending', mine} end
  if tonumber(redis.call('GET', KEYS[7]) or 0) >= tonumber(ARGV[7]) then return {'quota', 0} end
end

-- First what a full Redis refuses: after a script's first write it refuses no more.
local records = tonumber(ARGV[12])
redis.call('HSET', KEYS[1], unpack(ARGV, 13 + records))
redis.call('EXPIRE', KEYS[1], ARGV[11])
redis.call('HSET', KEYS[3], unpack(ARGV, 13, 12 + records))
redis.call('EXPIRE', KEYS[3], ARGV[5])
redis.call('SADD', KEYS[8], KEYS[2])
redis.call('EXPIRE', KEYS[8], ARGV[11])
if user ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[4], 0, forgotten)
  redis.call('ZADD', KEYS[4], now, id)
  redis.call('EXPIRE', KEYS[4], ARGV[5])
  redis.call('ZREMRANGEBYSCORE', KEYS[10], 0, now - ARGV[11])
  redis.call('ZADD', KEYS[10], now, id)
  redis.call('EXPIRE', KEYS[10], ARGV[11])
  redis.call('INCR', KEYS[7])
  redis.call('EXPIRE', KEYS[7], 2 * 86400)
end
if ARGV[9] ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[9], 0, forgotten)
  redis.call('ZADD', KEYS[9], now, id)
  redis.call('EXPIRE', KEYS[9], ARGV[5])
end

-- The round that is being served: that of the first job whose round is known (one handed back has none).
local round = 0
for _, first in ipairs(redis.call('LRANGE', KEYS[2], 0, 15)) do
  local info = redis.call('HGET', KEYS[6], first)
  if info then round = tonumber(string.match(info, '^%d+')) break end
end
if user ~= '' then round = round + redis.call('ZCARD', KEYS[4]) - 1 end

-- From the line's end forward, past everybody of a later round, but past nobody who waited long.
local before, last, searching = nil, waiting, true
while searching and last > 0 do
  local ids = redis.call('LRANGE', KEYS[2], math.max(0, last - 64), last - 1)
  local infos = redis.call('HMGET', KEYS[6], unpack(ids))
  for i = #ids, 1, -1 do
    local theirs, since = string.match(infos[i] or '', '^(%d+) ([%d.]+)$')
    if not theirs or tonumber(theirs) <= round or now - tonumber(since) > tonumber(ARGV[4]) then
      searching = false
      break
    end
    before = ids[i]
  end
  last = last - 64
end
redis.call('HSET', KEYS[6], id, round .. ' ' .. ARGV[3])
if before then redis.call('LINSERT', KEYS[2], 'BEFORE', before, id) else redis.call('RPUSH', KEYS[2], id) end
redis.call('EXPIRE', KEYS[2], ARGV[11])
redis.call('EXPIRE', KEYS[6], ARGV[11])
return {'queued', waiting}
"""


def enqueue(connection: redis.Redis, job: Job, kind: str, limits: Limits) -> bool:
    """Put a job in its place in the line.

    Args:
        connection: To the queue's Redis.
        job: Its blobs are stored already.
        kind: From ``routing.kind_of``.
        limits: What the queue takes.

    Returns:
        False if this job id was queued before: that is success as well.

    Raises:
        BusyError: ``rate_limited``, ``chat_full`` or ``queue_full``; ``retry_after_s`` is filled in by the client.
    """
    queue, now_s = queue_of(job.options.method), server_time_s(connection)
    job = replace(job, submitted_at_s=now_s)
    event = Event(job_id=job.job_id, frontend=job.frontend, state="queued")
    record: dict[str, Any] = {
        "job": job.to_json(),
        "queue": queue,
        "user": job.user,
        "frontend": job.frontend,
        "kind": kind,
        "event": event.to_json(),
        "chat": job.chat,
    }
    record_values, rq_values = _flat(record), _flat(new_rq_job(connection, job, queue).to_dict())
    day = datetime.fromtimestamp(now_s, UTC).date().isoformat()
    script_keys = [
        keys.rq_job(job.job_id),
        keys.rq_queue(queue),
        keys.record(job.job_id),
        keys.pending(job.user),
        keys.done(job.job_id),
        keys.line(queue),
        keys.quota(job.user, day),
        keys.RQ_QUEUES,
        keys.chat_pending(job.chat),
        keys.jobs_of(job.user),
    ]
    caps = [limits.pending_per_user, limits.per_user_per_day, limits.waiting, job.chat, limits.pending_per_chat]
    head: list[Any] = [job.job_id, job.user, f"{now_s:.3f}", _OVERTAKE_S, keys.RESULT_TTL_S, *caps, keys.NOTED_TTL_S]
    args = [*head, len(record_values), *record_values, *rq_values]
    answer = connection.register_script(_SUBMIT)(keys=script_keys, args=args)
    verdict = cast("list[Any]", answer)[0].decode()
    if verdict in _REFUSALS:
        raise _refusal(verdict, now_s)
    return bool(verdict == "queued")


def _refusal(verdict: str, now_s: float) -> BusyError:
    if verdict == "quota":
        now = datetime.fromtimestamp(now_s, UTC)
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
        return BusyError("rate_limited", {"retry_after_s": round((midnight - now).total_seconds())})
    return BusyError(_REFUSALS[verdict])


def _flat(mapping: dict[str, Any]) -> list[Any]:
    return [part for name, value in mapping.items() if value is not None for part in (name, value)]
