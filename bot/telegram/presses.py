"""What the buttons do. Every press is answered at once; what follows takes as long as it takes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from telegram import CallbackQuery, Message
from telegram.error import BadRequest, TelegramError

from bot.chat.access import Grant, Photograph, offered_under
from bot.chat.captions import caption, style_name, with_quality
from bot.chat.conversation import begin
from bot.chat.spoilers import is_hidden
from bot.chat.strips import strip_job_ids, submit_strip
from bot.chat.variations import Button
from bot.telegram.address import Address
from bot.telegram.asker import Asker, asker_of_query, user_key
from bot.telegram.boundary import sentence, spoken
from bot.telegram.challenges.entering import open_here
from bot.telegram.challenges.presses import press, press_enter
from bot.telegram.intake import Showing, repeat
from bot.telegram.keyboards import Meaning, meaning, owner_code, owner_of, result_keyboard
from bot.telegram.pickers import open_draft, press_draft
from bot.telegram.pictures import as_document, as_photo, of_result
from bot.telegram.posting import TOAST, Post, clipped
from bot.telegram.privacy import ask_to_forget, forget_user, keep_user
from bot.texts import say
from nst.errors import PasticheError, UserError
from workers.contract import Job

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

_VARIATIONS = frozenset(Button)
_OF_RESULT = _VARIATIONS | {"other_style", "pick", "original", "recipe"}


@dataclass(frozen=True)
class Press:
    """One press of a button under a job.

    Attributes:
        asker: Who pressed, and where.
        message: The message that has the button.
        query_id: Telegram's id of the press.
        job_id: The job.
    """

    asker: Asker
    message: Message
    query_id: str
    job_id: str


async def take_press(front: Frontend, query: CallbackQuery) -> None:
    """Do what a button means."""
    asker = asker_of_query(query, front.language)
    pressed = meaning(query.data or "")
    if not _offered(query):
        await _answer(query, say("telegram.button_gone", asker.language if asker else front.language))
        return
    if asker is not None and pressed is not None and (pressed.kind == "c" or pressed.verb == "enter"):
        await _challenge(front, asker, query, pressed)
        return
    if asker is not None and pressed is not None and pressed.kind in ("d", "p"):
        asker = await _speaking(front, asker, pressed)
    stranger = bool(asker and pressed and pressed.kind in ("d", "p") and pressed.argument != owner_code(asker.user_id))
    if asker is None or pressed is None or stranger:
        await _answer(query, say("error.not_your_job", asker.language) if asker and stranger else "")
        return
    refusal = await _refusal(front, asker, query, pressed)
    await _answer(query, refusal)
    if refusal:
        return
    async with spoken(front, asker):
        await front.saw(asker)
        settings = await asyncio.to_thread(front.chats.read, asker.chat)
        await _act(front, asker.speaking(settings.language), query, pressed)


async def _speaking(front: Frontend, asker: Asker, pressed: Meaning) -> Asker:
    """Who presses, as the one they wrote as: Telegram shows presses of anonymous people under their own names."""
    identity = owner_of(pressed.argument)
    if identity >= 0 or asker.private or not await front.rights.speaks_as(asker.chat_id, asker.user_id, identity):
        return asker
    return replace(asker, user_id=identity)


async def _answer(query: CallbackQuery, text: str = "") -> None:
    with contextlib.suppress(TelegramError):  # "query is too old": the press counts all the same
        await query.answer(clipped(text, TOAST) if text else None, show_alert=bool(text))


async def _refusal(front: Frontend, asker: Asker, query: CallbackQuery, pressed: Meaning) -> str:
    """Why this person may not (yet), which is nobody else's business; "" where they may, or where all may know."""
    if pressed.kind == "r" and pressed.verb == "delete" and isinstance(query.message, Message):
        try:
            await _check_owner(front, asker, pressed.argument)
            await front.twice.ask(asker.user, f"delete:{pressed.argument}:{query.message.message_id}", query.id)
        except UserError as error:
            return sentence(error, asker.language)
        return ""
    if pressed.kind != "r" or pressed.verb not in _OF_RESULT or not isinstance(query.message, Message):
        return ""
    try:
        grant = await _grant(front, Press(asker, query.message, query.id, pressed.argument))
        if pressed.verb in _VARIATIONS:
            grant.vary(Button(pressed.verb))
    except UserError as error:
        return sentence(error, asker.language)
    except PasticheError:
        return ""  # told by what comes next
    return ""


def _offered(query: CallbackQuery) -> bool:
    """Whether the message has such a button: anybody's client can send any data for any message of ours."""
    markup = query.message.reply_markup if isinstance(query.message, Message) else None
    return any(one.callback_data == query.data for row in (markup.inline_keyboard if markup else ()) for one in row)


async def _challenge(front: Frontend, asker: Asker, query: CallbackQuery, pressed: Meaning) -> None:
    """These answer the press themselves: what came of it is nobody else's to see."""
    async with spoken(front, asker):
        await front.saw(asker)
        settings = await asyncio.to_thread(front.chats.read, asker.chat)
        asker = asker.speaking(settings.language)
        if pressed.kind == "c":
            await press(front, asker, query)
        else:
            await press_enter(front, asker, query, pressed.argument)


async def _act(front: Frontend, asker: Asker, query: CallbackQuery, pressed: Meaning) -> None:
    message = query.message
    if not isinstance(message, Message):
        return
    if pressed.kind == "d":
        await press_draft(front, asker, query, pressed)
    elif pressed.kind == "p":
        act = {"forget": ask_to_forget, "forget_sure": forget_user, "forget_stay": keep_user}.get(pressed.verb)
        if act:
            await act(front, asker, message.message_id)
    else:
        press = Press(asker, message, query.id, pressed.argument)
        if pressed.verb in _VARIATIONS:
            await _vary(front, press, Button(pressed.verb))
        elif pressed.verb in _PRESSES:
            await _PRESSES[pressed.verb](front, press)


async def _vary(front: Frontend, press: Press, button: Button) -> None:
    grant = await _grant(front, press)
    options, job_id = grant.vary(button), front.job_id("press", press.query_id)
    if button is Button.STRIP:
        await _strip(front, press, grant, job_id)
        return
    await repeat(front, press.asker, grant, options[0], job_id)


async def _strip(front: Frontend, press: Press, grant: Grant, strip_id: str) -> None:
    asker, job = press.asker, grant.job
    if await asyncio.to_thread(front.queue.event, strip_job_ids(strip_id)[-1]):
        return
    message_id = await asyncio.to_thread(front.memory.asked, strip_id)
    if not message_id:
        post = Post(say("telegram.strip_begun", asker.language))
        message_id = (await front.posting.send(asker.chat_id, post, asker.message_id, asker.thread_id)).message_id
        await asyncio.to_thread(front.memory.note_asked, strip_id, message_id)
    address = Address(
        chat_id=asker.chat_id,
        message_id=message_id,
        user_id=asker.user_id,
        thread_id=asker.thread_id,
        answers=asker.message_id,
        language=asker.language,
        spoiler=await _spoiler(front, press, job),
        strip=strip_id,
        photograph=grant.photograph.value,
    )
    try:
        await asyncio.to_thread(submit_strip, front.queue, strip_id, job, asker.user, address.to_reply_to())
    except PasticheError:
        await asyncio.to_thread(front.memory.never_mind, strip_id)
        with contextlib.suppress(TelegramError):
            await front.bot.delete_message(asker.chat_id, message_id)
        raise
    front.actions.show(asker.chat_id, asker.thread_id)


async def _other_style(front: Frontend, press: Press) -> None:
    grant = await _grant(front, press)
    shown, lent = Showing.like(grant), grant.photograph is Photograph.HIDDEN
    draft = begin(of_result(press.job_id, lent, shown.spoiler, shown.as_file))
    if grant.job.mask:
        draft = draft.with_mask(of_result(press.job_id, lent, hidden=False, file=False), grant.job.options.region)
    await open_draft(front, press.asker, draft)


async def _pick(front: Frontend, press: Press) -> None:
    """One strength of a strip, as a result of its own."""
    grant = await _grant(front, press)
    result = grant.result
    data = await front.service.picture(result.picture)
    name = f"pastiche-{press.job_id[-8:]}"
    spoiler = await _spoiler(front, press, grant.job)
    picture = await asyncio.to_thread(as_photo, data, result.media_type, name, spoiler)
    language = press.asker.language
    challenge = bool(await open_here(front, press.asker.chat_id, press.asker.user_id))
    keyboard = result_keyboard(result, language, offered_under(result), challenge=challenge)
    post = Post(caption(result, front.presets, language), picture, keyboard)
    await front.posting.send(press.asker.chat_id, post, press.asker.message_id, press.asker.thread_id)


async def _original(front: Frontend, press: Press) -> None:
    """The file as the worker made it."""
    grant = await _grant(front, press)
    result = grant.result
    data = await front.service.picture(result.picture)
    name, spoiler = f"pastiche-{press.job_id[-8:]}", await _spoiler(front, press, grant.job)
    picture = await asyncio.to_thread(as_document, data, result.media_type, name, spoiler)
    size = {"width_px": result.width_px, "height_px": result.height_px}
    post = Post(say("telegram.original", press.asker.language, **size), picture)
    await front.posting.send(press.asker.chat_id, post, press.asker.message_id, press.asker.thread_id)


async def _recipe(front: Frontend, press: Press) -> None:
    """The recipe as a code, a link and words."""
    grant = await _grant(front, press)
    recipe = grant.recipe()
    code = await asyncio.to_thread(front.recipes.keep, recipe, grant.result.user)
    language = press.asker.language
    text = say(
        "telegram.recipe",
        language,
        code=code,
        link=f"https://t.me/{front.bot.username}?start=recipe_{code}",
        words=recipe.words,
        style=style_name(" ".join(recipe.presets), front.presets, language),
    )
    text = with_quality(text, await front.service.quality(press.job_id), language)
    await front.posting.send(press.asker.chat_id, Post(text), press.asker.message_id, press.asker.thread_id)


async def _check_owner(front: Frontend, asker: Asker, job_id: str) -> None:
    """Only the one who asked for it or an administrator may delete a result."""
    result = await front.service.result(job_id)
    own = result is not None and result.user == user_key(asker.user_id)
    if not (own or asker.private or await front.rights.manages(asker.chat_id, asker.user_id)):
        raise UserError("not_your_job", {"job_id": job_id})


async def _delete(front: Frontend, press: Press) -> None:
    """At the second press; ``_refusal`` asked whose it is."""
    asker = press.asker
    with contextlib.suppress(BadRequest):  # gone already
        await front.bot.delete_message(asker.chat_id, press.message.message_id)


async def _cancel(front: Frontend, press: Press) -> None:
    """The message itself changes when the job's result says "cancelled"."""
    asker = press.asker
    try:
        await front.service.cancel(press.job_id, asker.user)
    except UserError as error:
        if not asker.private and not await front.rights.manages(asker.chat_id, asker.user_id):
            raise
        if error.code == "not_your_job" and not asker.private:
            await front.service.cancel(press.job_id, user_key(asker.chat_id))  # they asked anonymously
        elif error.code == "no_such_job" and await asyncio.to_thread(front.memory.call_off, press.job_id):
            text = say("progress.cancelled", asker.language)  # its pictures are still being fetched
            await front.posting.edit(asker.chat_id, press.message.message_id, Post(text))
        else:
            raise


async def _spoiler(front: Frontend, press: Press, job: Job) -> bool:
    """Whether what is made of a job's result is hidden here: as that is, or as the chat wants it."""
    return is_hidden(job) or (await asyncio.to_thread(front.chats.read, press.asker.chat)).spoiler


async def _grant(front: Frontend, press: Press) -> Grant:
    """The result under which the button is, and what this user may do with it.

    Raises:
        JobError: ``job_expired``.
        UserError: ``not_your_job``.
    """
    settings = await asyncio.to_thread(front.chats.read, press.asker.chat)
    viewer, result = front.viewer(press.asker, settings), await front.service.result(press.job_id)
    return await asyncio.to_thread(front.access.grant, viewer, result, press.job_id)


_PRESSES: dict[str, Callable[[Frontend, Press], Awaitable[None]]] = {
    "other_style": _other_style,
    "pick": _pick,
    "original": _original,
    "recipe": _recipe,
    "delete": _delete,
    "cancel": _cancel,
}
