"""Buttons of challenges: what came of a press is told in a toast that nobody else sees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from telegram import CallbackQuery, Message

from bot.telegram.asker import Asker
from bot.telegram.boundary import sentence, spoken
from bot.telegram.challenges import ballot, entering, gallery, managing, wizard
from bot.telegram.challenges.buttons import Pressed, read_button
from bot.telegram.challenges.context import SaidError, Visit
from bot.texts import say
from nst.errors import OperatorError, PasticheError

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

_SLOW = frozenset({"bp", "g", "lb", "m", "me", "mz"})  # these draw or send something: the press is answered before
Act = Callable[[Visit], Awaitable[None]]


async def press(front: Frontend, asker: Asker, query: CallbackQuery) -> None:
    """A challenge's button."""
    pressed = read_button(query.data or "")
    act = _BUTTONS.get(pressed.verb) if pressed else None
    if pressed is None or act is None:
        await query.answer()
        return
    message = query.message if isinstance(query.message, Message) else None
    visit = Visit(front, asker, query.from_user, pressed, message, query)
    if pressed.verb in _SLOW:
        await visit.tell()
    await _act(visit, act)


async def press_enter(front: Frontend, asker: Asker, query: CallbackQuery, job_id: str) -> None:
    """The button "Submit to challenge" under a result."""

    async def act(visit: Visit) -> None:
        await visit.tell(await entering.enter_result(front, asker, query.from_user, job_id))

    await _act(Visit(front, asker, query.from_user, Pressed("en", "", asker.chat_id), query=query), act)


async def _act(visit: Visit, act: Act) -> None:
    """Do it, one after the other for one person, and answer the press whatever comes of it."""
    front, asker = visit.front, visit.asker
    try:
        async with spoken(front, asker), front.turn(asker.chat, asker.user):
            try:
                await act(visit)
            except SaidError as error:
                await visit.tell(say(f"telegram_challenge.{error.name}", asker.language))
            except OperatorError:
                raise
            except PasticheError as error:
                if visit.told:
                    raise  # in a message, then
                await visit.tell(sentence(error, asker.language))
    finally:
        await visit.tell()


_BUTTONS: dict[str, Act] = {
    "w": wizard.press_form,
    "en": entering.enter_chosen,
    "er": entering.enter_chosen,
    "wd": entering.withdraw,
    "bp": ballot.open_ballot,
    "bv": ballot.click,
    "bu": ballot.click,
    "g": gallery.open_gallery,
    "lb": gallery.show_leaderboard,
    "m": managing.open_management,
    "mo": managing.open_draft,
    "mi": managing.invite,
    "mp": managing.ask_again,
    "mx": managing.ask_again,
    "mP": managing.end_phase,
    "mX": managing.cancel,
    "me": managing.look_through,
    "md": managing.ask_reason,
    "mz": managing.export,
}
