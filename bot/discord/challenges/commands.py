"""``/challenge`` for everybody: submit, withdraw, list, status, leaderboard; and Apps → Enter challenge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.utils import escape_markdown

from bot.challenges.model import FINISHED, RUNNING, State
from bot.challenges.wording import state_text
from bot.discord.boundary import language_of, spoken
from bot.discord.challenges.announcer import when
from bot.discord.challenges.choices import finished_here, here, own_entries, own_pictures
from bot.discord.challenges.entering import enter, job_under, recent
from bot.discord.challenges.managing import add_managing_commands
from bot.discord.challenges.pages import show_gallery
from bot.discord.challenges.people import acting, meant
from bot.discord.challenges.status import show_status
from bot.discord.keys import chat_key
from bot.discord.posting import NOBODY
from bot.discord.promises import acknowledge
from bot.discord.words import word
from bot.texts import say
from nst.errors import UserError

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

ALIVE = frozenset({State.DRAFT, *RUNNING, *FINISHED})
_LISTED, _LEADERS = 20, 20


def add_challenge_commands(bot: PasticheClient, tree: app_commands.CommandTree[PasticheClient]) -> None:
    """Register the commands."""
    group = app_commands.Group(
        name="challenge",
        description=word("challenge_command"),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )
    _add_entering(bot, group)
    _add_looking(bot, group)
    add_managing_commands(bot, group)
    tree.add_command(group)

    @tree.context_menu(name=word("enter_menu"))
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    async def enter_challenge(interaction: discord.Interaction[PasticheClient], message: discord.Message) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            await enter(bot, interaction, job_under(bot, message))


def _add_entering(bot: PasticheClient, group: app_commands.Group) -> None:
    @group.command(name="submit", description=word("challenge_submit_command"))
    @app_commands.describe(
        picture=word("challenge_picture"), challenge=word("challenge_which"), instead_of=word("challenge_instead")
    )
    @app_commands.autocomplete(picture=own_pictures, challenge=here({State.OPEN}), instead_of=own_entries)
    async def submit(
        interaction: discord.Interaction[PasticheClient],
        picture: str | None = None,
        challenge: str | None = None,
        instead_of: str | None = None,
    ) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            job_id = picture or next((name for _, name in await recent(bot, interaction)), "")
            if not job_id:
                raise UserError("entry_no_result")
            await enter(bot, interaction, job_id, challenge or "", instead_of or "")

    @group.command(name="withdraw", description=word("challenge_withdraw_command"))
    @app_commands.describe(entry=word("challenge_own_entry"), challenge=word("challenge_which"))
    @app_commands.autocomplete(entry=own_entries, challenge=here({State.OPEN}))
    async def withdraw(
        interaction: discord.Interaction[PasticheClient], entry: str, challenge: str | None = None
    ) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            found, person = await meant(bot, interaction, challenge, {State.OPEN}), await acting(bot, interaction)
            await asyncio.to_thread(bot.challenges.entries.withdraw, found.challenge_id, entry, person)
            await _say(interaction, say("discord_challenge.withdrawn", language_of(interaction, bot.language)))


def _add_looking(bot: PasticheClient, group: app_commands.Group) -> None:
    @group.command(name="list", description=word("challenge_list_command"))
    async def list_(interaction: discord.Interaction[PasticheClient]) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            language = language_of(interaction, bot.language)
            found = await asyncio.to_thread(bot.challenges.life.in_chat, chat_key(interaction), ALIVE)
            lines = [state_text(one, when, language, escape_markdown) for one in found[:_LISTED]]
            await _say(interaction, "\n".join(lines) or say("error.challenge_none_here", language))

    @group.command(name="status", description=word("challenge_status_command"))
    @app_commands.describe(challenge=word("challenge_which"))
    @app_commands.autocomplete(challenge=here(ALIVE))
    async def status(interaction: discord.Interaction[PasticheClient], challenge: str | None = None) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            found = await meant(bot, interaction, challenge, ALIVE)
            await show_status(bot, interaction, found.challenge_id)

    @group.command(name="gallery", description=word("challenge_gallery_command"))
    @app_commands.describe(challenge=word("challenge_which"))
    @app_commands.autocomplete(challenge=finished_here)
    async def gallery(interaction: discord.Interaction[PasticheClient], challenge: str | None = None) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            found = await meant(bot, interaction, challenge, FINISHED)
            await show_gallery(bot, interaction, found.challenge_id)

    @group.command(name="leaderboard", description=word("challenge_leaderboard_command"))
    async def leaderboard(interaction: discord.Interaction[PasticheClient]) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            await _say(interaction, await _leaders(bot, interaction))


async def _leaders(bot: PasticheClient, interaction: discord.Interaction) -> str:
    language = language_of(interaction, bot.language)
    ranked = await asyncio.to_thread(bot.challenges.gallery.leaderboard, chat_key(interaction))
    lines = [
        say(
            "discord_challenge.leader",
            language,
            place=place,
            name=escape_markdown(one.name or say("challenge.nobody", language)),
            wins=one.wins,
            podiums=one.podiums,
            entries=one.entries,
            votes=one.votes,
        )
        for place, one in enumerate(ranked[:_LEADERS], start=1)
    ]
    return "\n".join(lines)[:2000] or say("discord_challenge.no_leaders", language)


async def _say(interaction: discord.Interaction, text: str) -> None:
    await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)
