"""``/privacy`` and what its button does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.discord.boundary import language_of
from bot.discord.keys import user_key
from bot.discord.posting import NOBODY
from bot.discord.promises import acknowledge
from bot.discord.views import forget_view
from bot.texts import say

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient


async def explain_privacy(bot: PasticheClient, interaction: discord.Interaction) -> None:
    """Say what is kept and offer to forget it."""
    language = language_of(interaction, bot.language)
    view = forget_view(interaction.user.id, language)
    text = say("discord.privacy", language)
    await interaction.response.send_message(text, view=view, ephemeral=True, allowed_mentions=NOBODY)


async def forget_user(bot: PasticheClient, interaction: discord.Interaction) -> None:
    """Forget everything about the one who asks, and say so."""
    await acknowledge(bot, interaction, ephemeral=True)
    user = user_key(interaction.user)
    count = await bot.service.forget(user, lambda _: bot.promises.forget_all(user))
    text = say("discord.forgotten", language_of(interaction, bot.language), count=count)
    await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)
