"""Progress stops at the first "too many requests": a line that is late is worth nothing, a ban is. Hiccups are sat out.

discord.py waits and tries again by itself, which is right for results and wrong for progress. So
every answer is heard, and the one to a progress edit ends it there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace
from typing import TypeVar

import aiohttp
import discord

log = logging.getLogger(__name__)
T = TypeVar("T")

_PAUSES_S = (0.5, 1.0, 2.0)
_PATIENT = ContextVar("patient", default=True)
_TOO_MANY = 429


class TooManyRequestsError(Exception):
    """Discord answered 429 to something that may be left out."""


@contextmanager
def impatiently() -> Iterator[None]:
    """Requests made inside are not repeated after a 429.

    Raises:
        TooManyRequestsError: There was one.
    """
    before = _PATIENT.set(False)
    try:
        yield
    finally:
        _PATIENT.reset(before)


def trace() -> aiohttp.TraceConfig:
    """For ``discord.Client(http_trace=...)``."""
    config = aiohttp.TraceConfig()
    config.on_request_end.append(_ended)
    return config


async def _ended(
    session: aiohttp.ClientSession, context: SimpleNamespace, ended: aiohttp.TraceRequestEndParams
) -> None:
    if ended.response.status == _TOO_MANY and not _PATIENT.get():
        ended.response.close()
        raise TooManyRequestsError


async def outlast(ask: Callable[[], Awaitable[T]]) -> T:
    """Make a request that does the same twice as once, and again over a hiccup of Discord's servers or of the line.

    discord.py does so for most of its API, not for files and not for lines that break.

    Args:
        ask: Makes it.
    """
    for pause_s in _PAUSES_S:
        try:
            return await ask()
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            if isinstance(error, discord.HTTPException) and error.status < 500 and error.status != _TOO_MANY:
                raise
            log.info("%s, once more", type(error).__name__)
        await asyncio.sleep(pause_s)
    return await ask()
