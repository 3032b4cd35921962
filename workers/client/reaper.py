"""Brings back the jobs of dead workers; run by every worker and every frontend, every second or two.

A job is in one of three places: waiting (RQ's queue), between (RQ's intermediate list, for the
millisecond between taking and starting) or running (RQ's started registry). A running one is
abandoned when its worker's lease does not name it; one in between when it stays there.
"""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import redis
from redis.exceptions import RedisError

from workers.client.executions import NOT_OURS, End, end_run
from workers.counters import count
from workers.routing import QUEUES
from workers.store import keys
from workers.store.refusals import refusal

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
_LOCK_MS = 900  # never released: it also keeps many reapers from asking more often than needed
_BETWEEN_MS = 3_000
# Live workers, busy ones too, renew their leases within that time after a restart of Redis or its return to writing.
RECOVERY_S = 6
_DEAD_WORKER_S = 60  # as RQ keeps the record of one that ended well
_GAP_S = 4  # so long no lease ends that was renewed in time; who looked last was further back, where nobody could write

# KEYS: intermediate, seen, queue, rq job, done. ARGV: job id, patience_ms, ttl_s of what waits.
_STRAY = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seen = redis.call('GET', KEYS[2])
if not seen then
  redis.call('SET', KEYS[2], string.format('%d', now), 'PX', 2 * ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  return 0
end
if now - seen < tonumber(ARGV[2]) then return 0 end
if not redis.call('LPOS', KEYS[1], ARGV[1]) then return 0 end
local wanted = redis.call('EXISTS', KEYS[4]) == 1 and redis.call('EXISTS', KEYS[5]) == 0
if wanted then
  redis.call('LPUSH', KEYS[3], ARGV[1])
  redis.call('EXPIRE', KEYS[3], ARGV[3])
  redis.call('HSET', KEYS[4], 'status', 'queued')
end
redis.call('LREM', KEYS[1], 0, ARGV[1])
redis.call('DEL', KEYS[2])
return wanted and 1 or 0
"""

# KEYS: lock, spell. ARGV: lock_ms, gap_ms, recovery_ms, the spell's ttl_s.
# After a time in which Redis took nothing, from nobody, leases have ended whose workers are well.
_MAY_LOOK = """
if not redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1]) then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local spell = redis.call('HMGET', KEYS[2], 'since', 'last')
local since = tonumber(spell[1] or 0)
if spell[2] and now - spell[2] > tonumber(ARGV[2]) then since = now end
redis.call('HSET', KEYS[2], 'since', string.format('%d', since), 'last', string.format('%d', now))
redis.call('EXPIRE', KEYS[2], ARGV[4])
return now - since >= tonumber(ARGV[3]) and 1 or 0
"""


def reap_once(connection: redis.Redis) -> int:
    """Look once; many may do so at the same time.

    Args:
        connection: To the queue's Redis.

    Returns:
        How many jobs were brought back or given up.
    """
    may_look = connection.register_script(_MAY_LOOK)
    waits_ms = [_LOCK_MS, 1000 * _GAP_S, 1000 * RECOVERY_S]
    args = [*waits_ms, keys.NOTED_TTL_S]  # no run outlives its spell
    if not may_look(keys=[keys.REAPER_LOCK, keys.REAPER_SPELL], args=args):
        return 0
    if connection.info("server")["uptime_in_seconds"] < RECOVERY_S:
        return 0
    found = sum(_reap_started(connection, queue) + _reap_between(connection, queue) for queue in QUEUES)
    _forget_dead_workers(connection)
    return found


async def keep_reaping(connection: redis.Redis, interval_s: float = INTERVAL_S) -> None:
    """Reap every ``interval_s`` until cancelled; waits while Redis is away.

    Args:
        connection: Synchronous; it is used in a thread.
        interval_s: Seconds between two looks.
    """
    while True:
        try:
            await asyncio.to_thread(reap_once, connection)
        except RedisError as error:
            log.warning("Dead workers' jobs cannot be looked for now: %s", refusal(error) or type(error).__name__)
        await asyncio.sleep(interval_s)


def _reap_started(connection: redis.Redis, queue: str) -> int:
    entries = [entry.decode() for entry in cast("list[bytes]", connection.zrange(keys.rq_started(queue), 0, -1))]
    with connection.pipeline(transaction=False) as pipe:
        for entry in entries:
            pipe.hget(keys.rq_execution(entry), "worker_name")
        names = [(name or b"").decode() for name in pipe.execute()]
        for name in names:
            pipe.get(keys.lease(name))
        held = [(lease or b"").decode() for lease in pipe.execute()]
    abandoned = [entry for entry, lease in zip(entries, held, strict=True) if lease != entry]
    return sum(_bring_back(connection, queue, entry) for entry in abandoned)


def _bring_back(connection: redis.Redis, queue: str, entry: str) -> int:
    job_id = entry.rpartition(":")[0]
    done = end_run(connection, queue, entry, End.RETRY)
    if done == NOT_OURS:  # it ended between the two looks
        return 0
    log.warning("Job %s lost its worker: %s", job_id, done, extra={"job_id": job_id})
    count(connection, f"lease_losses:{queue}")
    return int(done in (End.RETRY, End.FAILED))


def _reap_between(connection: redis.Redis, queue: str) -> int:
    script = connection.register_script(_STRAY)
    ids = [job.decode() for job in cast("list[bytes]", connection.lrange(keys.rq_intermediate(queue), 0, -1))]
    found = 0
    for job_id in ids:
        seen = f"{keys.rq_intermediate(queue)}:seen:{job_id}"
        script_keys = [
            keys.rq_intermediate(queue),
            seen,
            keys.rq_queue(queue),
            keys.rq_job(job_id),
            keys.done(job_id),
        ]
        found += int(script(keys=script_keys, args=[job_id, _BETWEEN_MS, keys.NOTED_TTL_S]))
    return found


def _forget_dead_workers(connection: redis.Redis) -> None:
    """Take dead workers off our list and RQ's, and end RQ's record of them: its last word may have had no end."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.smembers(keys.WORKERS)
        pipe.smembers(keys.RQ_WORKERS)
        known = [name.decode().removeprefix(keys.rq_worker("")) for names in pipe.execute() for name in names]
        names = sorted(set(known))
        for name in names:
            pipe.exists(keys.lease(name))
        dead = [name for name, alive in zip(names, pipe.execute(), strict=True) if not alive]
        for name in dead:
            pipe.srem(keys.WORKERS, name)
            for register in keys.rq_registers(QUEUES):
                pipe.srem(register, keys.rq_worker(name))
            pipe.expire(keys.rq_worker(name), _DEAD_WORKER_S)
        pipe.execute()
