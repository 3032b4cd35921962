"""Several pictures at once: each painted in the style, one line of progress, and one message that shows them all.

They are jobs of their own, named after the question: a strip whose parts are pictures instead of strengths. The last
one that is done brings the message, with a button for each to go on with.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import discord

from bot.chat.captions import alt_text, failure, style_name
from bot.chat.captions import percent as percent_of
from bot.chat.progress import Line, ProgressLine, Shown
from bot.chat.service import Request, Standing, Style
from bot.chat.strips import part_ids
from bot.discord.address import Address
from bot.discord.pictures import Given, check_declared, read_picture, size_bytes
from bot.discord.posting import Picture, Post
from bot.discord.views import custom_id, finished, queued_view
from bot.texts import explain, say
from nst.errors import JobError, UserError
from nst.options import StyleOptions
from workers.contract import Job, Result

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

MOST = 10  # files of one message
_UNFINISHED = ("queued", "running")


@dataclass(frozen=True, kw_only=True)
class Several:
    """What is to be done to several pictures.

    Attributes:
        contents: Their blob hashes in the order in which they were given, "" for one that cannot be painted.
        styles: The styles, for each of them.
        options: What else was chosen; a time-lapse is left out, since one message cannot show it of each.
        user: Key of who asks.
        mask: The mask for each of them, or its blob hash, or "".
    """

    contents: Sequence[str]
    styles: Sequence[Style]
    options: StyleOptions
    user: str
    mask: bytes | str = ""


async def keep_all(
    bot: PasticheClient, pictures: Sequence[Given | str], user: str, language: str
) -> tuple[list[str], str]:
    """Store pictures, one after the other.

    Args:
        bot: The client.
        pictures: What was given; what is stored already, or was refused before, stays as it is.
        user: Key of who gave them.
        language: Whom to speak to.

    Returns:
        Their hashes, "" for one that cannot be painted, and a line for each of those.

    Raises:
        UserError: ``image_*`` or ``address_*``: none of them can be.
    """
    kept: list[str] = []
    failed: dict[int, UserError] = {}
    for number, picture in enumerate(pictures[:MOST], start=1):
        try:
            check_declared(picture)
            async with bot.picture_room.take(size_bytes(picture)):
                kept.append(picture if isinstance(picture, str) else await _keep(bot, picture, user))
        except UserError as error:
            failed[number] = error
            kept.append("")
    if not any(kept):
        raise next(iter(failed.values()))
    return kept, "\n".join(f"{number}: {explain(error, language)}" for number, error in failed.items())


async def _keep(bot: PasticheClient, picture: Given, user: str) -> str:
    return await bot.service.keep(await read_picture(bot.fetcher, picture), user)


async def queue_several(bot: PasticheClient, job_id: str, address: Address, asked: Several) -> None:
    """Queue a job for each picture, and keep their message up to date; where one cannot be queued, none is.

    Args:
        bot: The client.
        job_id: Unique name of the question.
        address: Its message.
        asked: What for.

    Raises:
        PasticheError: Anything that the user should be told.
    """
    wanted = [(number, content) for number, content in enumerate(asked.contents, start=1) if content]
    numbers = " ".join(str(number) for number, _ in wanted) if len(wanted) < len(asked.contents) else ""
    address = replace(address, strip=job_id, parts=len(wanted), numbers=numbers)
    options = asked.options.replace(time_lapse=False)
    open_line(bot, address)
    queued: list[Job] = []
    try:
        for name, (_, content) in zip(part_ids(job_id, address.parts), wanted, strict=True):
            request = Request(
                content=content,
                styles=asked.styles,
                options=options,
                user=asked.user,
                reply_to=address.to_reply_to(),
                job_id=name,
                mask=asked.mask,
            )
            queued.append(await bot.service.submit(request))
    except BaseException:
        await bot.lines.close(job_id)
        for job in queued:
            with contextlib.suppress(UserError):
                await bot.service.cancel(job.job_id, asked.user)
        raise
    follow_line(bot, address, queued[0])


def open_line(bot: PasticheClient, address: Address) -> None:
    """Know the line of several pictures' message before they are queued."""
    bot.lines.open(address.strip, _line(bot, address))


def follow_line(bot: PasticheClient, address: Address, job: Job) -> None:
    """Follow several pictures' line, from any of their jobs."""
    bot.lines.start(replace(job, job_id=address.strip))


def _line(bot: PasticheClient, address: Address) -> ProgressLine:
    """How many are done, and how the next one stands."""
    done, language = 0, address.language

    async def ask() -> Standing:
        nonlocal done
        done = 0
        for name in part_ids(address.strip, address.parts):
            standing = await bot.service.standing(name)
            if standing.event is None or standing.event.state in _UNFINISHED:
                return standing
            done += 1
        return standing

    async def show(line: Line) -> Shown:
        text = say("discord.several", language, done=done, total=address.parts)
        view = queued_view(f"{address.strip}*{address.parts}", language)
        return await bot.posting.progress(address, f"{text} {line.text}", b"", view)

    return ProgressLine(show, ask, language)


async def several_post(bot: PasticheClient, results: Sequence[Result], address: Address) -> Post:
    """What several pictures' message shows in the end: what is done, each with its button, and why the rest is not.

    Args:
        bot: The client.
        results: All of them, in order.
        address: Their message.
    """
    language, numbers = address.language, address.numbers.split() or [str(n + 1) for n in range(len(results))]
    shown: list[tuple[str, Result, Picture]] = []
    lines: list[str] = []
    for number, result in zip(numbers, results, strict=True):
        try:
            if result.outcome != "done":
                lines.append(f"{number}: {failure(result, language)}")
                continue
            data = await bot.service.picture(result.picture)
        except JobError as error:
            lines.append(f"{number}: {explain(error, language)}")
        else:
            alt = alt_text(Job.from_json(result.job), bot.presets, language)
            shown.append((number, result, Picture(data, result.media_type, alt, f"pastiche-{number}")))
    if not shown:
        return Post("\n".join(lines))
    job = Job.from_json(shown[0][1].job)
    style, strength = style_name(job.style_label, bot.presets, language), percent_of(job.options)
    first = say("discord.several_done", language, count=len(shown), style=style, strength=strength)
    view = finished(
        discord.ui.Button[discord.ui.View](label=number, custom_id=custom_id("pick", result.job_id))
        for number, result, _ in shown
    )
    pictures = tuple(picture for _, _, picture in shown)
    return Post("\n".join([first, *lines])[:2000], pictures[0], view, others=pictures[1:])


async def cancel_several(bot: PasticheClient, argument: str, user: str) -> bool:
    """Stop what a cancel button stands for: one job, or several pictures'; False if nothing was left to stop.

    Raises:
        UserError: ``no_such_job`` or ``not_your_job``.
    """
    job_id, _, parts = argument.partition("*")
    names = part_ids(job_id, int(parts)) if parts.isdecimal() else [job_id]
    return any([await bot.service.cancel(name, user) for name in names])


async def note_shown(bot: PasticheClient, places: Sequence[str], digests: Sequence[str]) -> None:
    """Remember where pictures were shown."""
    for place in filter(None, places):
        for digest in digests:
            await asyncio.to_thread(bot.access.shown.note, place, digest)
