"""Who acts, as the core wants to know it, and which challenge they mean."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

import discord

from bot.challenges.model import RUNNING, Challenge, Person, State
from bot.chat.chat_settings import ChatSettings
from bot.discord.keys import chat_key, role_keys, user_key
from nst.errors import UserError

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient


async def acting(bot: PasticheClient, interaction: discord.Interaction) -> Person:
    """The one who pressed or typed."""
    settings = await asyncio.to_thread(bot.chats.read, chat_key(interaction))
    return person(interaction, settings)


def person(interaction: discord.Interaction, settings: ChatSettings) -> Person:
    """What Discord says of somebody, and what the server's settings make of it.

    Args:
        interaction: What they did.
        settings: Of its server.
    """
    user = interaction.user
    joined = user.joined_at if isinstance(user, discord.Member) else None
    trusted = bool(set(settings.challenge_roles) & set(role_keys(user)))
    return Person(
        user=user_key(user),
        chat=chat_key(interaction),
        name=user.display_name,
        kind="bot" if user.bot else "person",
        manages=interaction.guild_id is not None and (interaction.permissions.manage_events or trusted),
        account_created_at_s=user.created_at.timestamp(),
        member_since_s=joined.timestamp() if joined else None,
    )


async def meant(
    bot: PasticheClient,
    interaction: discord.Interaction,
    challenge_id: str | None,
    states: Collection[State] = RUNNING,
) -> Challenge:
    """The challenge that was named, or the newest of this server in one of the states.

    Raises:
        UserError: ``challenge_unknown``, ``challenge_not_here``.
    """
    chat = chat_key(interaction)
    if challenge_id:
        found = await asyncio.to_thread(bot.challenges.life.read, challenge_id)
        if found.chat(chat) is None:
            raise UserError("challenge_not_here")
        return found
    here = await asyncio.to_thread(bot.challenges.life.in_chat, chat, states)
    if not here:
        raise UserError("challenge_none_here")
    return here[0]
