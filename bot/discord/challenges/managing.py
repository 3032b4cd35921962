"""``/challenge`` for those who run them: create, join, review, disqualify, end, cancel, export."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.utils import escape_markdown

from bot.challenges.model import DAY_S, FINISHED, HOUR_S, RUNNING, Chat, Plan, Rules, Scoring, State
from bot.challenges.rules import check_manager
from bot.challenges.wording import sure_text
from bot.chat.recipe_words import find_preset
from bot.discord.boundary import language_of, spoken
from bot.discord.challenges.choices import all_entries, finished_here, here
from bot.discord.challenges.pages import row_line, show_review
from bot.discord.challenges.people import acting, meant
from bot.discord.challenges.status import show_status
from bot.discord.challenges.views import sure_view
from bot.discord.commands import presets_starting_with
from bot.discord.intake import check_permissions
from bot.discord.pictures import Given, check_declared, read_picture
from bot.discord.posting import NOBODY
from bot.discord.promises import acknowledge
from bot.discord.words import word
from bot.texts import nearest_language, say
from nst.errors import UserError
from workers.store.clock import server_time_s

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

Theme = Range[str, 1, 120]
Hours = Range[float, 0.2, 1440.0]
VotingHours = Range[int, 1, 336]
Count = Range[int, 1, 10]
Days = Range[int, 0, 365]
MemberHours = Range[int, 0, 8760]
Reason = Range[str, 1, 200]
_EXPORT_BYTES = 12 * 1024 * 1024
_UNFINISHED = frozenset({State.DRAFT, *RUNNING})
_SCORING = [Choice(name=word(f"scoring_{one.value}"), value=one.value) for one in Scoring]
_PLAN = {
    name: word(f"challenge_{name}")
    for name in ("theme", "closes_in", "voting_hours", "entries", "votes", "review", "style", "style_image", "scoring")
} | {name: word(f"challenge_{name}") for name in ("account_days", "member_hours")}


def add_managing_commands(bot: PasticheClient, group: app_commands.Group) -> None:
    """Register the commands."""
    _add_create(bot, group)
    _add_join(bot, group)
    _add_moderation(bot, group)
    _add_ends(bot, group)


def _add_create(bot: PasticheClient, group: app_commands.Group) -> None:
    @group.command(name="create", description=word("challenge_create_command"))
    @app_commands.describe(**_PLAN)
    @app_commands.choices(scoring=_SCORING)
    @app_commands.autocomplete(style=presets_starting_with)
    async def create(
        interaction: discord.Interaction[PasticheClient],
        theme: Theme,
        closes_in: Hours = 168.0,
        voting_hours: VotingHours = 48,
        entries: Count = 1,
        votes: Count = 3,
        review: bool = False,
        style: str | None = None,
        style_image: discord.Attachment | None = None,
        scoring: str = Scoring.SUM.value,
        account_days: Days = 7,
        member_hours: MemberHours = 1,
    ) -> None:
        async with spoken(interaction, bot.language):
            check_permissions(interaction)
            given = Given.attached(style_image) if style_image else None
            if given:
                check_declared(given)
            preset = find_preset(style, bot.presets) if style else ""
            await acknowledge(bot, interaction, ephemeral=True)
            plan = Plan(
                theme=theme,
                closes_at_s=await asyncio.to_thread(server_time_s, bot.connection) + closes_in * HOUR_S,
                voting_hours=voting_hours,
                entries_per_person=entries,
                votes_per_person=votes,
                review=review,
                style_preset=preset,
                style_picture=await read_picture(bot.fetcher, given) if given else b"",
                style_spoiler=given is not None and given.spoiler,
                scoring=Scoring(scoring),
                rules=Rules(account_age_s=account_days * DAY_S, membership_s=member_hours * HOUR_S),
            )
            manager, chat = await acting(bot, interaction), await _chat(bot, interaction)
            made = await asyncio.to_thread(bot.challenges.life.create, plan, chat, manager)
            await show_status(bot, interaction, made.challenge_id)


def _add_join(bot: PasticheClient, group: app_commands.Group) -> None:
    @group.command(name="invite", description=word("challenge_invite_command"))
    @app_commands.describe(challenge=word("challenge_which"))
    @app_commands.autocomplete(challenge=here({State.DRAFT, State.OPEN}))
    async def invite(interaction: discord.Interaction[PasticheClient], challenge: str | None = None) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            found = await meant(bot, interaction, challenge, {State.DRAFT, State.OPEN})
            await show_invitation(bot, interaction, found.challenge_id)

    @group.command(name="join", description=word("challenge_join_command"))
    @app_commands.describe(code=word("challenge_code"))
    async def join(interaction: discord.Interaction[PasticheClient], code: str) -> None:
        async with spoken(interaction, bot.language):
            check_permissions(interaction)
            await acknowledge(bot, interaction, ephemeral=True)
            manager, chat = await acting(bot, interaction), await _chat(bot, interaction)
            joined = await asyncio.to_thread(bot.challenges.life.join, code, chat, manager)
            await show_status(bot, interaction, joined.challenge_id)


def _add_moderation(bot: PasticheClient, group: app_commands.Group) -> None:
    @group.command(name="review", description=word("challenge_review_command"))
    @app_commands.describe(challenge=word("challenge_which"))
    @app_commands.autocomplete(challenge=here(RUNNING))
    async def review(interaction: discord.Interaction[PasticheClient], challenge: str | None = None) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            found = await meant(bot, interaction, challenge)
            await show_review(bot, interaction, found.challenge_id)

    @group.command(name="disqualify", description=word("challenge_disqualify_command"))
    @app_commands.describe(
        entry=word("challenge_entry"), reason=word("challenge_reason"), challenge=word("challenge_which")
    )
    @app_commands.autocomplete(entry=all_entries, challenge=here(RUNNING))
    async def disqualify(
        interaction: discord.Interaction[PasticheClient], entry: str, reason: Reason, challenge: str | None = None
    ) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            found, manager = await meant(bot, interaction, challenge), await acting(bot, interaction)
            moderation = bot.challenges.moderation
            row = await asyncio.to_thread(moderation.disqualify, found.challenge_id, entry, reason, manager)
            await _say(interaction, row_line(row, language_of(interaction, bot.language), escape_markdown))


def _add_ends(bot: PasticheClient, group: app_commands.Group) -> None:
    @group.command(name="cancel", description=word("challenge_cancel_command"))
    @app_commands.describe(challenge=word("challenge_which"))
    @app_commands.autocomplete(challenge=here(_UNFINISHED))
    async def cancel(interaction: discord.Interaction[PasticheClient], challenge: str | None = None) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            found = await meant(bot, interaction, challenge, _UNFINISHED)
            await ask_once_more(bot, interaction, found.challenge_id, "challenge_cancel")

    @group.command(name="export", description=word("challenge_export_command"))
    @app_commands.describe(challenge=word("challenge_which"))
    @app_commands.autocomplete(challenge=finished_here)
    async def export(interaction: discord.Interaction[PasticheClient], challenge: str | None = None) -> None:
        async with spoken(interaction, bot.language):
            await acknowledge(bot, interaction, ephemeral=True)
            found = await meant(bot, interaction, challenge, FINISHED)
            await _export(bot, interaction, found.challenge_id)


async def ask_once_more(bot: PasticheClient, interaction: discord.Interaction, challenge_id: str, verb: str) -> None:
    """Turn the interaction's message into the question whether they are sure; the answer means the state it names.

    Raises:
        UserError: ``challenge_unknown``, ``not_a_manager``.
    """
    challenge = await asyncio.to_thread(bot.challenges.life.read, challenge_id)
    language = language_of(interaction, bot.language)
    check_manager(await acting(bot, interaction), challenge)
    text = sure_text(verb.removeprefix("challenge_"), challenge, language, escape_markdown)
    view = sure_view(challenge, verb, language)
    await interaction.edit_original_response(content=text, view=view, allowed_mentions=NOBODY)


async def show_invitation(bot: PasticheClient, interaction: discord.Interaction, challenge_id: str) -> None:
    """Turn the interaction's message into a code for one more chat.

    Raises:
        UserError: ``not_a_manager``, ``challenge_closed``.
    """
    manager = await acting(bot, interaction)
    code = await asyncio.to_thread(bot.challenges.life.invite, challenge_id, manager)
    await _say(interaction, say("discord_challenge.invitation", language_of(interaction, bot.language), code=code))


async def _export(bot: PasticheClient, interaction: discord.Interaction, challenge_id: str) -> None:
    language, manager = language_of(interaction, bot.language), await acting(bot, interaction)
    async with bot.results_room.take(_EXPORT_BYTES):
        data = await asyncio.to_thread(bot.challenges.gallery.export, challenge_id, manager)
    if len(data) > interaction.filesize_limit:
        detail = {"received_bytes": len(data), "allowed_bytes": interaction.filesize_limit}
        raise UserError("image_too_many_bytes", detail)
    text = say("discord_challenge.export", language)
    file = discord.File(io.BytesIO(data), filename=f"challenge-{challenge_id}.zip", description=text[:1024])
    await interaction.edit_original_response(content=text, attachments=[file], allowed_mentions=NOBODY)


async def _chat(bot: PasticheClient, interaction: discord.Interaction) -> Chat:
    """This channel: announcements go where the challenge was made or joined."""
    settings = await asyncio.to_thread(bot.chats.read, f"discord:{interaction.guild_id}")
    spoken_here = str(interaction.guild_locale) if interaction.guild_locale else None
    return Chat(
        platform="discord",
        chat_id=str(interaction.guild_id),
        channel_id=str(interaction.channel_id),
        language=settings.language or nearest_language(spoken_here, bot.language),
    )


async def _say(interaction: discord.Interaction, text: str) -> None:
    await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)
