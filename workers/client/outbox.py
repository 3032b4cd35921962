"""Exactly one terminal result per job, and how a frontend reads them.

A job may be run twice: its worker froze and came back, or was killed between posting and tidying
up. So the first result sets the job's done-key and enters the frontend's stream in one script,
and every later one finds the key set. RQ's callbacks would fire twice and are not used.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import redis
import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from workers.contract import ContractError, Job, NewerVersionError, Result
from workers.frontend_metrics import DELIVERY, REDELIVERED, SHOWN, UNREADABLE
from workers.histogram import BOUNDS, bucket
from workers.routing import queue_of
from workers.store import keys
from workers.store.refusals import refusal

log = logging.getLogger(__name__)

# KEYS: done, outbox, pending, cancel, counters, service times, record, failures.
# ARGV: result, ttl_s, the outbox's ttl_s, job id, counter, service_s ("" to learn nothing from this job), name of
# the service histogram, its bucket, name of the waiting histogram, Unix time of submission, bounds of its buckets,
# how many failures to remember (0: this is none), ttl_s of totals and service times, how many kinds have one.
# All times are Redis' own: a worker whose clock is days ahead would throw away what others posted.
# Service times are exponentially weighted means: a fifth of each new measurement, the first one as it is. Where there
# are too many kinds any one goes: a frequent one is measured again soon.
# The chat's set is named by the record, since a result does not know the chat.
# The stream comes first: if Redis has no memory left, the script fails before it changed anything.
POST = """
local function post(keys, argv)
  if redis.call('EXISTS', keys[1]) == 1 then return 0 end
  local time = redis.call('TIME')
  local now = time[1] + time[2] / 1000000
  local oldest = string.format('%.0f', (now - argv[3]) * 1000)
  redis.call('XADD', keys[2], 'MINID', '~', oldest, '*', 'result', argv[1])
  redis.call('EXPIRE', keys[2], argv[3])
  redis.call('SET', keys[1], argv[1], 'EX', argv[2])
  redis.call('ZREM', keys[3], argv[4])
  local chat = redis.call('HGET', keys[7], 'chat')
  if chat and chat ~= '' then redis.call('ZREM', 'pastiche:chatpending:' .. chat, argv[4]) end
  redis.call('DEL', keys[4])
  redis.call('HINCRBY', keys[5], argv[5], 1)
  redis.call('EXPIRE', keys[5], argv[13])
  if argv[6] ~= '' then
    redis.call('HINCRBY', keys[5], argv[7] .. argv[8], 1)
    redis.call('HINCRBYFLOAT', keys[5], argv[7] .. 'sum', argv[6])
    local begun = tonumber(argv[10]) > 0 and argv[10] or now
    local waited, bucket = math.max(0, now - begun - argv[6]), '+Inf'
    for bound in argv[11]:gmatch('%S+') do
      if waited <= tonumber(bound) then bucket = bound break end
    end
    redis.call('HINCRBY', keys[5], argv[9] .. bucket, 1)
    redis.call('HINCRBYFLOAT', keys[5], argv[9] .. 'sum', string.format('%.6f', waited))
  end
  if argv[12] ~= '0' then
    redis.call('ZADD', keys[8], string.format('%.3f', now), argv[4])
    redis.call('ZREMRANGEBYRANK', keys[8], 0, -1 - argv[12])
    redis.call('EXPIRE', keys[8], argv[2])
  end
  local kind = redis.call('HGET', keys[7], 'kind')
  if argv[6] ~= '' and kind then
    local mean = tonumber(redis.call('HGET', keys[6], kind) or argv[6])
    redis.call('HSET', keys[6], kind, tostring(mean + 0.2 * (tonumber(argv[6]) - mean)))
    redis.call('EXPIRE', keys[6], argv[13])
    while redis.call('HLEN', keys[6]) > tonumber(argv[14]) do
      redis.call('HDEL', keys[6], redis.call('HRANDFIELD', keys[6]))
    end
  end
  return 1
end
"""
_POST_ONLY = POST + "return post(KEYS, ARGV)"

GROUP = "frontend"
_FAILURES = 50  # remembered for the operator
_MOST_KINDS = 500
_BLOCK_MS = 2_000  # below connection.SOCKET_TIMEOUT_S


def post_terminal(connection: redis.Redis, result: Result) -> bool:
    """Post a job's terminal result, unless it has one already.

    Args:
        connection: To the queue's Redis.
        result: What became of the job.

    Returns:
        Whether this was the one that counts.
    """
    script = connection.register_script(_POST_ONLY)
    return bool(script(keys=post_keys(result), args=post_args(result)))


def post_keys(result: Result) -> list[str]:
    """The keys that the ``POST`` script wants."""
    job_id = result.job_id
    return [
        keys.done(job_id),
        keys.outbox(result.frontend),
        keys.pending(result.user),
        keys.cancel(job_id),
        keys.COUNTERS,
        keys.SERVICE_TIMES,
        keys.record(job_id),
        keys.FAILURES,
    ]


def post_args(result: Result) -> list[str | int]:
    """The arguments that the ``POST`` script wants."""
    counter = f"results:{result.method or '-'}:{result.outcome}"
    head: list[str | int] = [result.to_json(), keys.RESULT_TTL_S, keys.OUTBOX_TTL_S, result.job_id, counter]
    failures = _FAILURES if result.outcome == "failed" else 0
    return [*head, *_lesson(result), failures, keys.LASTING_TTL_S, _MOST_KINDS]


def _lesson(result: Result) -> tuple[str, ...]:
    """What a job says about others of its kind: only one painted now, by the method that was asked for."""
    job = Job.from_json(result.job) if result.outcome == "done" and result.service_s > 0 else None
    if job is None or job.options.method != result.method:
        return ("",) * 6
    service = (f"{result.service_s:.6f}", f"service:{result.method}:", bucket(result.service_s))
    return (*service, f"wait:{queue_of(result.method)}:", f"{job.submitted_at_s:.6f}", BOUNDS)


def result_of(connection: redis.Redis, job_id: str) -> Result | None:
    """The terminal result of a job, readable for a day.

    Returns:
        The result, or None while there is none (or none any more, or one that this release cannot read).
    """
    data = cast("bytes | None", connection.get(keys.done(job_id)))
    try:
        return Result.from_json(data) if data else None
    except ContractError:
        return None


def last_failures(connection: redis.Redis) -> list[tuple[float, Result]]:
    """The results that failed last, the newest first: of a day at most, and none that was forgotten.

    Returns:
        Pairs of Unix time and result.
    """
    known = cast("list[tuple[bytes, float]]", connection.zrevrange(keys.FAILURES, 0, -1, withscores=True))
    texts = connection.mget([keys.done(job_id.decode()) for job_id, _ in known]) if known else []
    failed = []
    for (_, failed_s), text in zip(known, cast("list[bytes | None]", texts), strict=True):
        with contextlib.suppress(ContractError):  # of another release
            failed += [(failed_s, Result.from_json(text))] if text else []
    return failed


@dataclass(frozen=True)
class Delivery:
    """One result to be shown in a chat.

    Attributes:
        entry_id: The stream's id of it; for ``OutboxReader.ack``.
        result: What became of the job.
        redelivered: It was read before and not acknowledged: it may have been shown already.
    """

    entry_id: str
    result: Result
    redelivered: bool = False


class OutboxReader:
    """Reads a frontend's results, each until it is acknowledged.

    A consumer that starts again under its own name first gets what it had not acknowledged; what
    another consumer left is claimed after ``claim_idle_s``. What a newer release wrote in a way that
    this one cannot read stays where it is, and is said: after the upgrade it is shown.

    Args:
        connection: Asynchronous, to the queue's Redis.
        frontend: Whose outbox.
        consumer: Name of this reader; keep it over restarts.
        claim_idle_s: Longer than the slowest post takes.
    """

    def __init__(
        self, connection: redis.asyncio.Redis, frontend: str, consumer: str = "main", claim_idle_s: float = 60
    ) -> None:
        self._connection = connection
        self._frontend = frontend
        self._stream = keys.outbox(frontend)
        self._consumer = consumer
        self._claim_idle_ms = int(claim_idle_s * 1000)
        self._next_claim_s = 0.0
        self._in_hand: set[str] = set()
        self._left: set[str] = set()
        self._own_backlog = True

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Results as they come, for ever; waits while Redis is away."""
        while True:
            try:
                batch = await self._read()
            except RedisError as error:
                log.warning("The outbox cannot be read now: %s", refusal(error) or type(error).__name__)
                await self._recover(error)
                continue
            for delivery in batch:
                self._in_hand.add(delivery.entry_id)
                yield delivery

    async def ack(self, delivery: Delivery) -> None:
        """Say that a result was shown; call it after the post, never before."""
        async with self._connection.pipeline(transaction=True) as pipe:
            pipe.xack(self._stream, GROUP, delivery.entry_id)
            pipe.xdel(self._stream, delivery.entry_id)
            pipe.time()  # the entry's id is Redis' time as well
            *_, (now_s, _) = await pipe.execute()
        self._in_hand.discard(delivery.entry_id)
        result = delivery.result
        SHOWN.labels(self._frontend, result.outcome).inc()
        DELIVERY.labels(self._frontend).observe(max(0.0, now_s - int(delivery.entry_id.split("-")[0]) / 1000))
        log.info("Job %s was shown: %s", result.job_id, result.outcome, extra={"job_id": result.job_id})

    async def _read(self) -> list[Delivery]:
        if self._own_backlog:
            await self._ensure_group()
            entries = await self._read_group("0", block_ms=None)
            self._own_backlog = False
            return await self._parse(entries, redelivered=True)
        claimed = await self._claim()
        if claimed:
            return claimed
        return await self._parse(await self._read_group(">", block_ms=_BLOCK_MS), redelivered=False)

    async def _read_group(self, since: str, block_ms: int | None) -> list[Any]:
        streams: Any = {self._stream: since}
        count = 16 if since == ">" else 10_000
        answer = await self._connection.xreadgroup(GROUP, self._consumer, streams, count=count, block=block_ms)
        if isinstance(answer, dict):  # RESP3
            return [entry for batches in answer.values() for batch in batches for entry in batch]
        return [entry for _, batch in answer or [] for entry in batch]

    async def _claim(self) -> list[Delivery]:
        if time.monotonic() < self._next_claim_s:
            return []
        self._next_claim_s = time.monotonic() + max(0.2, self._claim_idle_ms / 4000)
        answer = await self._connection.xautoclaim(
            self._stream, GROUP, self._consumer, self._claim_idle_ms, start_id="0-0", count=16
        )
        return await self._parse(answer[1], redelivered=True)

    async def _parse(self, entries: list[Any], redelivered: bool) -> list[Delivery]:
        deliveries = []
        for raw_id, fields in entries:
            entry_id = raw_id.decode()
            if entry_id in self._in_hand:
                continue
            try:
                result = Result.from_json((fields or {})[b"result"])
            except NewerVersionError as error:
                self._leave(entry_id, error)
                continue
            except (KeyError, ContractError) as error:
                log.error("A result that cannot be read was dropped: %s", error)
                await self._connection.xack(self._stream, GROUP, entry_id)
                continue
            REDELIVERED.labels(self._frontend).inc(int(redelivered))
            deliveries.append(Delivery(entry_id, result, redelivered))
        return deliveries

    def _leave(self, entry_id: str, error: NewerVersionError) -> None:
        if entry_id not in self._left:
            self._left.add(entry_id)
            UNREADABLE.labels(self._frontend).inc()
            log.error("A result waits for a newer release of this frontend: %s", error)

    async def _ensure_group(self) -> None:
        try:
            await self._connection.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        await self._connection.expire(self._stream, keys.OUTBOX_TTL_S)  # an empty one is made again

    async def _recover(self, error: RedisError) -> None:
        self._own_backlog = True  # the group may be gone with the data: make it again, read from its start
        await asyncio.sleep(0 if "NOGROUP" in str(error) else 1)
