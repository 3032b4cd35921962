"""The way in: from an order to a queued job whose message says how it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from redis.exceptions import RedisError
from telegram.error import TelegramError

from bot.chat.access import Grant, Photograph, hidden
from bot.chat.chat_settings import ChatSettings
from bot.chat.conversation import Choice
from bot.chat.progress import Line, ProgressLine, Shown
from bot.chat.service import Request, Standing, Style
from bot.chat.unfinished import unfinished_jobs
from bot.telegram.address import Address
from bot.telegram.asker import Asker
from bot.telegram.boundary import ToldError, comes_back, last_try, sentence
from bot.telegram.keyboards import queued_keyboard
from bot.telegram.memory import CALLED_OFF
from bot.telegram.pictures import (
    fetch,
    full_quality,
    is_clip,
    is_hidden,
    is_of_result,
    is_sticker,
    is_stored,
    kept,
    locate,
)
from bot.telegram.posting import MessageGoneError, Picture, Post
from bot.texts import say
from nst.errors import JobError, PasticheError, UserError
from nst.options import StyleOptions
from workers.contract import ContractError, Job

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

_FULL_QUALITY_SIDE_PX = 2048  # of pictures that came as files, where nobody chose a size
_SETTLING_S = 1.0  # the first line is shown when the place in the queue is known, not twice in a second


@dataclass(frozen=True, kw_only=True)
class Order:
    """What somebody asked for.

    Attributes:
        content: Reference of the content image.
        presets: Names of presets.
        pictures: References of their own style images.
        chosen: Options that they chose, by the names of ``StyleOptions``.
        mask: Reference of the mask, or "".
        spoiler: Whether the result is to be hidden, though no picture is.
        photograph: What they have of the photograph, where that is settled; else it follows from its reference.
    """

    content: str
    presets: Sequence[str] = ()
    pictures: Sequence[str] = ()
    chosen: Mapping[str, Any] = field(default_factory=dict)
    mask: str = ""
    spoiler: bool = False
    photograph: Photograph | None = None

    @property
    def shown(self) -> Showing:
        """How its result is to be shown."""
        spoiler = self.spoiler or any(map(is_hidden, (self.content, *self.pictures)))
        photograph, sticker = self.photograph or Photograph.OWN, is_sticker(self.content)
        return Showing(as_file=full_quality(self.content), spoiler=spoiler, photograph=photograph, sticker=sticker)


@dataclass(frozen=True, kw_only=True)
class Showing:
    """How a result is to be shown, whatever the chat says of it.

    Attributes:
        as_file: As a document, as its content image came.
        spoiler: Hidden until tapped.
        photograph: What the one who asks has of its photograph: where that is hidden, so are the previews.
        sticker: As a sticker as well.
    """

    as_file: bool = False
    spoiler: bool = False
    photograph: Photograph = Photograph.OWN
    sticker: bool = False

    @classmethod
    def like(cls, grant: Grant) -> Self:
        """As the result of a job that was done before."""
        before = Address.from_reply_to(grant.job.reply_to)
        return cls(
            as_file=before.full_quality,
            spoiler=before.spoiler,
            photograph=grant.photograph,
            sticker=before.sticker,
        )


Submit = Callable[[Address], Awaitable[Job]]


async def place_order(front: Frontend, asker: Asker, order: Order, job_id: str, message_id: int = 0) -> None:
    """Queue what was asked for and show how it stands.

    Args:
        front: The bot's belongings.
        asker: Who asks.
        order: What for.
        job_id: The same for the same request, should it come twice.
        message_id: The message to show it in; 0 for a new one.

    Raises:
        PasticheError: Anything that the user should be told.
        ToldError: Told already.
    """
    if any(map(is_clip, (*order.pictures, order.mask))):
        raise UserError("image_not_an_image", {"found": "MP4"})
    settings = await asyncio.to_thread(front.chats.read, asker.chat)
    order, options = await _admitted(front, asker, settings, order)

    async def submit(address: Address) -> Job:
        references = [order.content, *order.pictures, *filter(None, [order.mask])]
        located = [await locate(front, reference) for reference in references]
        async with front.picture_room.take(sum(picture.size_bytes for picture in located)):
            content, *pictures = [await fetch(front, picture) for picture in located]
            mask = pictures.pop() if order.mask else ""
            styles = [Style(preset=name) for name in order.presets] + [Style(picture=picture) for picture in pictures]
            request = Request(
                content=content,
                styles=styles,
                options=options,
                user=asker.user,
                reply_to=address.to_reply_to(),
                job_id=job_id,
                mask=mask,
            )
            job = await front.service.submit(request)
        if not is_stored(order.content):  # it came in a message of this chat
            await asyncio.to_thread(front.access.shown.note, asker.chat, job.content)
        return job

    await queue_job(front, asker, settings, job_id, submit, order.shown, message_id)
    choice = Choice(presets=tuple(order.presets), strength=options.strength, method=options.method)
    await asyncio.to_thread(front.drafts.note_choice, asker.user, choice)


async def queue_job(
    front: Frontend,
    asker: Asker,
    settings: ChatSettings,
    job_id: str,
    submit: Submit,
    shown: Showing,
    message_id: int = 0,
) -> None:
    """Queue a job by the chat's rules and keep a message about it up to date.

    Args:
        front: The bot's belongings.
        asker: Who asks.
        settings: The chat's.
        job_id: The job's.
        submit: Queues it.
        shown: How its result is to be shown.
        message_id: The message to show it in; 0 for a new one.

    Raises:
        PasticheError, ToldError: As in ``place_order``.
    """
    if await asyncio.to_thread(front.queue.event, job_id):
        raise ToldError  # the update came twice, or we were killed when it was all but done
    if not asker.private:
        await front.rights.check_photos(asker.chat_id)
    noted = await asyncio.to_thread(front.memory.asked, job_id)
    if noted is None:
        await asyncio.to_thread(front.chats.take, asker.chat, asker.user, settings)
        await asyncio.to_thread(front.memory.note_asked, job_id)
    shown_in = message_id or noted or 0
    try:
        if noted == CALLED_OFF:
            raise ToldError
        address = await _announce(front, asker.speaking(settings.language), settings, job_id, shown, shown_in)
        await asyncio.to_thread(front.memory.note_asked, job_id, address.message_id)
        await _submit(front, address, job_id, submit, told=not message_id)
    except Exception as error:
        if not comes_back(error):
            await asyncio.to_thread(front.chats.give_back, asker.chat, asker.user, settings)
            await asyncio.to_thread(front.memory.never_mind, job_id)
        raise


async def _announce(
    front: Frontend, asker: Asker, settings: ChatSettings, job_id: str, shown: Showing, message_id: int
) -> Address:
    """The message that becomes the result."""
    post = Post(say("telegram.received", asker.language), keyboard=queued_keyboard(job_id, asker.language))
    if message_id:
        try:
            await front.posting.edit(asker.chat_id, message_id, post)
        except MessageGoneError:
            message_id = 0
    room = front.shared_lines.has_room(asker.chat_id)
    if not message_id and room:
        sent = await front.posting.send(asker.chat_id, post, asker.message_id, asker.thread_id)
        message_id = sent.message_id
    elif not message_id:
        await front.shared_lines.join(asker.chat_id, asker.thread_id, job_id, asker.language)
    return Address(
        chat_id=asker.chat_id,
        message_id=message_id,
        user_id=asker.user_id,
        thread_id=asker.thread_id,
        answers=asker.message_id,
        language=asker.language,
        full_quality=shown.as_file,
        spoiler=settings.spoiler or shown.spoiler,
        photograph=shown.photograph.value,
        sticker=shown.sticker,
    )


async def _submit(front: Frontend, address: Address, job_id: str, submit: Submit, told: bool) -> None:
    if address.message_id:
        front.lines.open(job_id, progress_line(front, job_id, address))
    try:
        job = await submit(address)
    except BaseException as error:
        await front.lines.close(job_id)
        front.shared_lines.ended(address.chat_id)
        if last_try.get() and isinstance(error, TelegramError):
            error = UserError("image_not_received")
        if told and isinstance(error, PasticheError):
            await _tell(front, address, job_id, sentence(error, address.language))
            raise ToldError from error
        raise
    front.actions.show(address.chat_id, address.thread_id)
    front.lines.start(job)
    if await asyncio.to_thread(front.memory.asked, job_id) == CALLED_OFF:  # while its pictures were fetched
        await front.service.cancel(job_id, job.user)


async def _tell(front: Frontend, address: Address, job_id: str, text: str) -> None:
    """Say why there will be no picture, in the order's own message or in a new one."""
    if address.message_id:
        await front.posting.edit(address.chat_id, address.message_id, Post(text))
        return
    await front.posting.send(address.chat_id, Post(text), address.answers, address.thread_id)
    await front.shared_lines.leave(address.chat_id, job_id)


async def resume_lines(front: Frontend, frontend: str) -> None:
    """Go on telling how the jobs stand that another process of ours queued.

    Args:
        front: The bot's belongings.
        frontend: Whose jobs.
    """
    for job in await asyncio.to_thread(unfinished_jobs, front.connection, frontend):
        try:
            address = Address.from_reply_to(job.reply_to)
        except ContractError:
            continue  # of a release that is not our neighbour
        if address.message_id and not address.strip:
            front.lines.open(job.job_id, progress_line(front, job.job_id, address))
            front.lines.start(job)


def progress_line(front: Frontend, job_id: str, address: Address) -> ProgressLine:
    """The line of a job's message."""
    previewed, settled = "", False
    keyboard = queued_keyboard(job_id, address.language)
    seen = address.photograph != Photograph.HIDDEN  # what slow methods begin with is the photograph

    async def show(line: Line) -> Shown:
        nonlocal previewed
        picture = None
        if seen and line.preview and line.preview != previewed:
            try:
                picture = Picture(await front.service.picture(line.preview), "preview.jpg", spoiler=address.spoiler)
                previewed = line.preview
            except (PasticheError, RedisError):
                pass  # it was replaced by a newer one
        return await front.posting.progress(address.chat_id, address.message_id, Post(line.text, picture, keyboard))

    async def ask() -> Standing:
        nonlocal settled
        if not settled:
            settled = True
            await asyncio.sleep(_SETTLING_S)
        standing = await front.service.standing(job_id)
        if standing.event is not None and standing.event.state == "running":
            front.actions.show(address.chat_id, address.thread_id)
        return standing

    return ProgressLine(show, ask, address.language)


async def repeat(front: Frontend, asker: Asker, grant: Grant, options: StyleOptions, job_id: str) -> None:
    """The same pictures with other options, in a message of their own."""
    settings = await asyncio.to_thread(front.chats.read, asker.chat)
    job, names = grant.job, grant.job.style_label.split()

    async def submit(address: Address) -> Job:
        styles = [Style(preset=name) for name in names] if len(names) == len(job.styles) else []
        request = Request(
            content=job.content,
            styles=styles or [Style(picture=digest) for digest in job.styles],
            options=options,
            user=asker.user,
            reply_to=address.to_reply_to(),
            job_id=job_id,
            mask=job.mask,
        )
        return await front.service.submit(request)

    await queue_job(front, asker, settings, job_id, submit, Showing.like(grant))


def _options(settings: ChatSettings, order: Order) -> StyleOptions:
    options = settings.options(**order.chosen)
    sized = "max_side_px" in order.chosen or "max_side_px" in settings.defaults
    if full_quality(order.content) and not sized and options.method != "gatys":
        return options.replace(max_side_px=_FULL_QUALITY_SIDE_PX)
    return options


async def _admitted(front: Frontend, asker: Asker, settings: ChatSettings, order: Order) -> tuple[Order, StyleOptions]:
    """An order with a photograph that this person may have painted here, and with options that they may choose.

    Raises:
        UserError: ``not_your_job``, ``photograph_hidden``.
        JobError: ``job_expired``.
    """
    options, viewer, name = _options(settings, order), front.viewer(asker, settings), order.content.partition(":")[2]
    if order.photograph is not None:
        return order, options
    if is_of_result(order.content):
        grant = await asyncio.to_thread(front.access.grant, viewer, await front.service.result(name), name)
        if grant.photograph is Photograph.HIDDEN and order.mask and not is_of_result(order.mask):
            raise hidden()
        content = kept(grant.job.content, is_hidden(order.content), full_quality(order.content))
        mask = kept(grant.job.mask) if is_of_result(order.mask) else order.mask
        admitted = replace(order, content=content, mask=mask, photograph=grant.photograph)
        return admitted, grant.options(options, restyled=True)
    if is_stored(order.content) and not await asyncio.to_thread(front.access.owns, asker.user, name):
        raise JobError("job_expired", {"job_id": name[:8]})
    return order, options


def job_id_of(front: Frontend, asker: Asker, message_id: int = 0) -> str:
    """The job of a message; it is logged, so it names no chat."""
    return front.job_id(asker.chat_id, message_id or asker.message_id)
