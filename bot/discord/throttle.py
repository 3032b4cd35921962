"""Progress stops at the first "too many requests": a line that is late is worth nothing, a ban is.

discord.py waits and tries again by itself, which is right for results and wrong for progress. So
every answer is heard, and the one to a progress edit ends it there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace

import aiohttp

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
