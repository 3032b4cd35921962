"""What runs beside the pages: results and progress from the queue, and the reaper."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import RedisError

from bot.web.shared import FRONTEND, Studio
from nst.errors import OperatorError, UserError
from workers.client.outbox import OutboxReader
from workers.client.progress import events
from workers.client.reaper import keep_reaping
from workers.contract import ContractError, Job, Result
from workers.store.connection import connect_async

log = logging.getLogger(__name__)
_AGAIN_S = 1.0


@contextlib.asynccontextmanager
async def deliveries(studio: Studio, connection: redis.Redis, redis_url: str) -> AsyncIterator[None]:
    """Deliver for as long as the block lasts.

    Args:
        studio: Whose pages are told.
        connection: Synchronous, for the reaper.
        redis_url: For the readers' own connection.
    """
    listening = await connect_async(redis_url)
    tasks = [
        asyncio.create_task(_for_ever(name, work))
        for name, work in (
            ("results", lambda: _deliver_results(studio, listening)),
            ("progress", lambda: _tell_progress(studio, listening)),
            ("reaper", lambda: keep_reaping(connection)),
            ("held jobs", studio.service.held.watch),
        )
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listening.aclose()


async def keep_result(studio: Studio, result: Result) -> None:
    """Make sure that a result is on its session's wall, whether or not the session is here."""
    try:
        job = Job.from_json(result.job)
    except (ContractError, UserError):  # of another release, or damaged
        log.exception("Job %s has a result that cannot be shown: %s", result.job_id, result.outcome)
        return
    await asyncio.to_thread(studio.album.add, job, result)


async def _deliver_results(studio: Studio, connection: redis.asyncio.Redis) -> None:
    reader = OutboxReader(connection, FRONTEND)
    async for delivery in reader.deliveries():
        await _deliver(studio, delivery.result)
        await reader.ack(delivery)


async def _deliver(studio: Studio, result: Result) -> None:
    """Hang a result and tell the open pages. One that cannot be shown is said and left: the next ones wait for it."""
    try:
        await keep_result(studio, result)
        await studio.doorbell.hand_over(result)
    except (RedisError, OperatorError):  # not the result's fault
        raise
    except Exception:  # the frontend's boundary
        log.exception("Job %s has a result that cannot be shown: %s", result.job_id, result.outcome)


async def _tell_progress(studio: Studio, connection: redis.asyncio.Redis) -> None:
    async for event in events(connection, FRONTEND):
        studio.curves.hear(event)
        await studio.doorbell.tell(event)


async def _for_ever(name: str, work: Any) -> None:
    """Start work again after anything that goes wrong: a frontend that stops listening is dead without a sign."""
    while True:
        try:
            begun: Coroutine[Any, Any, None] = work()
            await begun
        except (RedisError, OperatorError) as error:
            log.warning("The %s wait for Redis: %s", name, type(error).__name__)
        except Exception:  # the frontend's boundary: the log has it, the loop goes on
            log.exception("The %s stumbled", name)
        await asyncio.sleep(_AGAIN_S)
