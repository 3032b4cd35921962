"""Drafts as messages with buttons: shown, advanced, and ordered when nothing is left to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from telegram import CallbackQuery, InlineKeyboardMarkup, Message

from bot.chat.conversation import (
    Action,
    Back,
    Choice,
    Draft,
    EnoughStyles,
    Event,
    LastAgain,
    MethodChosen,
    SecondIsContent,
    SecondIsMask,
    SecondIsStyle,
    Step,
    StrengthChosen,
    StyleChosen,
    advance,
)
from bot.telegram.asker import Asker
from bot.telegram.boundary import ToldError, sentence
from bot.telegram.intake import Order, job_id_of, place_order
from bot.telegram.keyboards import Meaning, draft_keyboard, preset_of
from bot.telegram.posting import MessageGoneError, NoMediaError, Picture, Post
from bot.texts import say
from nst.errors import JobError, PasticheError, UserError
from nst.options import strength_from_percent

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

_SHEET_STEPS = (Step.STYLE, Step.MIX)


async def open_draft(front: Frontend, asker: Asker, draft: Draft) -> None:
    """Ask what a new draft asks, in a message of its own."""
    if draft.step is Step.ORDERED:
        await place_order(front, asker, _order(draft), job_id_of(front, asker))
        return
    last = await asyncio.to_thread(front.drafts.last_choice, asker.user)
    post = await _post(front, asker, draft, last)
    sent = await front.posting.send(asker.chat_id, post, asker.message_id, asker.thread_id)
    _learn_sheet(front, asker, post, sent)
    await _keep(front, asker, draft, sent.message_id)


async def press_draft(front: Frontend, asker: Asker, query: CallbackQuery, pressed: Meaning) -> None:
    """A button of a draft was pressed by its owner.

    Raises:
        PasticheError: Anything that the user should be told.
    """
    message = query.message
    if not isinstance(message, Message):
        return
    name = str(message.message_id)
    async with front.turn(asker.chat, asker.user):
        draft = await asyncio.to_thread(front.drafts.read, asker.chat, asker.user, name)
        if draft is None:
            raise JobError("job_expired", {"job_id": name})
        last = await asyncio.to_thread(front.drafts.last_choice, asker.user)
        following, action = advance(draft, _event(front, pressed, last))
        if action is Action.ORDER:
            await _place(front, asker, following, draft, message)
            return
        # Shown before it is kept: a message that could not be changed can be tapped again. And shown although nothing
        # changed: the message may be older than the draft.
        await _show(front, asker, following, last, message)
        if following != draft:
            await _keep(front, asker, following, message.message_id)


async def _place(front: Frontend, asker: Asker, ordered: Draft, before: Draft, message: Message) -> None:
    """Order, in the draft's own message; if that is refused, the draft stays and says why."""
    name, reply = str(message.message_id), message.reply_to_message
    answers = reply.message_id if reply else message.message_id
    job_id = job_id_of(front, asker, message.message_id)
    try:
        await place_order(front, replace(asker, message_id=answers), _order(ordered), job_id, message.message_id)
    except ToldError:
        pass  # it was ordered before
    except PasticheError as error:
        last = await asyncio.to_thread(front.drafts.last_choice, asker.user)
        keyboard = _keyboard(front, asker, before, last)
        text = sentence(error, asker.language)
        await front.posting.edit(asker.chat_id, message.message_id, Post(text, keyboard=keyboard))
        return
    await asyncio.to_thread(front.drafts.take, asker.chat, asker.user, name)
    await asyncio.to_thread(front.drafts.wait_no_more, asker.chat, asker.user)


async def _show(front: Frontend, asker: Asker, draft: Draft, last: Choice | None, message: Message) -> None:
    """Turn the message into what the draft asks now; the contact sheet is sent only where it is not there yet."""
    post = await _post(front, asker, draft, last)
    if message.photo:
        post = Post(post.text, keyboard=post.keyboard)
    try:
        changed = await front.posting.edit(asker.chat_id, message.message_id, post)
    except NoMediaError:
        changed = await front.posting.edit(asker.chat_id, message.message_id, replace(post, picture=None))
    except MessageGoneError:
        return
    _learn_sheet(front, asker, post, changed)


async def _keep(front: Frontend, asker: Asker, draft: Draft, message_id: int) -> None:
    name = str(message_id)
    await asyncio.to_thread(front.drafts.write, asker.chat, asker.user, name, draft)
    if draft.step is Step.STYLE:
        await asyncio.to_thread(front.drafts.wait_in, asker.chat, asker.user, name)
    else:
        await asyncio.to_thread(front.drafts.wait_no_more, asker.chat, asker.user)


async def _post(front: Frontend, asker: Asker, draft: Draft, last: Choice | None) -> Post:
    keyboard = _keyboard(front, asker, draft, last)
    picture = None
    if draft.step in _SHEET_STEPS:
        picture = Picture(await front.sheet(asker.language), "styles.jpg")
    return Post(say(f"telegram.ask_{draft.step}", asker.language), picture, keyboard)


def _keyboard(front: Frontend, asker: Asker, draft: Draft, last: Choice | None) -> InlineKeyboardMarkup:
    return draft_keyboard(draft, asker.user_id, front.presets, last, asker.language)


def _learn_sheet(front: Frontend, asker: Asker, post: Post, message: Message | None) -> None:
    if message is not None and message.photo and post.picture and isinstance(post.picture.data, bytes):
        front.sheet_is(asker.language, message.photo[-1].file_id)


def _order(draft: Draft) -> Order:
    return Order(
        content=draft.content, presets=draft.presets, pictures=draft.pictures, chosen=draft.chosen, mask=draft.mask
    )


def _event(front: Frontend, pressed: Meaning, last: Choice | None) -> Event:
    if pressed.verb == "style":
        name = preset_of(pressed.rest, front.presets)
        if not name:
            raise UserError("style_unknown", {"received": pressed.rest[:40], "allowed": ", ".join(front.presets)})
        return StyleChosen(name)
    if pressed.verb == "strength":
        return StrengthChosen(strength_from_percent(float(pressed.rest)))
    if pressed.verb == "method":
        return MethodChosen(pressed.rest)
    if pressed.verb == "mask":
        return SecondIsMask(pressed.rest)
    if pressed.verb == "last":
        return LastAgain(last or Choice())
    return _PLAIN[pressed.verb]()


_PLAIN: dict[str, Callable[[], Event]] = {
    "enough": EnoughStyles,
    "as_style": SecondIsStyle,
    "as_content": SecondIsContent,
    "back": Back,
}
