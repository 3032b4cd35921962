"""The way in for messages: commands in texts and captions, pictures, albums, and what groups go through."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from telegram import ChatMemberUpdated, Message

from bot.chat.conversation import begin, second_picture
from bot.chat.recipe_words import parse_style_command
from bot.telegram.albums import Albums
from bot.telegram.asker import Asker, asker_of_message
from bot.telegram.boundary import spoken
from bot.telegram.challenges.commands import take_words
from bot.telegram.commands import COMMANDS, Question
from bot.telegram.pickers import open_draft
from bot.telegram.pictures import answered_by, is_clip, is_link, keep, picture_in
from bot.telegram.posting import Post
from bot.telegram.words import Command, command_in
from bot.texts import languages, say
from nst.errors import BusyError, UserError
from nst.options import MAX_STYLES

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

log = logging.getLogger(__name__)

_GONE = ("kicked", "left")


class Messages:
    """Handles every message that is not a button.

    Args:
        front: The bot's belongings.
    """

    def __init__(self, front: Frontend) -> None:
        self._front = front
        self.albums = Albums(self._album)

    async def take(self, message: Message) -> None:
        """Do what a message asks for."""
        if message.migrate_to_chat_id:
            await self._front.move(message.chat.id, message.migrate_to_chat_id)
            return
        asker = asker_of_message(message, self._front.language)
        if asker is None:
            return
        command = command_in(message, self._front.bot.username)
        if not message.media_group_id:
            # Before anything that waits: one after the other, as they came.
            async with self._front.turn(asker.chat, asker.user), spoken(self._front, asker):
                await self._single(message, await self._in_its_language(asker), command)
            return
        ours = asker.private or command or self._to_us(message)
        ends = self.albums.add(message) if ours else self.albums.add_if_open(message)
        if ends is not None:
            await asyncio.shield(ends)

    async def membership(self, update: ChatMemberUpdated) -> None:
        """Whoever blocks or removes the bot costs nothing any more."""
        member = update.new_chat_member
        if member.status in _GONE or getattr(member, "is_member", True) is False:
            await self._front.leave(update.chat.id)
        else:
            await self._front.enter(update.chat.id)

    async def _single(self, message: Message, asker: Asker, command: Command | None) -> None:
        front = self._front
        await front.saw(asker)
        if command is not None:
            run = COMMANDS.get(command.name)
            if run is not None:
                await run(front, Question(asker, message, command.rest))
            elif asker.private:
                await front.posting.send(asker.chat_id, Post(say("telegram.help", asker.language)), asker.message_id)
            return
        if not asker.private and not self._to_us(message):
            return
        reference = picture_in(message)
        if asker.private and await take_words(front, asker, message, reference):
            return
        if reference and not (is_link(reference) and self._names_a_style(message)):
            await self._picture(asker, reference, message)
        elif message.text and (asker.private or reference):
            await self._words(message, asker)

    def _names_a_style(self, message: Message) -> bool:
        """Whether words beside a link say how to paint what is behind it."""
        try:
            return bool(parse_style_command(message.text or "", self._front.presets).presets)
        except UserError:
            return False

    async def _picture(self, asker: Asker, reference: str, message: Message) -> None:
        """A picture by itself: the beginning, or the style or mask of the one before."""
        front = self._front
        recipe = await asyncio.to_thread(front.memory.take_recipe, asker.user)
        if recipe:
            await COMMANDS["recipe"](front, Question(asker, None, recipe, (reference,)))
            return
        reference = await keep(front, asker, reference)
        first = await asyncio.to_thread(front.drafts.waiting, asker.chat, asker.user)
        region, answered = region_in(message.caption), answered_by(message)
        masked = picture_in(answered) if region and answered else ""
        if region and (masked or first):
            begun = begin(await keep(front, asker, masked)) if masked else first
            draft = (begun or begin(reference)).with_mask(reference, region)
        else:
            draft = second_picture(first, reference) if first and not is_clip(reference) else begin(reference)
        await open_draft(front, asker, draft)

    async def _words(self, message: Message, asker: Asker) -> None:
        """A style's name alone, for the picture that waits for one or is answered; else a hint."""
        question = Question(asker, message, message.text or "")
        try:
            parse_style_command(question.rest, self._front.presets)
            has_picture = bool(await question.picture(self._front))
        except UserError:
            has_picture = False
        if has_picture:
            await COMMANDS["style"](self._front, question)
        else:
            await self._front.posting.send(asker.chat_id, Post(say("telegram.hint", asker.language)), asker.message_id)

    async def _album(self, items: list[Message]) -> None:
        """Two pictures are content and style, three or four a mix; the caption may say which and how."""
        front = self._front
        asker = asker_of_message(items[0], front.language)
        if asker is None:
            return
        async with front.turn(asker.chat, asker.user), spoken(front, asker):
            asker = await self._in_its_language(asker)
            captioned = next((item for item in items if item.caption), items[0])
            command = command_in(captioned, front.bot.username)
            if command is not None and command.name in ("style", "mix"):
                asked = parse_style_command(command.rest, front.presets)
                if asked.presets:
                    await self._each(asker, items, command.rest, asked.masked)
                    return
            references = [(item, picture_in(item)) for item in items]
            found = [(item, reference) for item, reference in references if reference]
            if command is None and len(found) - 1 > MAX_STYLES:
                raise UserError("too_many_styles", {"received": len(found) - 1, "allowed": MAX_STYLES})
            ordered = content_before_styles(found, captioned, command)
            if command is not None and command.name in ("style", "mix"):
                await COMMANDS["style"](front, Question(asker, None, command.rest, tuple(ordered)))
            elif command is None and ordered:
                region = region_in(captioned.caption)
                if region and len(ordered) > 1:
                    *ordered, mask = ordered
                    await open_draft(front, asker, begin(ordered[0], ordered[1:], mask=mask, region=region))
                else:
                    await open_draft(front, asker, begin(ordered[0], pictures=ordered[1:]))

    async def _each(self, asker: Asker, items: list[Message], words: str, masked: bool) -> None:
        """Each picture of an album in the style that its caption names, or the reason why not, in answer to itself.

        The last one is the mask where the words speak of one.
        """
        front, busy = self._front, False
        mask = picture_in(items[-1]) if masked and len(items) > 1 else ""
        for item in items[: -1 if mask else None]:
            own = replace(asker, message_id=item.message_id)
            async with spoken(front, own):
                reference = picture_in(item)
                try:
                    if reference:
                        pictures = (reference, mask) if mask else (reference,)
                        await COMMANDS["style"](front, Question(own, None, words, pictures))
                except BusyError:
                    busy = True
                    raise
            if busy:
                return  # the others would hear the same

    async def _in_its_language(self, asker: Asker) -> Asker:
        settings = await asyncio.to_thread(self._front.chats.read, asker.chat)
        return asker.speaking(settings.language)

    def _to_us(self, message: Message) -> bool:
        """Whether a message in a group answers one of ours."""
        answered = message.reply_to_message
        return bool(answered and answered.from_user and answered.from_user.id == self._front.bot.id)


def content_before_styles(found: list[tuple[Message, str]], captioned: Message, command: Command | None) -> list[str]:
    """An album's pictures, the content first: as sent, unless the caption says which is which. A mask comes last.

    Args:
        found: The album's messages with their pictures' references, in order.
        captioned: The one that has the caption.
        command: The caption's command, which says nothing of the order.
    """
    said = "" if command is not None else (captioned.caption or "").strip().lower()
    references = [reference for _, reference in found]
    index = next((number for number, (item, _) in enumerate(found) if item is captioned), 0)
    if said in _words_for("content"):
        return [references[index], *references[:index], *references[index + 1 :]]
    if region_in(said):
        return [*references[:index], *references[index + 1 :], references[index]]
    if said in _words_for("style") and index == 0 and len(references) > 1:
        return [references[1], references[0], *references[2:]]
    return references


def region_in(caption: str | None) -> str:
    """What a caption says that the picture is a mask for: ``subject``, ``background``, or "" for nothing."""
    said = (caption or "").strip().lower()
    return next((region for region in ("subject", "background") if said in _words_for(region)), "")


def _words_for(role: str) -> set[str]:
    return {word for language in languages() for word in say(f"telegram.{role}_words", language).split()}
