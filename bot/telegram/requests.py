"""How we speak HTTP to Telegram: patient with large pictures, and awake when the token is refused."""

from __future__ import annotations

import asyncio
import ssl
from functools import cache
from typing import Any

import httpx
from telegram.ext import Application, ApplicationBuilder, ExtBot
from telegram.request import HTTPXRequest

from bot.telegram.throttle import Throttle

App = Application[Any, Any, Any, Any, Any, Any]

_POOL = 64
_UPLOAD_S = 120.0
_ANSWER_S = 30.0
_REFUSED = (401, 404)  # 404 is what a malformed token gets


class Polls(HTTPXRequest):
    """Requests for updates. python-telegram-bot ends its polling silently when the token is revoked.

    Args:
        options: As for ``HTTPXRequest``.

    Attributes:
        refused: Set when Telegram does not know the token any more.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.refused = asyncio.Event()

    async def do_request(self, *positional: Any, **named: Any) -> tuple[int, bytes]:
        """Ask, and look at the answer."""
        status, payload = await super().do_request(*positional, **named)
        if status in _REFUSED:
            self.refused.set()
        return status, payload


def build_application(api_url: str, token: str, polls: Polls) -> App:
    """python-telegram-bot's application, for a Bot API server.

    Args:
        api_url: Its root.
        token: The bot's.
        polls: Asks for updates.
    """
    request = HTTPXRequest(
        connection_pool_size=_POOL,
        pool_timeout=_UPLOAD_S,
        read_timeout=_ANSWER_S,
        media_write_timeout=_UPLOAD_S,
        httpx_kwargs={"verify": certificates()},
    )
    bot = ExtBot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=request,
        get_updates_request=polls,
        rate_limiter=Throttle(),
    )
    return ApplicationBuilder().bot(bot).concurrent_updates(True).build()


@cache
def certificates() -> ssl.SSLContext:
    """The authorities that we trust; read once, since that takes a while."""
    return httpx.create_ssl_context()
