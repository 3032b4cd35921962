"""``/privacy`` and what its button does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import discord

from bot.chat.privacy import noted_jobs
from bot.discord.boundary import language_of
from bot.discord.keys import user_key
from bot.discord.posting import NOBODY
from bot.discord.views import forget_surely_view, forget_view
from bot.texts import say

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient


async def explain_privacy(bot: PasticheClient, interaction: discord.Interaction) -> None:
    """Say what is kept and offer to forget it."""
    language = language_of(interaction, bot.language)
    view = forget_view(interaction.user.id, language)
    text = say("discord.privacy", language)
    await interaction.response.send_message(text, view=view, ephemeral=True, allowed_mentions=NOBODY)


async def ask_to_forget(bot: PasticheClient, interaction: discord.Interaction) -> None:
    """Turn the message with the button into the question whether they are sure, which says what goes."""
    await interaction.response.defer()
    language = language_of(interaction, bot.language)
    count = len(await asyncio.to_thread(noted_jobs, bot.connection, user_key(interaction.user)))
    text, view = say("privacy.ask", language, count=count), forget_surely_view(interaction.user.id, language)
    await interaction.edit_original_response(content=text, view=view, allowed_mentions=NOBODY)


async def forget_user(bot: PasticheClient, interaction: discord.Interaction) -> None:
    """Forget everything about the one who asks, and say so in the question's place."""
    await interaction.response.defer()
    user = user_key(interaction.user)
    count = await bot.service.forget(user, lambda _: bot.promises.forget_all(user))
    text = say("discord.forgotten", language_of(interaction, bot.language), count=count)
    await interaction.edit_original_response(content=text, view=None, allowed_mentions=NOBODY)


async def keep_user(bot: PasticheClient, interaction: discord.Interaction) -> None:
    """They think better of it."""
    text = say("privacy.kept", language_of(interaction, bot.language))
    await interaction.response.edit_message(content=text, view=None, allowed_mentions=NOBODY)
