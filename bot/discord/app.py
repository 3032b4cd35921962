"""The Discord bot as a process in the foreground: ``pastiche discord``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import discord

from bot.chat.memory_budget import return_freed_memory
from bot.discord.client import PasticheClient
from nst.errors import OperatorError
from workers.store.connection import connect, connect_async

if TYPE_CHECKING:
    from bot.chat.fetching import Reach
    from bot.settings import Settings


def run(settings: Settings, reach: Reach | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: Of this process.
        reach: Where addresses that people give may lead; the public internet if None.

    Raises:
        OperatorError: ``setting_missing`` or ``bad_setting`` for the token, ``queue_unavailable``.
    """
    if not settings.discord_token.get_secret_value():
        raise OperatorError("setting_missing", {"setting": "DISCORD_TOKEN"})
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # we never speak
    return_freed_memory()
    asyncio.run(_serve(settings, reach))


async def _serve(settings: Settings, reach: Reach | None) -> None:
    connection = await asyncio.to_thread(connect, settings.redis_url)
    stream = await connect_async(settings.redis_url)
    client = PasticheClient(settings, connection, stream, reach)
    try:
        async with client:
            await _until_asked_to_end(client, settings.discord_token.get_secret_value())
    except discord.LoginFailure:
        allowed = "the bot's token from https://discord.com/developers/applications"
        detail = {"setting": "DISCORD_TOKEN", "received": "(hidden)", "allowed": allowed}
        raise OperatorError("bad_setting", detail) from None
    finally:
        await stream.aclose()
        connection.close()


async def _until_asked_to_end(client: PasticheClient, token: str) -> None:
    loop = asyncio.get_running_loop()
    serving = asyncio.create_task(client.start(token), name="discord")
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving
