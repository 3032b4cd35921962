"""Removes all that the queue knows of a job, its pictures included."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import cast

import redis

from nst.errors import UserError
from workers.client.outbox import GROUP, result_of
from workers.client.progress import last_event
from workers.contract import ContractError, Job
from workers.routing import QUEUES
from workers.store import keys
from workers.store.made_before import made_key
from workers.store.owners import Owners

# KEYS: done, which is empty for a job that was forgotten. ARGV: commands, as JSON.
_NOTE = """
if redis.call('GET', KEYS[1]) == '' then return 0 end
local answer
for _, command in ipairs(cjson.decode(ARGV[1])) do answer = redis.call(unpack(command)) end
return (answer and answer ~= 0) and 1 or 0
"""


def forget_job(connection: redis.Redis, job_id: str, shared: Collection[str] = ()) -> bool:
    """Delete a finished job: record, result, pictures, previews, checkpoint, undelivered results.

    An empty done-key stays for its day, so that a worker that froze over the job, or is not done with it, cannot post a
    result nor keep a picture after all.

    Args:
        connection: To the queue's Redis.
        job_id: The job; cancel it first if it is not finished: the word to stop stays until it is.
        shared: Blob hashes that are nobody's: the presets.

    Returns:
        Whether anything was known of it.
    """
    record = cast("dict[bytes, bytes]", connection.hgetall(keys.record(job_id)))
    result, event = result_of(connection, job_id), last_event(connection, job_id)
    owner = result.user if result else record.get(b"user", b"").decode(errors="replace")
    blobs = {record.get(b"checkpoint", b"").decode(errors="replace")}
    blobs |= {result.picture, result.time_lapse} if result else set()
    blobs |= {event.preview} if event else set()
    text = record.get(b"job") or (result.job if result else "")
    made, job = [], _readable(text)
    if job:
        owner = job.user
        blobs |= set(job.pictures)
        made = [made_key(job)]
        connection.zrem(keys.chat_pending(job.chat), job_id)
        _drop_undelivered(connection, job)
    with connection.pipeline() as pipe:
        pipe.delete(keys.record(job_id), keys.rq_job(job_id), *([keys.cancel(job_id)] if result else []), *made)
        pipe.set(keys.done(job_id), b"", ex=keys.RESULT_TTL_S, xx=not text)
        pipe.zrem(keys.FAILURES, job_id)
        for queue in QUEUES:
            pipe.zrem(keys.rq_finished(queue), job_id)
            pipe.zrem(keys.rq_failed(queue), job_id)
        for order in cast("list[bytes]", connection.lrange(keys.CARD_ORDERS, 0, -1)):
            if f'"{job_id}"'.encode() in order:
                pipe.lrem(keys.CARD_ORDERS, 0, order.decode())
        pipe.execute()
    Owners(connection).release(owner, *(blobs - set(shared)))
    return bool(text)


def _readable(text: str | bytes) -> Job | None:
    """A job; None for one that nobody can read, of which everything else goes all the same."""
    try:
        return Job.from_json(text)
    except (ContractError, UserError):
        return None


def note_of(connection: redis.Redis, job_id: str, *commands: tuple[str | int | float, ...]) -> bool:
    """Write something down that is about a job, unless the job was forgotten: what comes late stays out.

    Args:
        connection: To the queue's Redis.
        job_id: The job.
        commands: Of Redis, one tuple each.

    Returns:
        Whether the last command did something.
    """
    words = json.dumps([[str(word) for word in command] for command in commands])
    return bool(connection.register_script(_NOTE)(keys=[keys.done(job_id)], args=[words]))


def note_on_record(connection: redis.Redis, job_id: str, name: str, value: str | float) -> bool:
    """Write a field of a job's record, which lives for another day then, unless the job was forgotten.

    Returns:
        Whether it was written.
    """
    record = keys.record(job_id)
    return note_of(connection, job_id, ("HSET", record, name, value), ("EXPIRE", record, keys.RESULT_TTL_S))


def _drop_undelivered(connection: redis.Redis, job: Job) -> None:
    stream = keys.outbox(job.frontend)
    marker = f'"job_id":"{job.job_id}"'.encode()
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", connection.xrange(stream))
    for entry_id, fields in entries:
        if marker in fields.get(b"result", b""):
            connection.xack(stream, GROUP, entry_id)
            connection.xdel(stream, entry_id)
