"""What ``/challenge`` offers while somebody types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import discord
from discord.app_commands import Choice

from bot.challenges.model import FINISHED, RUNNING, State
from bot.discord.boundary import language_of
from bot.discord.challenges.entering import entry_label, recent
from bot.discord.challenges.pages import row_line
from bot.discord.challenges.people import acting
from bot.discord.keys import chat_key, user_key
from bot.discord.views import MAX_CHOICES
from nst.errors import UserError

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

Asked: TypeAlias = "discord.Interaction[PasticheClient]"
Complete = Callable[[Any, str], Coroutine[Any, Any, list[Choice[str]]]]


def here(states: Collection[State]) -> Complete:
    """This server's challenges in one of the states, by theme."""

    async def complete(interaction: Asked, current: str) -> list[Choice[str]]:
        life = interaction.client.challenges.life
        found = await asyncio.to_thread(life.in_chat, chat_key(interaction), states)
        return _choices(((one.theme, one.challenge_id) for one in found), current)

    return complete


finished_here = here(FINISHED)


async def own_pictures(interaction: Asked, current: str) -> list[Choice[str]]:
    """One's own last pastiches."""
    return _choices(await recent(interaction.client, interaction), current)


async def own_entries(interaction: Asked, current: str) -> list[Choice[str]]:
    """One's own entries in what is open here."""
    bot, language = interaction.client, language_of(interaction, interaction.client.language)
    user, found = user_key(interaction.user), []
    for challenge in await asyncio.to_thread(bot.challenges.life.in_chat, chat_key(interaction), {State.OPEN}):
        found += await asyncio.to_thread(bot.challenges.entries.of_person, challenge.challenge_id, user)
    return _choices(((entry_label(entry, bot, language), entry.entry_id) for entry in found), current)


async def all_entries(interaction: Asked, current: str) -> list[Choice[str]]:
    """Everybody's entries in what runs here, for those who manage it."""
    bot, language = interaction.client, language_of(interaction, interaction.client.language)
    manager, found = await acting(bot, interaction), []
    for challenge in await asyncio.to_thread(bot.challenges.life.in_chat, chat_key(interaction), RUNNING):
        try:
            found += await asyncio.to_thread(bot.challenges.entries.all, challenge.challenge_id, manager)
        except UserError:
            return []  # the command itself says why
    return _choices(((row_line(row, language), row.entry_id) for row in found), current)


def _choices(found: Iterable[tuple[str, str]], current: str) -> list[Choice[str]]:
    typed = current.strip().casefold()
    return [Choice(name=name[:100], value=value) for name, value in found if typed in name.casefold()][:MAX_CHOICES]
