"""The way in: from an interaction to a queued job.

Order matters: what needs neither Redis nor the CDN is checked first and refused in private; then
the interaction is acknowledged, before anything that could be slow; then come the chat's rules,
the pictures and the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
from redis.exceptions import RedisError

from bot.chat.access import Grant, Photograph
from bot.chat.chat_settings import ChatSettings, check_place
from bot.chat.memory import NotedStyle
from bot.chat.progress import Line, ProgressLine, Shown
from bot.chat.service import Request, Style
from bot.chat.unfinished import unfinished_jobs
from bot.discord.address import Address
from bot.discord.boundary import language_of
from bot.discord.keys import channel_keys, chat_key, role_keys, user_key
from bot.discord.pictures import Given, check_declared, read_picture, size_bytes
from bot.discord.posting import NOBODY
from bot.discord.promises import Promise, acknowledge, question
from bot.discord.several import Several, follow_line, keep_all, open_line, queue_several
from bot.discord.views import queued_view
from bot.texts import say
from nst.errors import JobError, PasticheError, UserError
from workers.contract import ContractError, Job

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

_NEEDED = ("view_channel", "send_messages", "attach_files")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What somebody asked for.

    Attributes:
        content: The content image, or its blob hash.
        others: Further pictures, or their blob hashes, each painted as the content image is; "" for one that was
            refused before.
        presets: Names of presets.
        pictures: Style images of their own, or their blob hashes.
        chosen: Options that they chose; None counts as not chosen.
        mask: The mask, or its blob hash, or None.
        spoiler: Whether the result is to be hidden, though no picture is.
        photograph: What they have of the content image, where that is stored already and settled.
    """

    content: Given | str
    others: Sequence[Given | str] = ()
    presets: Sequence[str] = ()
    pictures: Sequence[Given | str] = ()
    chosen: Mapping[str, Any] = field(default_factory=dict)
    mask: Given | str | None = None
    spoiler: bool = False
    photograph: Photograph | None = None

    @property
    def all_pictures(self) -> tuple[Given | str, ...]:
        """Everything that has to be read."""
        return (self.content, *self.pictures, *([self.mask] if self.mask else []))

    def check_declared(self) -> None:
        """Refuse what is known to be of no use before anything is downloaded; of several each is looked at later.

        Raises:
            UserError: ``image_*``.
        """
        for picture in self.all_pictures[1 if self.others else 0 :]:
            check_declared(picture)

    @property
    def hidden(self) -> bool:
        """Whether the result is hidden: it was asked for so, or a picture came so."""
        seen = (self.content, *self.others, *self.pictures)
        return self.spoiler or any(picture.spoiler for picture in seen if isinstance(picture, Given))


Submit = Callable[[Address], Awaitable[Job]]
LateOrder = Callable[[], Awaitable[Order]]


async def place_order(bot: PasticheClient, interaction: discord.Interaction, asked: Order | LateOrder) -> None:
    """Queue what was asked for and show how it stands.

    Args:
        bot: The client.
        interaction: What is being answered.
        asked: The order, or how to find it out after the interaction was acknowledged.

    Raises:
        PasticheError: Anything that the user should be told.
    """
    if isinstance(asked, Order):
        asked.check_declared()
    async with Admission(bot, interaction) as admitted:
        order = asked if isinstance(asked, Order) else await asked()
        order.check_declared()
        if order.others:
            await _place_each(bot, interaction, admitted, order)
            return
        photograph = await _photograph(bot, interaction, order)
        options = admitted.settings.options(**order.chosen)
        noted = None if order.presets or order.pictures else await _noted_style(bot, interaction)

        async def submit(address: Address) -> Job:
            async with bot.picture_room.take(sum(map(size_bytes, order.all_pictures))):
                content = await _bytes_or_hash(bot, order.content)
                request = Request(
                    content=content,
                    styles=await _styles(bot, order, noted),
                    options=options,
                    user=user_key(interaction.user),
                    reply_to=address.to_reply_to(),
                    job_id=bot.job_id(interaction),
                    mask=await _bytes_or_hash(bot, order.mask) if order.mask else "",
                )
                return await bot.service.submit(request)

        await admitted.queue(bot.job_id(interaction), submit, _hidden(order, noted), photograph)


async def _photograph(bot: PasticheClient, interaction: discord.Interaction, order: Order) -> Photograph:
    """What they have of an order's content image.

    Raises:
        JobError: ``job_expired``: it is stored, and not theirs.
    """
    if order.photograph is not None:
        return order.photograph
    content = order.content
    if isinstance(content, str) and not await asyncio.to_thread(bot.access.owns, user_key(interaction.user), content):
        raise JobError("job_expired", {"job_id": content[:8]})
    return Photograph.OWN


async def _place_each(bot: PasticheClient, interaction: discord.Interaction, admitted: Admission, order: Order) -> None:
    """Queue all pictures of an order in its style, below one line; what cannot be painted is told, and not counted."""
    user = user_key(interaction.user)
    contents: list[Given | str] = [order.content, *order.others]
    for content in contents:
        if content:
            await _photograph(bot, interaction, replace(order, content=content))
    noted = None if order.presets or order.pictures else await _noted_style(bot, interaction)
    address = admitted.address(_hidden(order, noted))
    kept, failures = await keep_all(bot, contents, user, address.language)
    await admitted.count(sum(map(bool, kept)) - 1)
    if failures:
        with contextlib.suppress(discord.HTTPException, aiohttp.ClientError):
            # The first message after "thinking …" would take its place: that has to be the answer.
            waiting = say("progress.waiting", address.language)
            await interaction.edit_original_response(content=waiting, allowed_mentions=NOBODY)
            await interaction.followup.send(failures, ephemeral=True, allowed_mentions=NOBODY)
    async with bot.picture_room.take(sum(map(size_bytes, order.all_pictures[1:]))):
        styles = await _styles(bot, order, noted)
        mask = await _bytes_or_hash(bot, order.mask) if order.mask else ""
    asked = Several(
        contents=kept, styles=styles, options=admitted.settings.options(**order.chosen), user=user, mask=mask
    )
    await queue_several(bot, bot.job_id(interaction), address, asked)


class Admission:
    """One admitted request: acknowledged, within the chat's rules, and counted.

    Args:
        bot: The client.
        interaction: What is being answered.
    """

    settings: ChatSettings

    def __init__(self, bot: PasticheClient, interaction: discord.Interaction) -> None:
        self._bot = bot
        self._interaction = interaction
        self._counted = 0  # pictures

    async def __aenter__(self) -> Admission:
        interaction, bot = self._interaction, self._bot
        check_permissions(interaction)
        answer = await acknowledge(bot, interaction)
        self._message_id = answer.message_id
        chat, user = chat_key(interaction), user_key(interaction.user)
        channels = channel_keys(interaction.channel)
        self.settings = await asyncio.to_thread(bot.chats.read_at, chat, channels)
        check_place(self.settings, channels, role_keys(interaction.user))
        await asyncio.to_thread(bot.chats.take, chat, user, self.settings)
        self._counted = 1
        self._promise = Promise(
            job_id=bot.job_id(interaction), user=user, address=answer, chat=chat, question=question()
        )
        await bot.promises.complete(self._promise)
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and self._counted:
            chat, user = chat_key(self._interaction), user_key(self._interaction.user)
            await asyncio.to_thread(self._bot.chats.give_back, chat, user, self.settings, self._counted)

    async def count(self, pictures: int) -> None:
        """Count further pictures of this request.

        Raises:
            BusyError: ``rate_limited``.
        """
        chat, user = chat_key(self._interaction), user_key(self._interaction.user)
        await asyncio.to_thread(self._bot.chats.take_more, chat, user, self.settings, pictures)
        self._counted += pictures
        await self._bot.promises.complete(replace(self._promise, counted=self._counted))

    def address(self, spoiler: bool, photograph: Photograph = Photograph.OWN, strip: str = "") -> Address:
        """Where the answer goes.

        Args:
            spoiler: Whether it is hidden, whatever the chat says.
            photograph: What they have of the photograph.
            strip: The strip's name, where it is one.
        """
        language = self.settings.language or language_of(self._interaction, self._bot.language)
        spoiler = spoiler or self.settings.spoiler
        address = Address.of(self._interaction, self._message_id, language, spoiler, strip)
        return replace(address, photograph=photograph.value)

    async def grant(self, job_id: str) -> Grant:
        """A result, and what this user may do with it; raises what ``granted`` raises."""
        return await granted(self._bot, self._interaction, self.settings, job_id)

    async def queue(self, job_id: str, submit: Submit, spoiler: bool, photograph: Photograph = Photograph.OWN) -> None:
        """Queue a job and keep its message up to date."""
        await queue_job(self._bot, job_id, self.address(spoiler, photograph), submit)


async def granted(bot: PasticheClient, interaction: discord.Interaction, settings: ChatSettings, job_id: str) -> Grant:
    """A result, and what this user may do with it.

    Raises:
        JobError: ``job_expired``.
        UserError: ``not_your_job``.
    """
    viewer, result = bot.viewer(interaction, settings), await bot.service.result(job_id)
    return await asyncio.to_thread(bot.access.grant, viewer, result, job_id)


async def queue_job(bot: PasticheClient, job_id: str, address: Address, submit: Submit) -> None:
    """Queue a job whose message exists, and keep that message up to date.

    Args:
        bot: The client.
        job_id: The job's.
        address: Its message.
        submit: Queues it.
    """
    bot.lines.open(job_id, progress_line(bot, job_id, address))
    try:
        job = await submit(address)
    except BaseException:
        await bot.lines.close(job_id)
        raise
    bot.lines.start(job)


async def resume_lines(bot: PasticheClient, frontend: str) -> None:
    """Go on telling how the jobs stand that another process of ours queued."""
    for job in await asyncio.to_thread(unfinished_jobs, bot.connection, frontend):
        try:
            address = Address.from_reply_to(job.reply_to)
        except ContractError:
            continue  # of a release that is not our neighbour
        if not address.strip:
            bot.lines.open(job.job_id, progress_line(bot, job.job_id, address))
            bot.lines.start(job)
        elif address.parts and not bot.lines.has(address.strip):
            open_line(bot, address)
            follow_line(bot, address, job)


def progress_line(bot: PasticheClient, job_id: str, address: Address) -> ProgressLine:
    """The line of a job's message."""
    shown = ""
    seen = address.photograph != Photograph.HIDDEN  # what slow methods begin with is the photograph

    async def show(line: Line) -> Shown:
        nonlocal shown
        preview = b""
        if seen and line.preview and line.preview != shown:
            try:
                preview, shown = await bot.service.picture(line.preview), line.preview
            except (PasticheError, RedisError):
                preview = b""  # it was replaced by a newer one
        text = say("discord.comes_in_private", address.language) if address.last_word_due else line.text
        return await bot.posting.progress(address, text, preview, queued_view(job_id, address.language))

    return ProgressLine(show, lambda: bot.service.standing(job_id), address.language)


def check_permissions(interaction: discord.Interaction) -> None:
    """Whether the result could be posted: asked before anything is painted.

    Raises:
        UserError: ``permission_missing`` names what the bot lacks.
    """
    if interaction.guild_id is None or (interaction.is_user_integration() and not interaction.is_guild_integration()):
        return  # a user's own installation answers by the interaction only
    check_held(interaction.app_permissions, interaction.channel)


def check_held(held: discord.Permissions, channel: object) -> None:
    """Whether pictures can be posted with these permissions.

    Raises:
        UserError: ``permission_missing``.
    """
    needed = list(_NEEDED)
    if isinstance(channel, discord.Thread):
        needed[1] = "send_messages_in_threads"
    missing = [name for name in needed if not getattr(held, name)]
    if missing and not held.administrator:
        names = ", ".join(name.replace("_", " ").title() for name in missing)
        raise UserError("permission_missing", {"missing": names})


async def _bytes_or_hash(bot: PasticheClient, picture: Given | str) -> bytes | str:
    return picture if isinstance(picture, str) else await read_picture(bot.fetcher, picture)


async def _noted_style(bot: PasticheClient, interaction: discord.Interaction) -> NotedStyle | None:
    return await asyncio.to_thread(bot.sessions.noted_style, chat_key(interaction), user_key(interaction.user))


async def _styles(bot: PasticheClient, order: Order, noted: NotedStyle | None) -> list[Style]:
    """What an order names, else what was noted before; none where there is neither."""
    styles = [Style(preset=name) for name in order.presets]
    styles += [Style(picture=await _bytes_or_hash(bot, picture)) for picture in order.pictures]
    return styles + ([Style(picture=noted.picture)] if noted else [])


def _hidden(order: Order, noted: NotedStyle | None) -> bool:
    return order.hidden or (noted is not None and noted.spoiler)
