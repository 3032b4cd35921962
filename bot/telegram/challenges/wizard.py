"""The wizard: a form in private that one of a group's administrators fills in by taps and words.

/challenge in the group ─▶ link ─▶ form ──taps──▶ form ──open──▶ the challenge is announced
                                    │ ▲             ╰─invite─▶ a code for a second chat
                                    ╰─╯ theme, closing time, zone and style by words or a picture
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.challenges.model import Challenge, Chat, Person
from bot.chat.recipe_words import find_preset
from bot.telegram.asker import chat_key
from bot.telegram.challenges.context import SaidError, Visit
from bot.telegram.challenges.form import ZONES, Form, evening_in, read_closing, read_zone, turned
from bot.telegram.challenges.form_pages import QUESTIONS, form_page, question_page
from bot.telegram.pictures import is_hidden, keep
from bot.telegram.posting import Post
from bot.texts import say
from nst.errors import UserError

_FORM = "form"


async def open_wizard(visit: Visit) -> None:
    """The door ``new``: a fresh form, for administrators of the group.

    Raises:
        UserError: ``not_a_manager``.
    """
    await _check(visit)
    chat_id, front = await visit.chat_id(), visit.front
    settings = await asyncio.to_thread(front.chats.read, chat_key(chat_id))
    before = await asyncio.to_thread(front.notebook.form, visit.asker.user)
    zone = before.zone if before else "UTC"  # who sets up a second one lives where they did
    form = Form(chat_id=chat_id, language=settings.language or visit.language, zone=zone)
    await asyncio.to_thread(front.notebook.write_form, visit.asker.user, form)
    await visit.show(form_page(form, visit.language))


async def press_form(visit: Visit) -> None:
    """A button of the form; ``more`` is what it does, and with which value.

    Raises:
        SaidError: There is no form any more, or it is not whole.
        UserError: What is wrong with it.
    """
    what, *values = visit.pressed.more
    form = await _form(visit)
    if what in _STEPS:
        await _STEPS[what](visit, form)
        return
    if what in QUESTIONS:
        await _ask(visit, form, what)
        return
    await _keep(visit, _set(form, what, *values))


async def answer_form(visit: Visit, field: str, words: str, picture: str = "") -> None:
    """What was asked by the form is answered in words, or with a picture as the given style.

    Raises:
        UserError: What is wrong with the answer; it may be given again.
    """
    form, notebook = await _form(visit), visit.front.notebook
    if picture:
        fetched = "file:" + picture.partition(":")[2]  # now, whatever it came as
        reference = await keep(visit.front, visit.asker, fetched)
        form = replace(form, preset="", picture=reference.partition(":")[2], spoiler=is_hidden(picture))
    elif field == "style":
        form = replace(form, preset=find_preset(words, visit.front.presets), picture="")
    else:
        form = _ANSWERS[field](form, words)
    await asyncio.to_thread(notebook.answered, visit.asker.user)
    await _keep(visit, form)


def _set(form: Form, what: str, *values: str) -> Form:
    """A form after one tap that needs nothing but itself."""
    value = values[0] if values else ""
    match what:
        case "day":
            return replace(form, closes=evening_in(int(value), form.zone, time.time()))
        case "zone_is":
            return replace(form, zone=ZONES[int(value)])
        case "preset":
            return replace(form, preset=value, picture="")
        case "free":
            return replace(form, preset="", picture="")
        case "back":
            return form
    return turned(form, what)


def _theme(form: Form, words: str) -> Form:
    theme = " ".join(words.split())
    if not 1 <= len(theme) <= 120:
        raise UserError("option_out_of_range", {"option": "theme", "received": len(theme), "allowed": "1–120"})
    return replace(form, theme=theme)


_ANSWERS: dict[str, Callable[[Form, str], Form]] = {
    "theme": _theme,
    "closes": lambda form, words: replace(form, closes=read_closing(words, form.zone, time.time())),
    "zone": lambda form, words: replace(form, zone=read_zone(words)),
}


async def _ask(visit: Visit, form: Form, field: str) -> None:
    """Ask for words, with the usual answers as buttons."""
    await asyncio.to_thread(visit.front.notebook.ask, visit.asker.user, _FORM, field)
    await visit.show(question_page(form, field, visit.front.presets, visit.language))


async def _open(visit: Visit, form: Form) -> None:
    """Hand the form in, and let the entries begin."""
    challenge, person = await _draft(visit, form)
    await asyncio.to_thread(visit.front.challenges.life.open, challenge.challenge_id, person)
    await asyncio.to_thread(visit.front.notebook.drop_form, visit.asker.user)
    await visit.show(Post(say("telegram_challenge.is_open", visit.language, theme=challenge.theme)))


async def _invite(visit: Visit, form: Form) -> None:
    """A code for one more chat; the form becomes a draft for it."""
    challenge, person = await _draft(visit, form)
    code = await asyncio.to_thread(visit.front.challenges.life.invite, challenge.challenge_id, person)
    await visit.show(invitation(code, challenge, visit.language), new=True)


def invitation(code: str, challenge: Challenge, language: str) -> Post:
    """What the other chat's administrator has to do with a code."""
    return Post(say("telegram_challenge.code", language, code=code, theme=challenge.theme))


_STEPS: dict[str, Callable[[Visit, Form], Awaitable[None]]] = {"open": _open, "invite": _invite}


async def _draft(visit: Visit, form: Form) -> tuple[Challenge, Person]:
    """The form as a draft in the core, made or revised; and who did it."""
    if not form.whole:
        raise SaidError("form_unfinished")
    front, person = visit.front, await visit.person()
    life = front.challenges.life
    draft = await asyncio.to_thread(life.read, form.challenge_id) if form.challenge_id else None
    same = bool(draft and form.picture and draft.style == form.picture)  # the draft has it, for longer than we do
    style = await front.service.picture(form.picture) if form.picture and not same else b""
    plan = replace(form.plan(style), same_picture=same)
    if form.challenge_id:
        return await asyncio.to_thread(life.revise, form.challenge_id, plan, person), person
    chat = Chat(
        platform="telegram",
        chat_id=str(form.chat_id),
        channel_id=str(form.thread_id or ""),
        language=form.language,
        time_zone=form.zone,
    )
    challenge = await asyncio.to_thread(life.create, plan, chat, person)
    kept = replace(form, challenge_id=challenge.challenge_id)
    await asyncio.to_thread(front.notebook.write_form, visit.asker.user, kept)
    return challenge, person


async def _form(visit: Visit) -> Form:
    form = await asyncio.to_thread(visit.front.notebook.form, visit.asker.user)
    if form is None:
        raise SaidError("form_gone")
    return form


async def _keep(visit: Visit, form: Form) -> None:
    await asyncio.to_thread(visit.front.notebook.answered, visit.asker.user)
    await asyncio.to_thread(visit.front.notebook.write_form, visit.asker.user, form)
    await visit.show(form_page(form, visit.language))


async def _check(visit: Visit) -> None:
    if not (await visit.person()).manages:
        raise UserError("not_a_manager")
