"""Voting in private: pages of numbered entries in the voter's own order, a button for each, answered with a toast."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from telegram import InlineKeyboardButton

from bot.challenges.entry import Ballot, BallotEntry
from bot.challenges.model import Challenge
from bot.sheets import PER_PAGE, Cell, entries_sheet
from bot.telegram.challenges.buttons import button
from bot.telegram.challenges.context import Visit, keyboard, picture_post, when
from bot.telegram.posting import Picture, Post
from bot.texts import say
from nst.errors import JobError

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

T = TypeVar("T")
_SHEET_BYTES = 8 * 1024 * 1024  # of the room for pictures


async def open_ballot(visit: Visit) -> None:
    """Show a page of what may be voted for: the door ``vote``, and the ballot's arrows.

    Raises:
        UserError: What keeps them from voting.
    """
    challenge, chat_id, voter = await visit.challenge(), await visit.chat_id(), await visit.person()
    ballot = await asyncio.to_thread(visit.front.challenges.votes.ballot, visit.challenge_id, voter)
    page = visit.pressed.page
    entries = page_of(ballot.entries, page)
    cells = [Cell(str(entry.number), entry.picture, entry.spoiler) for entry in entries]
    sheet = await sheet_of(visit.front, cells)
    rows = _rows(ballot, chat_id, page)
    await visit.show(picture_post(_text(challenge, ballot, chat_id, visit.language), sheet, rows))


async def click(visit: Visit) -> None:
    """A vote, or one taken back, told to the voter and nobody else; ``more``: the page, the entry and its number.

    Raises:
        UserError: ``vote_limit``, ``vote_own_entry``, ``voting_closed`` …
    """
    _, entry_id, number = visit.pressed.more
    votes, voter = visit.front.challenges.votes, await visit.person()
    act = votes.vote if visit.pressed.verb == "bv" else votes.revoke
    choice = await asyncio.to_thread(act, visit.challenge_id, entry_id, voter)
    key = "voted" if visit.pressed.verb == "bv" else "revoked"
    await visit.tell(say(f"telegram_challenge.{key}", visit.language, number=number, left=choice.left))
    await _refresh(visit)


async def _refresh(visit: Visit) -> None:
    """The same page with its buttons as they are now; its picture stays."""
    challenge, chat_id, voter = await visit.challenge(), await visit.chat_id(), await visit.person()
    ballot = await asyncio.to_thread(visit.front.challenges.votes.ballot, visit.challenge_id, voter)
    rows = _rows(ballot, chat_id, visit.pressed.page)
    await visit.show(Post(_text(challenge, ballot, chat_id, visit.language), keyboard=keyboard(rows)))


def _text(challenge: Challenge, ballot: Ballot, chat_id: int, language: str) -> str:
    return say(
        "telegram_challenge.run_off_ballot" if ballot.run_off else "telegram_challenge.ballot",
        language,
        theme=challenge.theme,
        count=len(ballot.entries),
        left=ballot.left,
        until=when(challenge, chat_id, ballot.until_s, language),
    )


def _rows(ballot: Ballot, chat_id: int, page: int) -> list[list[InlineKeyboardButton]]:
    shown = page_of(ballot.entries, page)
    return [
        [_entry_button(entry, ballot.challenge_id, chat_id, page) for entry in shown],
        arrows("bp", ballot.challenge_id, chat_id, page, len(ballot.entries)),
    ]


def _entry_button(entry: BallotEntry, challenge_id: str, chat_id: int, page: int) -> InlineKeyboardButton:
    label = f"♥ {entry.number}" if entry.chosen else f"{entry.number} ✎" if entry.own else f"{entry.number}"
    verb = "bu" if entry.chosen else "bv"
    return button(label, verb, challenge_id, chat_id, page, entry.entry_id, entry.number)


def arrows(verb: str, challenge_id: str, chat_id: int, page: int, count: int) -> list[InlineKeyboardButton]:
    """Buttons to the pages before and after; none where one page is all."""
    pages = -(-count // PER_PAGE)
    if pages < 2:
        return []
    before, after = (page - 2) % pages + 1, page % pages + 1
    return [
        button("‹", verb, challenge_id, chat_id, before),
        button(f"{page} / {pages}", verb, challenge_id, chat_id, page),
        button("›", verb, challenge_id, chat_id, after),
    ]


def page_of(entries: Sequence[T], page: int) -> Sequence[T]:
    """The entries of a page, from 1."""
    return entries[(page - 1) * PER_PAGE : page * PER_PAGE]


async def sheet_of(front: Frontend, cells: Sequence[Cell]) -> Picture:
    """The picture of a page, hidden where one of its entries is."""

    def draw() -> bytes:
        return entries_sheet([(cell.label, _picture(front, cell.picture)) for cell in cells])

    async with front.picture_room.take(_SHEET_BYTES):
        data = await asyncio.to_thread(draw)
    return Picture(data, "entries.jpg", spoiler=any(cell.spoiler for cell in cells))


def _picture(front: Frontend, digest: str) -> bytes | None:
    if not digest:
        return None
    try:
        return front.challenges.entries.picture(digest)
    except JobError:
        return None  # no longer kept: its cell stays empty
