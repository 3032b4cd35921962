"""The keys by which everything behind this frontend knows people, chats and jobs."""

from __future__ import annotations

import discord


def user_key(user: discord.abc.User) -> str:
    """The user's key everywhere behind this frontend."""
    return f"discord:{user.id}"


def chat_key(interaction: discord.Interaction) -> str:
    """The chat whose settings count: the server, or the private channel."""
    return f"discord:{interaction.guild_id or interaction.channel_id}"


def chat_key_of(guild_id: int) -> str:
    """The key of a server."""
    return f"discord:{guild_id}"


def channel_keys(channel: object) -> tuple[str, ...]:
    """A channel's key, and its parent's for a thread."""
    ids = (getattr(channel, "id", None), getattr(channel, "parent_id", None))
    return tuple(str(number) for number in ids if number)


def role_keys(user: discord.abc.User) -> tuple[str, ...]:
    """Keys of a member's roles."""
    return tuple(str(role.id) for role in user.roles) if isinstance(user, discord.Member) else ()


def channel_key(channel_id: int | None) -> str:
    """The place where what is posted is seen: the channel, the thread, the private channel."""
    return f"discord:{channel_id or 0}"
