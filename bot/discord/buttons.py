"""What happens when somebody presses a button or picks from a list, in this process or after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord

from bot.chat.access import Grant
from bot.chat.captions import style_name, with_quality
from bot.chat.fitting import as_gif
from bot.chat.service import Request, Style
from bot.chat.spoilers import is_hidden
from bot.chat.strips import submit_strip
from bot.chat.variations import CLIPS, Button
from bot.discord.boundary import language_of
from bot.discord.challenges import presses as challenges
from bot.discord.courier import may_enter, result_post
from bot.discord.gallery import show_page
from bot.discord.intake import Admission, Order, granted, place_order
from bot.discord.keys import chat_key, user_key
from bot.discord.posting import NOBODY, Post, to_file
from bot.discord.posting import Picture as Attached
from bot.discord.privacy import ask_to_forget, forget_user, keep_user
from bot.discord.promises import acknowledge
from bot.discord.several import cancel_several
from bot.discord.views import HIDDEN, NOTED, SEVERAL, is_variation, meaning, original_view, style_view
from bot.texts import explain, say
from nst.errors import JobError, UserError
from nst.options import StyleOptions
from nst.pictures.clip_header import GIF
from workers.contract import Job

if TYPE_CHECKING:
    from bot.discord.address import Address
    from bot.discord.client import PasticheClient

Press = Callable[["PasticheClient", discord.Interaction, str], Awaitable[None]]


async def press(bot: PasticheClient, interaction: discord.Interaction) -> None:
    """Do what a button means.

    Raises:
        PasticheError: Anything that the user should be told.
    """
    data: Any = interaction.data or {}
    found = meaning(str(data.get("custom_id", "")))
    if found is None:
        return
    name, argument = found
    name = name.rstrip("0123456789")
    if is_variation(name):
        await _vary(bot, interaction, argument, Button(name))
    elif name in _PRESSES:
        await _PRESSES[name](bot, interaction, argument)


async def _vary(bot: PasticheClient, interaction: discord.Interaction, job_id: str, button: Button) -> None:
    async with Admission(bot, interaction) as admitted:
        grant = await admitted.grant(job_id)
        options = grant.vary(button)
        if button is Button.STRIP:
            await _strip(bot, interaction, grant, admitted)
            return
        await _again(bot, interaction, grant, options[0], admitted)


async def _again(
    bot: PasticheClient, interaction: discord.Interaction, grant: Grant, options: StyleOptions, admitted: Admission
) -> None:
    job, names = grant.job, grant.job.style_label.split()
    presets = names if len(names) == len(job.styles) else []

    async def submit(address: Address) -> Job:
        styles = [Style(preset=name) for name in presets] or [Style(picture=digest) for digest in job.styles]
        request = Request(
            content=job.content,
            styles=styles,
            options=options,
            user=user_key(interaction.user),
            reply_to=address.to_reply_to(),
            job_id=bot.job_id(interaction),
            mask=job.mask,
        )
        return await bot.service.submit(request)

    await admitted.queue(bot.job_id(interaction), submit, is_hidden(job), grant.photograph)


async def _strip(bot: PasticheClient, interaction: discord.Interaction, grant: Grant, admitted: Admission) -> None:
    address = admitted.address(is_hidden(grant.job), grant.photograph, bot.job_id(interaction))
    await bot.posting.edit(address, Post(say("discord.strip_begun", address.language)))
    await asyncio.to_thread(
        submit_strip, bot.queue, address.strip, grant.job, user_key(interaction.user), address.to_reply_to()
    )


async def _other_style(bot: PasticheClient, interaction: discord.Interaction, job_id: str) -> None:
    grant = await _granted(bot, interaction, job_id)
    grant.options(grant.job.options, restyled=True)  # refused now, not after the choice
    language = language_of(interaction, bot.language)
    view = style_view("restyle", job_id, bot.presets, language)
    text = say("discord.choose_style", language)
    await interaction.response.send_message(text, view=view, ephemeral=True, allowed_mentions=NOBODY)


async def _restyle(bot: PasticheClient, interaction: discord.Interaction, job_id: str) -> None:
    async with Admission(bot, interaction) as admitted:
        grant = await admitted.grant(job_id)
        job, options = grant.job, grant.options(grant.job.options.replace(style_weights=()), restyled=True)

        async def submit(address: Address) -> Job:
            request = Request(
                content=job.content,
                styles=[Style(preset=_chosen(interaction))],
                options=options,
                user=user_key(interaction.user),
                reply_to=address.to_reply_to(),
                job_id=bot.job_id(interaction),
                mask=job.mask,
            )
            return await bot.service.submit(request)

        await admitted.queue(bot.job_id(interaction), submit, is_hidden(job), grant.photograph)


async def _choose(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    """The style was picked for a picture that somebody right-clicked."""
    style, name = _chosen(interaction), argument.removesuffix(HIDDEN)
    presets, hidden = [] if style == NOTED else [style], name != argument
    if not name.startswith(SEVERAL):
        await place_order(bot, interaction, Order(content=name, presets=presets, spoiler=hidden))
        return
    where = chat_key(interaction), user_key(interaction.user)
    contents = await asyncio.to_thread(bot.sessions.noted_pictures, *where, name.removeprefix(SEVERAL))
    if not contents:
        raise JobError("job_expired", {"job_id": name[-8:]})
    content, *others = contents
    await place_order(bot, interaction, Order(content=content, others=others, presets=presets, spoiler=hidden))


async def _pick(bot: PasticheClient, interaction: discord.Interaction, job_id: str) -> None:
    """One strength of a strip, as a result of its own."""
    async with Admission(bot, interaction) as admitted:
        grant = await admitted.grant(job_id)
        result, address = grant.result, admitted.address(is_hidden(grant.job))
        data = await bot.service.picture(result.picture)
        enter = await may_enter(bot, address)
        await bot.posting.edit(address, result_post(bot, result, data, address.language, enter))


async def _original(bot: PasticheClient, interaction: discord.Interaction, job_id: str) -> None:
    """The file as the worker made it, to the one who asks."""
    await acknowledge(bot, interaction, ephemeral=True)
    result = (await _granted(bot, interaction, job_id)).result
    language = language_of(interaction, bot.language)
    data, limit_bytes = await bot.service.picture(result.picture), interaction.filesize_limit
    shown = result_post(bot, result, data, language).picture
    picture = Attached(data, result.media_type, shown.alt if shown else "", f"pastiche-{job_id[-8:]}")
    try:
        file = await to_file(picture, limit_bytes, is_hidden(Job.from_json(result.job)))
    except ValueError:  # a film
        detail = {"received_bytes": len(data), "allowed_bytes": limit_bytes}
        raise UserError("image_too_many_bytes", detail) from None
    text = say("discord.original", language, width_px=result.width_px, height_px=result.height_px)
    if len(data) > limit_bytes:
        sizes = {"received": f"{len(data) / 2**20:.1f}", "allowed": f"{limit_bytes / 2**20:.1f}"}
        text += "\n" + say("discord.original_refitted", language, **sizes)
    view = original_view(job_id, language) if result.media_type not in CLIPS else None
    await interaction.edit_original_response(content=text, attachments=[file], view=view, allowed_mentions=NOBODY)


async def _gif(bot: PasticheClient, interaction: discord.Interaction, job_id: str) -> None:
    """A result as a GIF for everybody: only those can be kept among one's favourites."""
    await acknowledge(bot, interaction)
    result, language = (await _granted(bot, interaction, job_id)).result, language_of(interaction, bot.language)
    data = await bot.service.picture(result.picture)
    shown = result_post(bot, result, data, language).picture
    gif = await asyncio.to_thread(as_gif, data, interaction.filesize_limit)
    picture = Attached(gif, GIF, shown.alt if shown else "", f"pastiche-{job_id[-8:]}")
    file = await to_file(picture, interaction.filesize_limit, is_hidden(Job.from_json(result.job)))
    text = say("discord.as_gif", language)
    await interaction.edit_original_response(content=text, attachments=[file], allowed_mentions=NOBODY)


async def _recipe(bot: PasticheClient, interaction: discord.Interaction, job_id: str) -> None:
    """The recipe as a code and in words."""
    await acknowledge(bot, interaction, ephemeral=True)
    grant = await _granted(bot, interaction, job_id)
    recipe = grant.recipe()
    code = await asyncio.to_thread(bot.recipes.keep, recipe, grant.result.user)
    language = language_of(interaction, bot.language)
    style = style_name(" ".join(recipe.presets), bot.presets, language)
    text = say("discord.recipe", language, code=code, words=recipe.words, style=style)
    text = with_quality(text, await bot.service.quality(job_id), language)
    await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)


async def _delete(bot: PasticheClient, interaction: discord.Interaction, job_id: str) -> None:
    """Only the requester or a moderator may, by a second press."""
    await interaction.response.defer()
    message = interaction.message
    asked = message.interaction_metadata.user.id if message and message.interaction_metadata else 0
    result = await bot.service.result(job_id)
    owner = result.user if result else f"discord:{asked}"
    if user_key(interaction.user) != owner and not interaction.permissions.manage_messages:
        language = language_of(interaction, bot.language)
        await interaction.followup.send(say("discord.only_owner", language), ephemeral=True, allowed_mentions=NOBODY)
        return
    try:
        what = f"delete:{job_id}:{message.id if message else 0}"
        await bot.twice.ask(user_key(interaction.user), what, str(interaction.id))
    except UserError as once:
        text = explain(once, language_of(interaction, bot.language))
        await interaction.followup.send(text, ephemeral=True, allowed_mentions=NOBODY)
        return
    await interaction.delete_original_response()


async def _cancel(bot: PasticheClient, interaction: discord.Interaction, job_id: str) -> None:
    """The message itself changes when the job's result says "cancelled"."""
    await acknowledge(bot, interaction, ephemeral=True)
    stopped = await cancel_several(bot, job_id, user_key(interaction.user))
    text = say("discord.cancelling" if stopped else "discord.too_late", language_of(interaction, bot.language))
    await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)


async def _page(bot: PasticheClient, interaction: discord.Interaction, page: str) -> None:
    await interaction.response.defer()
    await show_page(bot, interaction, int(page))


def _own(act: Callable[[PasticheClient, discord.Interaction], Awaitable[None]]) -> Press:
    """A button about a person's data: nobody else's."""

    async def press(bot: PasticheClient, interaction: discord.Interaction, user_id: str) -> None:
        if str(interaction.user.id) != user_id:
            raise UserError("not_your_job")
        await act(bot, interaction)

    return press


async def _granted(bot: PasticheClient, interaction: discord.Interaction, job_id: str) -> Grant:
    """A result, and what this user may do with it; raises what ``granted`` raises."""
    settings = await asyncio.to_thread(bot.chats.read, chat_key(interaction))
    return await granted(bot, interaction, settings, job_id)


def _chosen(interaction: discord.Interaction) -> str:
    data: Any = interaction.data or {}
    return str(next(iter(data.get("values", [])), ""))


_PRESSES: dict[str, Press] = {
    "other_style": _other_style,
    "restyle": _restyle,
    "choose": _choose,
    "pick": _pick,
    "original": _original,
    "gif": _gif,
    "recipe": _recipe,
    "delete": _delete,
    "cancel": _cancel,
    "page": _page,
    "forget": _own(ask_to_forget),
    "forget_sure": _own(forget_user),
    "forget_stay": _own(keep_user),
    **challenges.PRESSES,
}
