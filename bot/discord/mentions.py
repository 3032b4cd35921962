"""A picture in a private message, or with a mention of the bot, or in the message that one replies to."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import discord

from bot.chat.chat_settings import ChatSettings, check_place
from bot.chat.recipe_words import StyleCommand, parse_style_command
from bot.chat.service import Request, Style
from bot.discord.address import Address, limit_in
from bot.discord.boundary import sentence
from bot.discord.intake import check_held, queue_job
from bot.discord.keys import channel_key, channel_keys, role_keys, user_key
from bot.discord.pictures import (
    Given,
    check_declared,
    last_pictures,
    named_people,
    pictures_of,
    read_picture,
    size_bytes,
    words_of,
)
from bot.discord.posting import NOBODY
from bot.discord.promises import Promise, earlier_promise, question
from bot.discord.several import MOST, Several, keep_all, note_shown, queue_several
from bot.discord.throttle import outlast
from bot.texts import nearest_language, say
from nst.errors import OperatorError, PasticheError, UserError
from workers.contract import Job

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

log = logging.getLogger(__name__)


async def answer(bot: PasticheClient, message: discord.Message) -> None:
    """Treat a message as ``/style`` in words, if it means us and there is a picture.

    Args:
        bot: The client.
        message: Any message that we get to see.
    """
    if message.author.bot or bot.user is None or not _means_us(bot.user, message):
        return
    language = _language(bot, message, ChatSettings())
    bot.promises.make(_promise(bot, message, language))
    try:
        await _answer(bot, message)
    except PasticheError as error:
        if isinstance(error, OperatorError):
            log.error("%s", error)
        await _say(message, sentence(error, language))
    except discord.Forbidden:
        log.info("A mention cannot be answered: no permission")
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
        log.error("A mention cannot be answered: %s", type(error).__name__)
    except Exception:  # the frontend's boundary: a sentence, not silence
        log.exception("A mention failed")
        await _say(message, say("discord.unforeseen", language))
    await bot.promises.end(bot.job_id(message))


async def _answer(bot: PasticheClient, message: discord.Message) -> None:
    words = words_of(message)
    pictures = await _pictures(bot, message, words)
    if not pictures:
        key = "discord.unseen" if _answers_unseen(message) else "discord.mention_help"
        await _say(message, say(key, _language(bot, message, ChatSettings())))
        return
    _check_permissions(message)
    chat, user = f"discord:{message.guild.id if message.guild else message.channel.id}", user_key(message.author)
    channels = channel_keys(message.channel)
    settings = await asyncio.to_thread(bot.chats.read_at, chat, channels)
    check_place(settings, channels, role_keys(message.author))
    command = parse_style_command(words, bot.presets, settings.options())
    answered = _answered(message)
    if command.masked and answered and list(pictures_of(message)):
        pictures = [answered[0], *pictures]  # a mask in reply to what it is for
    several = bool(command.presets) and not command.masked and len(pictures) > 1
    pictures = pictures[: MOST if several else 3 if command.masked else 2]
    if not several:
        for picture in pictures:
            check_declared(picture)
    count = len(pictures) if several else 1
    await asyncio.to_thread(bot.chats.take, chat, user, settings, count)
    try:
        promise = replace(_promise(bot, message, _language(bot, message, settings)), chat=chat, counted=count)
        await bot.promises.complete(promise)
        address = await _begin(bot, message, pictures, command, settings, promise)
        await bot.promises.complete(replace(promise, address=address))
        if several:
            refused = await _queue_each(bot, message, pictures, command, address)
            await asyncio.to_thread(bot.chats.take_more, chat, user, settings, -refused)
        else:
            await _queue(bot, message, pictures, command, address, chat)
    except _ToldError:
        await asyncio.to_thread(bot.chats.give_back, chat, user, settings, count)
    except BaseException:
        await asyncio.to_thread(bot.chats.give_back, chat, user, settings, count)
        raise


class _ToldError(Exception):
    """It went wrong, and the message that waits says so."""


def _promise(bot: PasticheClient, message: discord.Message, language: str) -> Promise:
    """What is promised to a message: an answer, in the message that an earlier process began where there is one."""
    before = earlier_promise()
    address = Address(
        channel_id=message.channel.id,
        message_id=before.address.message_id if before else 0,
        user_id=message.author.id,
        limit_bytes=limit_in(message.guild),
        language=language,
        chat=f"discord:{message.guild.id}" if message.guild else "",
    )
    return Promise(job_id=bot.job_id(message), user=user_key(message.author), address=address, question=question())


async def _begin(
    bot: PasticheClient,
    message: discord.Message,
    pictures: list[Given],
    command: StyleCommand,
    settings: ChatSettings,
    promise: Promise,
) -> Address:
    """The message that becomes the result."""
    address = promise.address
    if not address.message_id:
        said = await _reply(message, say("progress.waiting", address.language))
        address = replace(address, message_id=said.id)
    seen = pictures[:-1] if command.masked else pictures
    spoiler = settings.spoiler or command.spoiler or any(picture.spoiler for picture in seen or pictures)
    return replace(address, spoiler=spoiler)


async def _reply(message: discord.Message, text: str) -> discord.Message:
    """Answer a message; the same words once only, whichever process says them."""
    nonce = hashlib.sha256(f"{message.id} {text}".encode()).hexdigest()[:25]
    return await outlast(
        lambda: message.reply(text, mention_author=False, allowed_mentions=NOBODY, nonce=nonce)  # with one, sent once
    )


async def _queue_each(
    bot: PasticheClient, message: discord.Message, pictures: list[Given], command: StyleCommand, address: Address
) -> int:
    """Paint each picture in the style that is named; how many cannot be, which is said and holds up no other."""
    user = user_key(message.author)
    try:
        contents, failures = await keep_all(bot, pictures, user, address.language)
        await note_shown(bot, [channel_key(message.channel.id)], list(filter(None, contents)))
        styles = [Style(preset=name) for name in command.presets]
        asked = Several(contents=contents, styles=styles, options=command.options, user=user)
        await queue_several(bot, bot.job_id(message), address, asked)
    except PasticheError as error:
        await bot.posting.settle(address, sentence(error, address.language))
        raise _ToldError from error
    if failures:
        await _say(message, failures)
    return contents.count("")


async def _queue(
    bot: PasticheClient,
    message: discord.Message,
    pictures: list[Given],
    command: StyleCommand,
    address: Address,
    chat: str,
) -> None:
    """The first picture, in the style that is named, or that of the second."""
    mask = pictures[-1] if command.masked and len(pictures) > 1 else None
    given = pictures[:-1] if mask else pictures
    job_id, noted = bot.job_id(message), None

    async def submit(address: Address) -> Job:
        async with bot.picture_room.take(sum(map(size_bytes, pictures))):
            styles = [Style(preset=name) for name in command.presets]
            if not styles and len(given) > 1:
                styles = [Style(picture=await read_picture(bot.fetcher, given[1].as_style))]
            if noted:
                styles = [Style(picture=noted.picture)]
            request = Request(
                content=await read_picture(bot.fetcher, given[0]),
                styles=styles,
                options=command.options,
                user=user_key(message.author),
                reply_to=address.to_reply_to(),
                job_id=job_id,
                mask=await read_picture(bot.fetcher, mask) if mask else "",
            )
            job = await bot.service.submit(request)
        await note_shown(bot, [channel_key(message.channel.id)], [job.content])
        return job

    try:
        if not command.presets and len(given) == 1:
            noted = await asyncio.to_thread(bot.sessions.noted_style, chat, user_key(message.author))
            address = replace(address, spoiler=address.spoiler or bool(noted and noted.spoiler))
        await queue_job(bot, job_id, address, submit)
    except PasticheError as error:
        await bot.posting.settle(address, sentence(error, address.language))
        raise _ToldError from error


async def _pictures(bot: PasticheClient, message: discord.Message, words: str) -> list[Given]:
    """What is meant: of the message, of the one that it answers, whoever it names, the last one in the channel."""
    found = pictures_of(message) or _answered(message)
    found = found or [Given.avatar(user) for user in named_people(message)]
    if found or _answers_unseen(message) or not _orders(words, bot.presets) or not _may_read(message):
        return found
    return await last_pictures(bot.user, message.channel)


def _orders(words: str, presets: Collection[str]) -> bool:
    """Whether words name a style: others may be anything, and are no reason to look around."""
    try:
        return bool(parse_style_command(words, presets).presets)
    except UserError:
        return False


def _may_read(message: discord.Message) -> bool:
    """Whether the one who asks may look at what was said before."""
    place, author = message.channel, message.author
    if isinstance(place, discord.abc.GuildChannel | discord.Thread) and isinstance(author, discord.Member):
        return place.permissions_for(author).read_message_history
    return message.guild is None


def _answered(message: discord.Message) -> list[Given]:
    """The pictures of the message that one replies to."""
    answered = message.reference.resolved if message.reference else None
    return list(pictures_of(answered)) if isinstance(answered, discord.Message) else []


def _answers_unseen(message: discord.Message) -> bool:
    """Whether it answers a message of which Discord told us nothing: those of others are not for bots."""
    answered = message.reference.resolved if message.reference else None
    if not isinstance(answered, discord.Message):
        return False
    return not (answered.content or answered.attachments or answered.embeds or answered.components)


def _means_us(me: discord.ClientUser, message: discord.Message) -> bool:
    """In private everything does; elsewhere a mention in the words, or a picture in reply to us."""
    if message.guild is None:
        return True
    answered = message.reference.resolved if message.reference else None
    if isinstance(answered, discord.Message) and answered.author.id == me.id and pictures_of(message):
        return True
    return f"<@{me.id}>" in message.content or f"<@!{me.id}>" in message.content


def _check_permissions(message: discord.Message) -> None:
    """Asked where they are known; a place that we were not told of has to be tried."""
    place = message.channel
    known = isinstance(place, discord.abc.GuildChannel | discord.Thread)
    if known and message.guild is not None and message.guild.me is not None:
        check_held(place.permissions_for(message.guild.me), place)


def _language(bot: PasticheClient, message: discord.Message, settings: ChatSettings) -> str:
    spoken = str(message.guild.preferred_locale) if message.guild else None
    return settings.language or nearest_language(spoken, bot.language)


async def _say(message: discord.Message, text: str) -> None:
    try:
        await _reply(message, text)
    except (discord.HTTPException, aiohttp.ClientError) as error:
        log.info("A message cannot be answered: %s", type(error).__name__)
