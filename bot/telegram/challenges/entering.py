"""Entering one's own results: by button, by ``/enter``, instead of another one; and taking them back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, User

from bot.challenges.entry import Entry, Status
from bot.challenges.model import Challenge, Person, State
from bot.sheets import Cell
from bot.telegram.asker import Asker, chat_key, user_key
from bot.telegram.challenges.ballot import sheet_of
from bot.telegram.challenges.buttons import Pressed, button
from bot.telegram.challenges.context import SaidError, Visit, keyboard, person_in, picture_post, when
from bot.telegram.keyboards import meaning
from bot.telegram.posting import Post
from bot.texts import say
from nst.errors import UserError

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

_OPEN = frozenset({State.OPEN})
_OF_A_JOB = frozenset({"recipe", "enter", "delete", "cancel"})  # a strip's job is none: it has to be picked first
Open = tuple[Challenge, int]


async def open_here(front: Frontend, chat_id: int, user_id: int) -> list[Open]:
    """Challenges that take entries: a group's own; in private, those that the user came to; with the group."""
    if chat_id == user_id:
        return await asyncio.to_thread(_noted, front, user_key(user_id))
    found = await asyncio.to_thread(front.challenges.life.in_chat, chat_key(chat_id), _OPEN)
    return [(challenge, chat_id) for challenge in found]


def _noted(front: Frontend, user: str) -> list[Open]:
    found = []
    for challenge_id, chat_id in front.notebook.noted(user).items():
        try:
            challenge = front.challenges.life.read(challenge_id)
        except UserError:
            continue  # no longer kept
        if challenge.state in _OPEN:
            found.append((challenge, front.memory.home(chat_id)))
    return found


async def enter_result(front: Frontend, asker: Asker, user: User, job_id: str, message: Message | None = None) -> str:
    """Enter a result: into the one challenge there is, or ask into which.

    Args:
        front: The bot's belongings.
        asker: Who, and where.
        user: Who, as Telegram has them.
        job_id: The result's job.
        message: What they wrote, where that is how they enter.

    Returns:
        What they are told; "" where a message of ours asks them something.

    Raises:
        SaidError: There is no challenge to enter.
        UserError: What keeps them from entering.
    """
    found = await open_here(front, asker.chat_id, user.id)
    if not found:
        raise SaidError("none_open")
    if len(found) > 1:
        rows = [[button(challenge.theme, "en", challenge.challenge_id, chat, job_id)] for challenge, chat in found]
        post = Post(say("telegram_challenge.which", asker.language), keyboard=InlineKeyboardMarkup(rows))
        await front.posting.send(asker.chat_id, post, asker.message_id, asker.thread_id)
        return ""
    challenge, chat_id = found[0]
    person = await person_in(front, user, chat_id, message)
    visit = Visit(front, asker, user, Pressed("en", challenge.challenge_id, chat_id, (job_id,)))
    return await _submit(visit, challenge, person, job_id)


async def enter_chosen(visit: Visit) -> None:
    """The answer to "into which challenge?", and to "instead of which?"; ``more`` is the entry, if any, and the job."""
    job_id, *instead_of = reversed(visit.pressed.more)
    told = await _submit(visit, await visit.challenge(), await visit.person(), job_id, *instead_of)
    await visit.tell(told)
    if told:
        await visit.show(Post(told))


async def _submit(visit: Visit, challenge: Challenge, person: Person, job_id: str, instead_of: str = "") -> str:
    submit = visit.front.challenges.entries.submit
    try:
        entry = await asyncio.to_thread(submit, challenge.challenge_id, job_id, person, instead_of)
    except UserError as error:
        if error.code != "entry_limit":
            raise
        await _offer_replacing(visit, challenge, job_id)
        return ""
    await asyncio.to_thread(visit.front.notebook.note, person.user, challenge.challenge_id, visit.pressed.chat_id)
    key = "entered_pending" if entry.status is Status.PENDING else "entered"
    return say(f"telegram_challenge.{key}", visit.language, theme=challenge.theme)


async def _offer_replacing(visit: Visit, challenge: Challenge, job_id: str) -> None:
    """No entry is left: one of theirs may make room."""
    own = await _own(visit, challenge)
    name, chat_id, language = challenge.challenge_id, visit.pressed.chat_id, visit.language
    rows = [
        [
            button(
                say("telegram_challenge.replace", language, number=number), "er", name, chat_id, entry.entry_id, job_id
            )
        ]
        for number, entry in enumerate(own, start=1)
    ]
    text = say("telegram_challenge.limit", language, theme=challenge.theme, count=len(own))
    post = Post(text, keyboard=InlineKeyboardMarkup(rows))
    await visit.front.posting.send(visit.asker.chat_id, post, visit.asker.message_id, visit.asker.thread_id)


async def my_entries(visit: Visit) -> None:
    """The door ``mine``: how to enter, and one's own entries with a button to take each back.

    Raises:
        UserError: What ``Visit.check_here`` raises.
    """
    await visit.check_here()
    challenge, chat_id = await visit.challenge(), await visit.chat_id()
    own, language, name = await _own(visit, challenge), visit.language, challenge.challenge_id
    until = when(challenge, chat_id, challenge.until_s, language) if challenge.until_s else ""
    key = "mine" if challenge.state is State.OPEN else "mine_closed"
    text = say(f"telegram_challenge.{key}", language, theme=challenge.theme, count=len(own), until=until)
    rows: list[list[InlineKeyboardButton]] = []
    if challenge.state is State.OPEN:
        rows = [
            [button(say("telegram_challenge.withdraw", language, number=number), "wd", name, chat_id, entry.entry_id)]
            for number, entry in enumerate(own, start=1)
        ]
    cells = [Cell(str(number), entry.picture, entry.spoiler) for number, entry in enumerate(own, start=1)]
    if any(cell.picture for cell in cells):
        await visit.show(picture_post(text, await sheet_of(visit.front, cells[:4]), rows))
    else:
        await visit.show(Post(text, keyboard=keyboard(rows)))


async def withdraw(visit: Visit) -> None:
    """Take an entry back.

    Raises:
        UserError: ``challenge_closed``, ``entry_not_yours`` …
    """
    (entry_id,) = visit.pressed.more
    entries, person = visit.front.challenges.entries, await visit.person()
    await asyncio.to_thread(entries.withdraw, visit.challenge_id, entry_id, person)
    await visit.tell(say("telegram_challenge.withdrawn", visit.language))
    await my_entries(visit)


async def _own(visit: Visit, challenge: Challenge) -> list[Entry]:
    entries = visit.front.challenges.entries
    return await asyncio.to_thread(entries.of_person, challenge.challenge_id, user_key(visit.user.id))


def job_in(message: Message | None) -> str:
    """The job of one of our results, or of one that is being made, read from its own buttons; "" if it is none."""
    markup = message.reply_markup if message is not None else None
    for row in markup.inline_keyboard if markup else ():
        for one in row:
            pressed = meaning(str(one.callback_data or ""))
            if pressed is not None and pressed.kind == "r" and pressed.verb in _OF_A_JOB:
                return pressed.argument
    return ""
