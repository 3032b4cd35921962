"""After the results: the entries by place, page by page, and the leaderboard of a group."""

from __future__ import annotations

import asyncio

from bot.challenges.wording import entry_line
from bot.sheets import PER_PAGE, Cell
from bot.telegram.asker import chat_key
from bot.telegram.challenges.ballot import arrows, sheet_of
from bot.telegram.challenges.buttons import spoken_button
from bot.telegram.challenges.context import Visit, picture_post
from bot.telegram.posting import Post
from bot.texts import say

_RANKS = 10


async def open_gallery(visit: Visit) -> None:
    """A page of the gallery; from the poster's button (``more`` ends with ``new``) in a message of its own.

    Raises:
        UserError: ``challenge_not_over``, and what ``Visit.check_here`` raises.
    """
    await visit.check_here()
    front, language, chat_id = visit.front, visit.language, await visit.chat_id()
    page = await asyncio.to_thread(front.challenges.gallery.page, visit.challenge_id, visit.pressed.page, PER_PAGE)
    lines = [entry_line(placed, front.presets, language) for placed in page.placed]
    text = "\n".join([say("telegram_challenge.gallery", language, theme=page.challenge.theme), *lines])
    cells = [Cell(_label(one.place), one.entry.picture, one.entry.spoiler) for one in page.placed]
    sheet = await sheet_of(front, cells)
    rows = [
        arrows("g", visit.challenge_id, chat_id, page.page, PER_PAGE * page.pages),
        [spoken_button("lb", visit.challenge_id, chat_id, language)],
    ]
    await visit.show(picture_post(text, sheet, rows), new="new" in visit.pressed.more)


async def show_leaderboard(visit: Visit) -> None:
    """Who did best in all challenges of a group.

    Raises:
        UserError: What ``Visit.check_member`` raises.
    """
    await visit.check_member()
    post = await leaderboard(visit, await visit.chat_id())
    await visit.show(post, new=True)


async def leaderboard(visit: Visit, chat_id: int) -> Post:
    """The leaderboard of a group as a post."""
    ranked = await asyncio.to_thread(visit.front.challenges.gallery.leaderboard, chat_key(chat_id))
    lines = [
        say(
            "telegram_challenge.rank",
            visit.language,
            place=place,
            name=one.name or "–",
            wins=one.wins,
            podiums=one.podiums,
            entries=one.entries,
            votes=one.votes,
        )
        for place, one in enumerate(ranked[:_RANKS], start=1)
    ]
    key = "leaderboard" if lines else "leaderboard_empty"
    return Post("\n".join([say(f"telegram_challenge.{key}", visit.language), *lines]))


def _label(place: int) -> str:
    return f"{place}." if place else "–"
