"""How far a job is: the last event wins, whoever listens hears of it at once.

Progress may be lost without harm, so it is a hash field for those who ask and a channel for those
who listen; only terminal results go through the outbox's stream.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import redis
import redis.asyncio
from redis.exceptions import RedisError

from workers.contract import ContractError, Event
from workers.store import keys

log = logging.getLogger(__name__)

INTERVAL_S = 0.2  # five a second is as smooth as a chat can show
_CANCEL_INTERVAL_S = 0.05


class ProgressWriter:
    """Writes a job's progress, at most five times a second, and asks whether it was cancelled.

    Both cost one round trip together. It is used by one thread.

    Args:
        connection: To the queue's Redis.
        job_id: The job.
        clock: Monotonic seconds.
    """

    def __init__(self, connection: redis.Redis, job_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._job_id = job_id
        self._clock = clock
        self._written_s = -INTERVAL_S
        self._asked_s = -_CANCEL_INTERVAL_S
        self._cancelled = False

    def due(self) -> bool:
        """Whether the next event would be written: ask before preparing an expensive one."""
        return self._clock() - self._written_s >= INTERVAL_S

    def write(self, event: Event, force: bool = False) -> bool:
        """Write an event unless the last one is too fresh.

        Args:
            event: How the job stands.
            force: Write in any case (the first and the last one).

        Returns:
            Whether it was written.
        """
        if not force and not self.due():
            return False
        with self._connection.pipeline(transaction=False) as pipe:
            write_event(pipe, event)
            pipe.exists(keys.cancel(self._job_id))
            answers = pipe.execute()
        self._written_s = self._asked_s = self._clock()
        self._cancelled = bool(answers[-1])
        return True

    def cancelled(self) -> bool:
        """Whether somebody cancelled the job; asks Redis at most every 50 ms."""
        if not self._cancelled and self._clock() - self._asked_s >= _CANCEL_INTERVAL_S:
            self._cancelled = bool(self._connection.exists(keys.cancel(self._job_id)))
            self._asked_s = self._clock()
        return self._cancelled


def write_event(pipe: Any, event: Event) -> None:
    """Queue an event's commands on a pipeline."""
    text = event.to_json()
    pipe.hset(keys.record(event.job_id), "event", text)
    pipe.expire(keys.record(event.job_id), keys.RESULT_TTL_S)
    pipe.publish(keys.progress(event.frontend), text)


def last_event(connection: redis.Redis, job_id: str) -> Event | None:
    """The last event of a job that was written, or None."""
    text = cast("bytes | None", connection.hget(keys.record(job_id), "event"))
    try:
        return Event.from_json(text) if text else None
    except ContractError:
        return None  # of a release that is not our neighbour; the next one is ours


async def events(connection: redis.asyncio.Redis, frontend: str) -> AsyncIterator[Event]:
    """A frontend's progress events as they come, for ever; waits while Redis is away.

    Args:
        connection: Asynchronous, to the queue's Redis.
        frontend: Whose jobs.
    """
    while True:
        try:
            async with connection.pubsub() as channel:
                await channel.subscribe(keys.progress(frontend))
                while True:
                    message = await channel.get_message(ignore_subscribe_messages=True, timeout=1.0)
                    event = _parse(message)
                    if event:
                        yield event
        except RedisError as error:
            log.warning("Progress cannot be heard now: %s", type(error).__name__)
            await asyncio.sleep(1)


def _parse(message: Any) -> Event | None:
    if not message or message.get("type") != "message":
        return None
    try:
        return Event.from_json(message["data"])
    except ContractError as error:
        log.warning("An event that cannot be read was dropped: %s", error)
        return None
