"""The commands, the same in private, in groups and as captions of pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from telegram import Message

from bot.chat.captions import standing, style_name
from bot.chat.conversation import begin, begin_mix
from bot.chat.recipe_words import parse_style_command
from bot.telegram.asker import Asker
from bot.telegram.challenges.commands import challenge_command, enter_command, start_link
from bot.telegram.intake import Order, job_id_of, place_order
from bot.telegram.pickers import open_draft
from bot.telegram.pictures import Holder, answered_by, hide, keep, kept, picture_in
from bot.telegram.posting import Picture, Post
from bot.telegram.privacy import explain_privacy
from bot.telegram.settings_command import settings_command
from bot.texts import say
from nst.errors import UserError
from nst.options import StyleOptions

if TYPE_CHECKING:
    from bot.chat.recipe_codes import Recipe
    from bot.telegram.frontend import Frontend


@dataclass(frozen=True)
class Question:
    """A command as it came.

    Attributes:
        asker: Who asks.
        message: The message that has it; None where it stands for something else.
        rest: The words after the command.
        pictures: References of pictures that came along, the content first.
    """

    asker: Asker
    message: Message | None
    rest: str = ""
    pictures: tuple[str, ...] = ()

    async def picture(self, front: Frontend) -> str:
        """The picture that is meant: in the message, in the one it replies to, or the one that waits for a style.

        Raises:
            UserError: ``image_*``.
        """
        if self.pictures:
            return self.pictures[0]
        for holder in (self.message, _answered(self.message)):
            reference = picture_in(holder) if holder else ""
            if reference:
                return reference
        draft = await asyncio.to_thread(front.drafts.waiting, self.asker.chat, self.asker.user)
        return draft.content if draft else ""

    async def meant(self, front: Frontend, masked: bool) -> Meant:
        """All pictures that are meant.

        Args:
            front: The bot's belongings.
            masked: Whether the words speak of a mask: the last of several pictures is it.

        Raises:
            UserError: ``image_*``.
        """
        if self.pictures:
            content, *others = self.pictures
            mask = others.pop() if masked and others else ""
            return Meant(content, tuple(others), mask)
        own, reply = picture_in(self.message) if self.message else "", _answered(self.message)
        answered = picture_in(reply) if reply and (masked or not own) else ""
        draft = await asyncio.to_thread(front.drafts.waiting, self.asker.chat, self.asker.user)
        behind = answered or (draft.content if draft else "")
        if masked and own and behind:
            return Meant(behind, mask=own)
        if own or answered or draft is None:
            return Meant(own or answered)
        return Meant(draft.content, mask=draft.mask, region=str(draft.chosen.get("region", "")))


@dataclass(frozen=True)
class Meant:
    """The pictures of a command.

    Attributes:
        content: Reference of the content image; "" where there is none.
        styles: References of style images.
        mask: Reference of the mask, or "".
        region: What the mask was said to be for already, or "".
    """

    content: str
    styles: tuple[str, ...] = ()
    mask: str = ""
    region: str = ""


def _answered(message: Message | None) -> Holder | None:
    return answered_by(message) if message else None


Run = Callable[["Frontend", Question], Awaitable[None]]


async def style(front: Frontend, question: Question) -> None:
    """``/style hokusai 70``: at once where a style is named, with buttons for what is not said."""
    asker = question.asker
    asked = parse_style_command(question.rest, front.presets)
    meant = await question.meant(front, asked.masked)
    if not meant.content:
        raise UserError("image_missing")
    chosen = _with_region(_said(question.rest, asked.options), meant)
    order = Order(
        content=meant.content,
        presets=asked.presets,
        pictures=meant.styles,
        chosen=chosen,
        mask=meant.mask,
        spoiler=asked.spoiler,
    )
    if asked.presets or (meant.styles and question.rest):
        await place_order(front, asker, order, job_id_of(front, asker))
        await asyncio.to_thread(front.drafts.wait_no_more, asker.chat, asker.user)
    else:
        content, mask = await _kept(front, asker, meant, asked.spoiler)
        await open_draft(front, asker, begin(content, pictures=meant.styles, mask=mask, **chosen))


async def mix(front: Frontend, question: Question) -> None:
    """``/mix mosaic:2 engraving``: words as for ``/style``; without them, presets to tick off."""
    asked = parse_style_command(question.rest, front.presets)
    if asked.presets:
        await style(front, question)
        return
    meant = await question.meant(front, asked.masked)
    if not meant.content:
        raise UserError("image_missing")
    chosen = _with_region(_said(question.rest, asked.options), meant)
    content, mask = await _kept(front, question.asker, meant, asked.spoiler)
    await open_draft(front, question.asker, begin_mix(content, mask, **chosen))


async def styles(front: Frontend, question: Question) -> None:
    """All presets to look at, with the names to type."""
    asker = question.asker
    text = say("telegram.styles", asker.language, names=", ".join(front.presets))
    picture = Picture(await front.sheet(asker.language), "styles.jpg")
    sent = await front.posting.send(asker.chat_id, Post(text, picture), asker.message_id, asker.thread_id)
    if sent.photo:
        front.sheet_is(asker.language, sent.photo[-1].file_id)


async def queue(front: Frontend, question: Question) -> None:
    """How one's own unfinished jobs stand."""
    asker, lines = question.asker, []
    for number, job_id in enumerate(await front.service.jobs_of(asker.user), start=1):
        now = await front.service.standing(job_id)
        lines.append(f"{number}. {standing(now, asker.language)}")
    await _answer(front, asker, "\n".join(lines) or say("telegram.queue_empty", asker.language))


async def cancel(front: Frontend, question: Question) -> None:
    """Stop all of one's own unfinished jobs."""
    asker = question.asker
    jobs = await front.service.jobs_of(asker.user)
    stopped = sum([await front.service.cancel(job_id, asker.user) for job_id in jobs])
    key = "telegram.cancelled_count" if stopped else "telegram.queue_empty"
    await _answer(front, asker, say(key, asker.language, count=stopped))


async def recipe(front: Frontend, question: Question) -> None:
    """``/recipe code``: the same again, with the picture that is given, or the recipe's own for those whose it is."""
    asker = question.asker
    words = question.rest.split()
    if not words:
        await _answer(front, asker, say("telegram.recipe_help", asker.language))
        return
    opened = await asyncio.to_thread(front.recipes.read, words[0].removeprefix("recipe_"), asker.user)
    found = opened.recipe
    several = len(question.pictures) > 1 or bool(_answered(question.message))
    meant = await question.meant(front, masked=several and found.options.region != "everything")
    photograph = None
    if not meant.content:
        settings = await asyncio.to_thread(front.chats.read, asker.chat)
        photograph = await asyncio.to_thread(front.access.opened, front.viewer(asker, settings), opened)
        if photograph is None:
            await _wait_for_picture(front, asker, found, words[0])
            return
    if meant.content and not meant.mask:
        found = found.elsewhere()
    mask = meant.mask or kept(found.mask)
    order = _order(found, meant.content or kept(found.content))
    order = replace(order, chosen=_with_region(dict(order.chosen), meant), mask=mask, photograph=photograph)
    await place_order(front, asker, order, job_id_of(front, asker))


async def start(front: Frontend, question: Question) -> None:
    """``/start``, also with what a link carries."""
    kind, _, code = question.rest.partition("_")
    if kind == "challenge" and await start_link(front, question.asker, question.message, code):
        return
    if kind == "recipe" and code:
        await _start_recipe(front, question.asker, code)
        return
    await _answer(front, question.asker, say("telegram.start", question.asker.language))


async def help_command(front: Frontend, question: Question) -> None:
    """What the bot does, and how."""
    await _answer(front, question.asker, say("telegram.help", question.asker.language))


async def privacy(front: Frontend, question: Question) -> None:
    """What is kept, and how to have it forgotten."""
    await explain_privacy(front, question.asker)


async def settings(front: Frontend, question: Question) -> None:
    """How pictures are made in this chat."""
    await settings_command(front, question.asker, question.rest)


async def challenge(front: Frontend, question: Question) -> None:
    """What challenges run here, and for administrators the way to run one."""
    await challenge_command(front, question.asker, question.message, question.rest)


async def enter(front: Frontend, question: Question) -> None:
    """Enter the result that is replied to into a challenge."""
    await enter_command(front, question.asker, question.message)


async def _start_recipe(front: Frontend, asker: Asker, code: str) -> None:
    opened = await asyncio.to_thread(front.recipes.read, code, asker.user)
    await _wait_for_picture(front, asker, opened.recipe, code)


async def _wait_for_picture(front: Frontend, asker: Asker, found: Recipe, code: str) -> None:
    """Their next picture is painted by the recipe."""
    await asyncio.to_thread(front.memory.note_recipe, asker.user, code)
    name = style_name(" ".join(found.presets), front.presets, asker.language)
    await _answer(front, asker, say("telegram.recipe_waits", asker.language, style=name, words=found.words))


def _order(found: Recipe, content: str) -> Order:
    pictures = [] if found.presets else [kept(digest) for digest in found.styles]
    chosen = found.options.as_dict()
    return Order(content=content, presets=found.presets, pictures=pictures, chosen=chosen, spoiler=found.spoiler)


async def _kept(front: Frontend, asker: Asker, meant: Meant, spoiler: bool) -> tuple[str, str]:
    """The content image and the mask of a draft, whose buttons have no word for a spoiler of their own."""
    content, mask = [await keep(front, asker, reference) for reference in (meant.content, meant.mask)]
    return hide(content) if spoiler else content, mask


def _with_region(chosen: dict[str, Any], meant: Meant) -> dict[str, Any]:
    """Words say what to paint, or the buttons did so before."""
    return {**({"region": meant.region} if meant.region else {}), **chosen}


def _said(words: str, options: StyleOptions) -> dict[str, Any]:
    """The options that were really said: the rest is asked, or the chat's."""
    if not words:
        return {}
    plain = StyleOptions()
    said = {name: value for name, value in options.as_dict().items() if getattr(plain, name) != value}
    lowered = words.lower().split()
    if "fast" in lowered:
        said["method"] = "fast"
    if {"100", "100%"} & set(lowered):
        said["strength"] = 1.0
    return said


async def _answer(front: Frontend, asker: Asker, text: str) -> None:
    await front.posting.send(asker.chat_id, Post(text), asker.message_id, asker.thread_id)


COMMANDS: dict[str, Run] = {
    "start": start,
    "style": style,
    "mix": mix,
    "styles": styles,
    "queue": queue,
    "cancel": cancel,
    "recipe": recipe,
    "settings": settings,
    "privacy": privacy,
    "help": help_command,
    "challenge": challenge,
    "enter": enter,
}
