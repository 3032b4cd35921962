"""Pages of entries: the ballot of one voter, the gallery after the results, the moderators' review."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import discord
from discord.utils import escape_markdown

from bot.challenges.entry import Ballot, Entry
from bot.challenges.wording import entry_line
from bot.discord.boundary import language_of
from bot.discord.challenges.people import acting, meant
from bot.discord.challenges.views import ballot_view, pages_view
from bot.discord.posting import NOBODY, Picture, to_file
from bot.sheets import PER_PAGE, Cell, entries_sheet
from bot.texts import say
from nst.errors import JobError

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

T = TypeVar("T")
_LONGEST = 2000
_SHEET_BYTES = 8 * 1024 * 1024  # while it is drawn


async def show_ballot(bot: PasticheClient, interaction: discord.Interaction, challenge_id: str, page: int = 1) -> None:
    """Turn the interaction's message into a page of the voter's own ballot; nobody else sees it.

    Raises:
        UserError: What keeps them from voting.
    """
    ballot = await _ballot(bot, interaction, challenge_id)
    shown, page, _ = page_of(ballot.entries, page)
    content = await _ballot_content(bot, interaction, ballot, page, "")
    numbers = [str(entry.number) for entry in shown]
    cells = [Cell(number, entry.picture, entry.spoiler) for number, entry in zip(numbers, shown, strict=True)]
    alt = say("discord_challenge.ballot_alt", language_of(interaction, bot.language), numbers=", ".join(numbers))
    await _show(bot, interaction, content, cells, alt)


async def vote(bot: PasticheClient, interaction: discord.Interaction, argument: str, name: str) -> None:
    """Give or take back a vote, and say so to the voter alone; the page's picture stays as it is.

    Raises:
        UserError: ``vote_limit``, ``vote_own_entry``, ``voting_closed`` …
    """
    await interaction.response.defer()
    challenge_id, entry_id, page = argument.split(":")
    votes, voter = bot.challenges.votes, await acting(bot, interaction)
    act = votes.vote if name == "vote" else votes.revoke
    await asyncio.to_thread(act, challenge_id, entry_id, voter)
    ballot = await _ballot(bot, interaction, challenge_id)
    number = next((one.number for one in ballot.entries if one.entry_id == entry_id), 0)
    key = "voted" if name == "vote" else "revoked"
    told = say(f"discord_challenge.{key}", language_of(interaction, bot.language), number=number)
    content = await _ballot_content(bot, interaction, ballot, int(page), told)
    await interaction.edit_original_response(**content, allowed_mentions=NOBODY)


async def show_gallery(bot: PasticheClient, interaction: discord.Interaction, challenge_id: str, page: int = 1) -> None:
    """Turn the interaction's message into a page of the results' gallery.

    Raises:
        UserError: ``challenge_unknown``, ``challenge_not_here`` or ``challenge_not_over``.
    """
    language = language_of(interaction, bot.language)
    await meant(bot, interaction, challenge_id)
    found = await asyncio.to_thread(bot.challenges.gallery.page, challenge_id, page, PER_PAGE)
    lines = [entry_line(one, bot.presets, language, escape_markdown) for one in found.placed]
    theme = escape_markdown(found.challenge.theme)
    head = say("discord_challenge.gallery", language, theme=theme, page=found.page, pages=found.pages)
    cells = [Cell(str(one.place or "–"), one.entry.picture, one.entry.spoiler) for one in found.placed]
    view = pages_view("plate", challenge_id, found.page, found.pages, language)
    alt = "\n".join(entry_line(one, bot.presets, language) for one in found.placed)
    await _show(bot, interaction, {"content": "\n".join([head, *lines])[:_LONGEST], "view": view}, cells, alt)


async def show_review(bot: PasticheClient, interaction: discord.Interaction, challenge_id: str, page: int = 1) -> None:
    """Turn the interaction's message into a page of all rows, with what was flagged, for moderators.

    Raises:
        UserError: ``not_a_manager``, ``challenge_unknown``.
    """
    language, manager = language_of(interaction, bot.language), await acting(bot, interaction)
    challenge = await meant(bot, interaction, challenge_id)
    rows = await asyncio.to_thread(bot.challenges.entries.all, challenge_id, manager)
    flags = await asyncio.to_thread(bot.challenges.moderation.flags, challenge_id, manager)
    marks = {flag.entry_id: say(f"discord_challenge.flag_{flag.kind}", language) for flag in flags}
    shown, page, pages = page_of([(place, row) for place, row in enumerate(rows, start=1)], page)
    head = say("discord_challenge.review", language, theme=escape_markdown(challenge.theme), page=page, pages=pages)
    lines = [
        f"{place}. {row_line(row, language, escape_markdown)} {marks.get(row.entry_id, '')}" for place, row in shown
    ]
    content = {
        "content": "\n".join([head, *lines])[:_LONGEST],
        "view": pages_view("sift", challenge_id, page, pages, language),
    }
    alt = "\n".join(f"{place}. {row_line(row, language)}" for place, row in shown)
    await _show(bot, interaction, content, [Cell(str(place), row.picture, row.spoiler) for place, row in shown], alt)


def row_line(row: Entry, language: str, escape: Callable[[str], str] = str) -> str:
    """A row as moderators see it: maker, how it stands, why it was disqualified.

    Args:
        row: The row.
        language: Whom to speak to.
        escape: Takes markup out of what people wrote, where there is any.
    """
    state = say(f"discord_challenge.entry_{row.status}", language, reason=escape(row.reason))
    return f"{escape(row.name or say('challenge.nobody', language))} · {row.entry_id} · {state}"


def page_of(things: Sequence[T], page: int) -> tuple[Sequence[T], int, int]:
    """A page's things, its number, and how many there are; the nearest where there is no such page."""
    pages = max(1, -(-len(things) // PER_PAGE))
    page = min(max(1, page), pages)
    return things[(page - 1) * PER_PAGE : page * PER_PAGE], page, pages


async def _ballot(bot: PasticheClient, interaction: discord.Interaction, challenge_id: str) -> Ballot:
    return await asyncio.to_thread(bot.challenges.votes.ballot, challenge_id, await acting(bot, interaction))


async def _ballot_content(
    bot: PasticheClient, interaction: discord.Interaction, ballot: Ballot, page: int, told: str
) -> dict[str, Any]:
    language = language_of(interaction, bot.language)
    challenge = await asyncio.to_thread(bot.challenges.life.read, ballot.challenge_id)
    shown, page, pages = page_of(ballot.entries, page)
    text = say(
        "discord_challenge.run_off_ballot" if ballot.run_off else "discord_challenge.ballot",
        language,
        theme=escape_markdown(challenge.theme),
        left=ballot.left,
        until=f"<t:{int(ballot.until_s)}:R>",
        page=page,
        pages=pages,
    )
    view = ballot_view(ballot.challenge_id, shown, page, pages, language)
    return {"content": f"{text}\n{told}".strip(), "view": view}


async def _show(
    bot: PasticheClient, interaction: discord.Interaction, content: dict[str, Any], cells: Sequence[Cell], alt: str
) -> None:
    attachments = []
    if cells:
        async with bot.results_room.take(_SHEET_BYTES):
            data = await asyncio.to_thread(_sheet, bot, cells)
        picture, spoiler = Picture(data, "image/jpeg", alt, "entries"), any(cell.spoiler for cell in cells)
        attachments = [await to_file(picture, interaction.filesize_limit, spoiler)]
    await interaction.edit_original_response(**content, attachments=attachments, allowed_mentions=NOBODY)


def _sheet(bot: PasticheClient, cells: Sequence[Cell]) -> bytes:
    return entries_sheet([(cell.label, _kept(bot, cell.picture)) for cell in cells])


def _kept(bot: PasticheClient, digest: str) -> bytes | None:
    """A picture, or None where it is not kept any more: its place stays empty."""
    if not digest:
        return None
    try:
        return bot.challenges.entries.picture(digest)
    except JobError:
        return None
