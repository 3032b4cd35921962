"""Running a challenge, in private: how it stands, its entries to look through, and what ends what.

Every page checks with Telegram that the one who asks is an administrator of the group now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from telegram import InlineKeyboardButton

from bot.challenges.entry import Entry, Status
from bot.challenges.model import RUNNING, Challenge, State
from bot.challenges.wording import rules_text, state_text, sure_text
from bot.telegram.challenges.buttons import button, spoken_button
from bot.telegram.challenges.context import SaidError, Visit, keyboard, when
from bot.telegram.challenges.wizard import invitation
from bot.telegram.pictures import as_photo
from bot.telegram.posting import Picture, Post
from bot.texts import say
from nst.errors import JobError, UserError

_SHOWN = frozenset({Status.PENDING, Status.ENTERED, Status.DISQUALIFIED})
_ACTIONS: dict[State, tuple[str, ...]] = {
    State.DRAFT: ("mo", "mi", "mx"),
    State.OPEN: ("me", "mi", "mp", "mx"),
    State.DRAINING: ("me", "mx"),
    State.REVIEW: ("me", "mp", "mx"),
    State.VOTING: ("me", "mp", "mx"),
    State.RUN_OFF: ("me", "mp", "mx"),
    State.RESULTS: ("mz",),
    State.ARCHIVED: ("mz",),
}
_REASON = "reason"


async def open_management(visit: Visit) -> None:
    """How a challenge stands, with what its moderators can do: the door ``manage``.

    Raises:
        UserError: ``not_a_manager``.
    """
    challenge, chat_id, person = await visit.challenge(), await visit.chat_id(), await visit.person()
    if not person.manages:
        raise UserError("not_a_manager")
    flags = await asyncio.to_thread(visit.front.challenges.moderation.flags, challenge.challenge_id, person)
    entries = await _entries(visit)
    language = visit.language
    lines = [
        state_text(challenge, lambda at_s: when(challenge, chat_id, at_s, language), language),
        rules_text(challenge, visit.front.presets, language),
        say("telegram_challenge.managed", language, entries=len(entries), chats=len(challenge.chats), flags=len(flags)),
    ]
    numbers = {entry.entry_id: number for number, entry in enumerate(entries, start=1)}
    lines += [_flag(flag.kind, numbers.get(flag.entry_id, 0), flag.detail, language) for flag in flags[-5:]]
    await visit.show(Post("\n".join(lines), keyboard=keyboard(_rows(challenge, chat_id, language))))


def _flag(kind: str, number: int, detail: str, language: str) -> str:
    return say(f"telegram_challenge.flag_{kind}", language, number=number, detail=detail)


def _rows(challenge: Challenge, chat_id: int, language: str) -> list[list[InlineKeyboardButton]]:
    verbs = _ACTIONS.get(challenge.state, ())
    return [[spoken_button(verb, challenge.challenge_id, chat_id, language)] for verb in verbs]


async def open_draft(visit: Visit) -> None:
    """Let the entries of a draft begin."""
    await asyncio.to_thread(visit.front.challenges.life.open, visit.challenge_id, await visit.person())
    await open_management(visit)


async def invite(visit: Visit) -> None:
    """A code for one more chat."""
    code = await asyncio.to_thread(visit.front.challenges.life.invite, visit.challenge_id, await visit.person())
    await visit.show(invitation(code, await visit.challenge(), visit.language), new=True)


async def ask_again(visit: Visit) -> None:
    """Ending a phase or a challenge is asked for twice."""
    sure = {"mp": "mP", "mx": "mX"}[visit.pressed.verb]
    challenge, chat_id, language = await visit.challenge(), await visit.chat_id(), visit.language
    rows = [
        [spoken_button(sure, visit.challenge_id, chat_id, language, challenge.state)],
        [spoken_button("m", visit.challenge_id, chat_id, language)],
    ]
    text = sure_text({"mp": "end", "mx": "cancel"}[visit.pressed.verb], challenge, language)
    await visit.show(Post(text, keyboard=keyboard(rows)))


async def end_phase(visit: Visit) -> None:
    """What runs now ends at once; the clock takes the next step within a second."""
    life, state = visit.front.challenges.life, _meant(visit)
    await asyncio.to_thread(life.end_phase, visit.challenge_id, await visit.person(), state)
    row = [spoken_button("m", visit.challenge_id, await visit.chat_id(), visit.language)]
    await visit.show(Post(say("telegram_challenge.phase_ended", visit.language), keyboard=keyboard([row])))


async def cancel(visit: Visit) -> None:
    """It ends without results."""
    life, state = visit.front.challenges.life, _meant(visit)
    await asyncio.to_thread(life.cancel, visit.challenge_id, await visit.person(), state)
    await open_management(visit)


def _meant(visit: Visit) -> State:
    """The state that was asked about; of a button from before there was one in it, none that a challenge is in."""
    named = visit.pressed.more[0] if visit.pressed.more else ""
    return State(named) if named in set(State) else State.ARCHIVED


async def look_through(visit: Visit) -> None:
    """One entry after the other, with who made it; ``more`` is its number from 1, and ``new`` for a new message."""
    challenge, chat_id, entries = await visit.challenge(), await visit.chat_id(), await _entries(visit)
    if not entries:
        raise SaidError("no_entries")
    number = min(visit.pressed.page, len(entries))
    entry, count = entries[number - 1], len(entries)
    key = "entry_disqualified" if entry.status is Status.DISQUALIFIED else "entry"
    text = say(
        f"telegram_challenge.{key}",
        visit.language,
        number=number,
        count=count,
        name=entry.name or "–",
        style=entry.style_label or "–",
        reason=entry.reason,
        twins=", ".join(_numbers(entry, entries)) or "–",
    )
    rows = [_around(challenge, chat_id, number, count)]
    if entry.status is not Status.DISQUALIFIED and challenge.state in RUNNING:
        rows.append([spoken_button("md", visit.challenge_id, chat_id, visit.language, number, entry.entry_id)])
    picture = await _picture(visit, entry)
    pictured = visit.message is not None and bool(visit.message.photo)
    await visit.show(Post(text, picture, keyboard(rows)), new=not (pictured and picture))


async def ask_reason(visit: Visit) -> None:
    """A disqualification needs a reason: the next message in private is it."""
    _, entry_id = visit.pressed.more
    chat = str(await visit.chat_id())
    await asyncio.to_thread(visit.front.notebook.ask, visit.asker.user, _REASON, visit.challenge_id, chat, entry_id)
    await visit.show(Post(say("telegram_challenge.ask_reason", visit.language)), new=True)


async def answer_reason(visit: Visit, entry_id: str, reason: str) -> None:
    """Disqualify, with the reason that was written.

    Raises:
        UserError: ``not_a_manager``, ``challenge_closed`` …
    """
    moderation, person = visit.front.challenges.moderation, await visit.person()
    await asyncio.to_thread(moderation.disqualify, visit.challenge_id, entry_id, reason, person)
    await asyncio.to_thread(visit.front.notebook.answered, visit.asker.user)
    await visit.show(Post(say("telegram_challenge.disqualified", visit.language)))


async def export(visit: Visit) -> None:
    """All pictures and a manifest, as a document."""
    data = await asyncio.to_thread(visit.front.challenges.gallery.export, visit.challenge_id, await visit.person())
    text = say("telegram_challenge.exported", visit.language)
    await visit.show(Post(text, Picture(data, f"challenge-{visit.challenge_id}.zip", as_document=True)), new=True)


async def _entries(visit: Visit) -> list[Entry]:
    rows = await asyncio.to_thread(visit.front.challenges.entries.all, visit.challenge_id, await visit.person())
    return [entry for entry in rows if entry.status in _SHOWN]


async def _picture(visit: Visit, entry: Entry) -> Picture | None:
    if not entry.picture:
        return None

    def read() -> Picture:
        data = visit.front.challenges.entries.picture(entry.picture)
        return as_photo(data, entry.media_type, f"entry-{entry.entry_id}", entry.spoiler)

    try:
        return await asyncio.to_thread(read)
    except JobError:
        return None  # no longer kept


def _around(challenge: Challenge, chat_id: int, number: int, count: int) -> list[InlineKeyboardButton]:
    """To the entries before and after."""
    if count < 2:
        return []
    name = challenge.challenge_id
    return [
        button(label, "me", name, chat_id, (number - 1 + step) % count + 1) for label, step in (("‹", -1), ("›", 1))
    ]


def _numbers(entry: Entry, entries: Sequence[Entry]) -> list[str]:
    """The numbers of those that look the same, in the moderators' order."""
    return [str(number) for number, other in enumerate(entries, start=1) if other.entry_id in entry.twin_of]
