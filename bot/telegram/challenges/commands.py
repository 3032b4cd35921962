"""Where challenges begin: ``/challenge`` and ``/enter`` in a group, links into the private chat, and answers there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton, Message, User

from bot.challenges.model import RUNNING, VOTABLE, Challenge, Chat, State
from bot.challenges.wording import state_text
from bot.telegram.asker import Asker
from bot.telegram.challenges import ballot, entering, gallery, managing, wizard
from bot.telegram.challenges.buttons import NEW, Pressed, link_button, read_link
from bot.telegram.challenges.context import SaidError, Visit, keyboard, person_in, when
from bot.telegram.challenges.form import read_zone
from bot.telegram.posting import Post
from bot.texts import say

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

_NOBODY = 0
_MOST = 5  # challenges that one message is about
_FOR_ALL = RUNNING
_FOR_MANAGERS = RUNNING | {State.DRAFT, State.RESULTS}
Enter = Callable[[Visit], Awaitable[None]]


async def challenge_command(front: Frontend, asker: Asker, message: Message | None, words: str) -> None:
    """``/challenge``: what runs here, and for administrators the way to run one; ``join`` and ``leaderboard`` by words.

    Raises:
        PasticheError: Anything that the user should be told.
    """
    user = message.from_user if message else None
    if asker.private or message is None or user is None:
        await _answer(front, asker, Post(say("telegram_challenge.in_groups", asker.language)))
        return
    what, _, rest = words.partition(" ")
    visit = Visit(front, asker, user, Pressed("lb", "", asker.chat_id))
    try:
        if what == "join":
            post = await _join(front, asker, user, message, rest)
        elif what == "leaderboard":
            post = await gallery.leaderboard(visit, asker.chat_id)
        else:
            post = await _running(front, asker, user, message)
    except SaidError as error:
        post = Post(say(f"telegram_challenge.{error.name}", asker.language))
    await _answer(front, asker, post)


async def enter_command(front: Frontend, asker: Asker, message: Message | None) -> None:
    """``/enter`` as a reply to one's own result.

    Raises:
        PasticheError: What keeps them from entering.
    """
    job_id = entering.job_in(message.reply_to_message if message else None)
    if not job_id or message is None or message.from_user is None:
        await _answer(front, asker, Post(say("telegram_challenge.enter_help", asker.language)))
        return
    try:
        told = await entering.enter_result(front, asker, message.from_user, job_id, message)
    except SaidError as error:
        told = say(f"telegram_challenge.{error.name}", asker.language)
    if told:
        await _answer(front, asker, Post(told))


async def start_link(front: Frontend, asker: Asker, message: Message | None, payload: str) -> bool:
    """``/start challenge_…``: through a link into the private chat.

    Returns:
        Whether the payload was one of ours.

    Raises:
        PasticheError: What keeps them out.
    """
    pressed = read_link(payload)
    if pressed is None or pressed.verb not in _DOORS or message is None or message.from_user is None:
        return False
    if not asker.private:
        return False
    visit = Visit(front, asker, message.from_user, pressed)
    if pressed.challenge_id:
        await asyncio.to_thread(front.notebook.note, asker.user, pressed.challenge_id, pressed.chat_id)
    try:
        await _DOORS[pressed.verb](visit)
    except SaidError as error:
        await _answer(front, asker, Post(say(f"telegram_challenge.{error.name}", asker.language)))
    return True


async def take_words(front: Frontend, asker: Asker, message: Message, picture: str = "") -> bool:
    """A message in private that answers what the wizard or a moderator's page asked.

    Returns:
        False if nothing was asked.

    Raises:
        PasticheError: What is wrong with the answer; it may be given again.
    """
    asked = await asyncio.to_thread(front.notebook.asked, asker.user)
    if not asked or message.from_user is None or not (picture or message.text):
        return False
    what, *more = asked
    if picture and more[0] != "style":
        return False  # to be painted, then; the question stays
    try:
        if what == "form":
            form = await asyncio.to_thread(front.notebook.form, asker.user)
            visit = Visit(front, asker, message.from_user, Pressed("w", "", form.chat_id if form else _NOBODY))
            await wizard.answer_form(visit, more[0], message.text or "", picture)
        elif what == "reason" and message.text:
            challenge_id, chat_id, entry_id = more
            visit = Visit(front, asker, message.from_user, Pressed("md", challenge_id, int(chat_id)))
            await managing.answer_reason(visit, entry_id, message.text)
        else:
            return False
    except SaidError as error:
        await _answer(front, asker, Post(say(f"telegram_challenge.{error.name}", asker.language)))
    return True


async def _running(front: Frontend, asker: Asker, user: User, message: Message) -> Post:
    """What runs in a group, with everybody's buttons and the administrators' own."""
    language, chat_id = asker.language, asker.chat_id
    hidden = message.sender_chat is not None and message.sender_chat.id == chat_id  # an anonymous administrator
    manages = hidden or (await person_in(front, user, chat_id, message)).manages
    shown = _FOR_MANAGERS if manages else _FOR_ALL
    found = (await asyncio.to_thread(front.challenges.life.in_chat, asker.chat, shown))[:_MOST]
    lines = [_state(one, chat_id, language) for one in found]
    rows = [_doors(front, one, chat_id, language, manages) for one in found]
    if manages:
        label = say("telegram_challenge.new_button", language)
        rows.append([link_button(label, front.bot.username, NEW, "", chat_id)])
        lines.append(say("telegram_challenge.join_help", language))
    return Post("\n\n".join(lines or [say("telegram_challenge.none_running", language)]), keyboard=keyboard(rows))


def _state(challenge: Challenge, chat_id: int, language: str) -> str:
    return state_text(challenge, lambda at_s: when(challenge, chat_id, at_s, language), language)


def _doors(front: Frontend, one: Challenge, chat_id: int, language: str, manages: bool) -> list[InlineKeyboardButton]:
    doors = ["mine"] if one.state is State.OPEN else ["vote"] if one.state in VOTABLE else []
    if manages:
        doors.append("manage")
    return [
        link_button(
            say(f"telegram_challenge.{door}_button", language), front.bot.username, door, one.challenge_id, chat_id
        )
        for door in doors
    ]


async def _join(front: Frontend, asker: Asker, user: User, message: Message, code: str) -> Post:
    """Bring a challenge to this group by the code from its first one."""
    person = await person_in(front, user, asker.chat_id, message)
    settings = await asyncio.to_thread(front.chats.read, asker.chat)
    word, _, zone = code.partition(" ")
    life = front.challenges.life
    chat = Chat(
        platform="telegram",
        chat_id=str(asker.chat_id),
        channel_id=str(asker.thread_id or ""),
        language=settings.language or asker.language,
        time_zone=read_zone(zone) if zone else "UTC",
    )
    joined = await asyncio.to_thread(life.join, word, chat, person)
    return Post(say("telegram_challenge.joined", asker.language, theme=joined.theme))


async def _answer(front: Frontend, asker: Asker, post: Post) -> None:
    await front.posting.send(asker.chat_id, post, asker.message_id, asker.thread_id)


_DOORS: dict[str, Enter] = {
    NEW: wizard.open_wizard,
    "mine": entering.my_entries,
    "vote": ballot.open_ballot,
    "manage": managing.open_management,
}
