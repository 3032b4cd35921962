"""The commands that show things: ``/styles``, ``/help`` and ``/privacy``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.discord.boundary import spoken
from bot.discord.gallery import show_help, show_page
from bot.discord.privacy import explain_privacy
from bot.discord.promises import acknowledge
from bot.discord.words import word

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient


def add_information_commands(bot: PasticheClient, tree: app_commands.CommandTree[PasticheClient]) -> None:
    """Register the commands."""

    @tree.command(name="styles", description=word("styles_command"))
    async def styles(interaction: discord.Interaction[PasticheClient]) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            await show_page(bot, interaction, 0)

    @tree.command(name="help", description=word("help_command"))
    async def help_command(interaction: discord.Interaction[PasticheClient]) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            await show_help(bot, interaction)

    @tree.command(name="privacy", description=word("privacy_command"))
    async def privacy(interaction: discord.Interaction[PasticheClient]) -> None:
        async with spoken(interaction, bot.language):
            await explain_privacy(bot, interaction)
