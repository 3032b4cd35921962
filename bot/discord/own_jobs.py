"""``/queue`` and ``/cancel``: one's own unfinished jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.app_commands import Choice

from bot.chat.captions import standing
from bot.discord.boundary import language_of, spoken
from bot.discord.keys import user_key
from bot.discord.posting import NOBODY
from bot.discord.promises import acknowledge
from bot.discord.words import word
from bot.texts import say

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

_MAX_CHOICES = 25


def add_job_commands(bot: PasticheClient, tree: app_commands.CommandTree[PasticheClient]) -> None:
    """Register the commands."""

    @tree.command(name="queue", description=word("queue_command"))
    async def queue(interaction: discord.Interaction[PasticheClient]) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            text = await _list(bot, interaction)
            await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)

    @tree.command(name="cancel", description=word("cancel_command"))
    @app_commands.describe(job=word("job"))
    @app_commands.autocomplete(job=unfinished)
    async def cancel(interaction: discord.Interaction[PasticheClient], job: str | None = None) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            text = await _cancel(bot, interaction, job)
            await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)


async def unfinished(interaction: discord.Interaction[PasticheClient], current: str) -> list[Choice[str]]:
    """The user's unfinished jobs with how they stand."""
    lines = await _lines(interaction.client, interaction)
    return [Choice(name=line[:100], value=job_id) for job_id, line in lines][:_MAX_CHOICES]


async def _list(bot: PasticheClient, interaction: discord.Interaction) -> str:
    language = language_of(interaction, bot.language)
    lines = await _lines(bot, interaction)
    return "\n".join(line for _, line in lines)[:2000] or say("discord.queue_empty", language)


async def _lines(bot: PasticheClient, interaction: discord.Interaction) -> list[tuple[str, str]]:
    language = language_of(interaction, bot.language)
    found = []
    for number, job_id in enumerate(await bot.service.jobs_of(user_key(interaction.user)), start=1):
        now = await bot.service.standing(job_id)
        found.append((job_id, f"{number}. {standing(now, language)}"))
    return found


async def _cancel(bot: PasticheClient, interaction: discord.Interaction, job_id: str | None) -> str:
    """One job, or all of them."""
    language, user = language_of(interaction, bot.language), user_key(interaction.user)
    jobs = [job_id] if job_id else await bot.service.jobs_of(user)
    stopped = [await bot.service.cancel(job, user) for job in jobs]
    if not jobs:
        return say("discord.queue_empty", language)
    return say("discord.cancelled_count" if any(stopped) else "discord.too_late", language, count=sum(stopped))
