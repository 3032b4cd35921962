"""How one challenge stands, to the one who asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import discord
from discord.utils import escape_markdown

from bot.challenges.model import State
from bot.challenges.wording import rules_text, state_text
from bot.discord.boundary import language_of
from bot.discord.challenges.announcer import when
from bot.discord.challenges.people import acting
from bot.discord.challenges.views import status_view
from bot.discord.keys import chat_key, user_key
from bot.discord.posting import NOBODY
from bot.texts import say
from nst.errors import UserError

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient


async def show_status(bot: PasticheClient, interaction: discord.Interaction, challenge_id: str) -> None:
    """How a challenge stands, what it asks for, and what can be done about it.

    Raises:
        UserError: ``challenge_unknown``, ``challenge_not_here``.
    """
    language = language_of(interaction, bot.language)
    challenge = await asyncio.to_thread(bot.challenges.life.read, challenge_id)
    here = challenge.chat(chat_key(interaction)) is not None
    if not here and challenge.created_by != user_key(interaction.user):  # who hears of it in private
        raise UserError("challenge_not_here")
    lines = [state_text(challenge, when, language, escape_markdown), rules_text(challenge, bot.presets, language)]
    view = None
    if here:
        person = await acting(bot, interaction)
        own = await asyncio.to_thread(bot.challenges.entries.of_person, challenge_id, person.user)
        lines.append(say("discord_challenge.own_entries", language, count=len(own)))
        at_home = person.manages and challenge.chats[0].key == person.chat
        view = status_view(challenge, at_home, language)
    if challenge.state is State.OPEN:
        lines.append(say("discord_challenge.how_to_enter", language))
    await interaction.edit_original_response(content="\n".join(lines), view=view, allowed_mentions=NOBODY)
