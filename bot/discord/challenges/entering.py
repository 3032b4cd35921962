"""Entering one's own result: by the button under it, by Apps → Enter challenge, by ``/challenge submit``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import discord
from discord.utils import escape_markdown

from bot.challenges.entry import Entry, Status
from bot.challenges.model import Challenge, State
from bot.chat.captions import alt_text
from bot.chat.privacy import noted_jobs
from bot.discord.boundary import language_of
from bot.discord.challenges.people import acting
from bot.discord.challenges.views import choice_view
from bot.discord.keys import chat_key, user_key
from bot.discord.posting import NOBODY
from bot.discord.views import job_of
from bot.texts import duration, explain, say
from nst.errors import UserError
from workers.contract import ContractError, Job
from workers.store import keys

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

_RECENT = 10


async def enter(
    bot: PasticheClient, interaction: discord.Interaction, job_id: str, challenge_id: str = "", instead_of: str = ""
) -> None:
    """Enter a job's picture, or ask for what is not clear: which challenge, instead of which entry.

    Args:
        bot: The client.
        interaction: Acknowledged; its private answer becomes what came of it.
        job_id: The pastiche.
        challenge_id: Which challenge, or "" for the one that is open here.
        instead_of: The entry that it replaces, or "".

    Raises:
        UserError: Why it cannot be.
    """
    language = language_of(interaction, bot.language)
    here = await asyncio.to_thread(bot.challenges.life.in_chat, chat_key(interaction), {State.OPEN})
    chosen = [one for one in here if challenge_id in ("", one.challenge_id)]
    if not chosen:
        raise UserError("challenge_none_here")
    if len(chosen) > 1:
        prompt = say("discord_challenge.which", language)
        choices = [(one.theme, one.challenge_id) for one in chosen]
        await _answer(interaction, prompt, choice_view("enter_in", job_id, choices, prompt))
        return
    await _submit(bot, interaction, chosen[0], job_id, instead_of)


async def _submit(
    bot: PasticheClient, interaction: discord.Interaction, challenge: Challenge, job_id: str, instead_of: str
) -> None:
    language, person = language_of(interaction, bot.language), await acting(bot, interaction)
    entries, name = bot.challenges.entries, challenge.challenge_id
    try:
        entry = await asyncio.to_thread(entries.submit, name, job_id, person, instead_of)
    except UserError as error:
        if error.code != "entry_limit":
            raise
        own = await asyncio.to_thread(entries.of_person, name, person.user)
        prompt = say("discord_challenge.instead", language)
        choices = [
            (entry_label(one, bot, language), one.entry_id) for one in own if one.status is not Status.DISQUALIFIED
        ]
        view = choice_view("enter_for", f"{name}:{job_id}", choices, prompt) if choices else None
        await _answer(interaction, explain(error, language), view)
        return
    key = "pending" if entry.status is Status.PENDING else "entered"
    until, theme = f"<t:{int(challenge.closes_at_s)}:R>", escape_markdown(challenge.theme)
    await _answer(interaction, say(f"discord_challenge.{key}", language, theme=theme, until=until))


async def _answer(interaction: discord.Interaction, text: str, view: discord.ui.View | None = None) -> None:
    await interaction.edit_original_response(content=text, view=view, attachments=[], allowed_mentions=NOBODY)


async def enter_picked(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    """A challenge was picked from the list: ``argument`` is the job."""
    await interaction.response.defer()
    await enter(bot, interaction, argument, _picked(interaction))


async def enter_instead(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    """An entry to be replaced was picked: ``argument`` is challenge and job."""
    await interaction.response.defer()
    challenge_id, _, job_id = argument.partition(":")
    await enter(bot, interaction, job_id, challenge_id, _picked(interaction))


def job_under(bot: PasticheClient, message: discord.Message) -> str:
    """The job of which a message is the result.

    Raises:
        UserError: ``image_missing``: it is no result of ours.
    """
    ours = bot.user is not None and message.author.id == bot.user.id
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)] if ours else []
    for item in (item for row in rows for item in row.children):
        if job_id := job_of(item.custom_id or ""):
            return job_id
    raise UserError("entry_no_result")


async def recent(bot: PasticheClient, interaction: discord.Interaction) -> list[tuple[str, str]]:
    """The user's last pastiches, made and being made, newest first: what they look like in words, and their jobs."""
    language = language_of(interaction, bot.language)
    jobs = await asyncio.to_thread(_recent, bot, user_key(interaction.user))
    now_s = interaction.created_at.timestamp()
    return [
        (f"{alt_text(job, bot.presets, language)} · {duration(now_s - job.submitted_at_s, language)}", job.job_id)
        for job in jobs
    ]


def _recent(bot: PasticheClient, user: str) -> list[Job]:
    ids = noted_jobs(bot.connection, user)[-_RECENT:]
    texts: Any = [bot.connection.hget(keys.record(job_id), "job") for job_id in reversed(ids)]
    return [job for job in map(_job, texts) if job is not None]


def _job(text: bytes | None) -> Job | None:
    try:
        return Job.from_json(text) if text else None
    except (ContractError, UserError):
        return None  # of a release that is not our neighbour


def entry_label(entry: Entry, bot: PasticheClient, language: str) -> str:
    """One's own entry in a list."""
    ago = duration(max(1.0, discord.utils.utcnow().timestamp() - entry.entered_at_s), language)
    style = entry.style_label or say("caption.own_style", language)
    return f"{style} · {ago} · {say(f'discord_challenge.entry_{entry.status}', language, reason='')}"


def _picked(interaction: discord.Interaction) -> str:
    data: Any = interaction.data or {}
    return str(next(iter(data.get("values", [])), ""))
