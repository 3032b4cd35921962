"""The slash commands that make pictures: ``/style``, ``/mix`` and ``/recipe``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.chat.recipe_words import find_preset, parse_style_command
from bot.discord.boundary import language_of, spoken
from bot.discord.intake import LateOrder, Order, place_order
from bot.discord.keys import chat_key, user_key
from bot.discord.pictures import Given, last_pictures, pictures_in
from bot.discord.several import MOST
from bot.discord.words import word
from nst.errors import UserError
from nst.options import COLOURS, METHODS, REGIONS, strength_from_percent

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

MAX_CHOICES = 25
Percent = Range[int, 0, 100]
Size = Range[int, 64, 8192]
Steps = Range[int, 1, 10_000]
Seed = Range[int, 0, 2**31 - 1]
Weight = Range[float, 0.0, 100.0]

_METHODS = [Choice(name=word(f"method_{name}"), value=name) for name in METHODS]
_COLOURS = [Choice(name=word(f"colours_{name}"), value=name) for name in COLOURS]
_REGIONS = [Choice(name=word(f"region_{name}"), value=name) for name in REGIONS]
_WORDS = {
    name: word(name)
    for name in (
        "content",
        "style",
        "style_image",
        "strength",
        "method",
        "colours",
        "size",
        "steps",
        "seed",
        "still",
        "mask",
        "region",
        "time_lapse",
        "spoiler",
        "link",
        "avatar",
    )
}
_MORE = {f"content{number}": word("more_content") for number in (2, 3, 4, 5)}


def add_picture_commands(bot: PasticheClient, tree: app_commands.CommandTree[PasticheClient]) -> None:
    """Register the commands."""
    _add_style(bot, tree)
    _add_mix(bot, tree)
    _add_recipe(bot, tree)


def _add_style(bot: PasticheClient, tree: app_commands.CommandTree[PasticheClient]) -> None:
    @tree.command(name="style", description=word("style_command"))
    @app_commands.describe(**_WORDS, **_MORE)
    @app_commands.choices(method=_METHODS, colours=_COLOURS, region=_REGIONS)
    @app_commands.autocomplete(style=presets_starting_with)
    async def style(
        interaction: discord.Interaction[PasticheClient],
        content: discord.Attachment | None = None,
        style: str | None = None,
        style_image: discord.Attachment | None = None,
        strength: Percent | None = None,
        method: str | None = None,
        colours: str | None = None,
        size: Size | None = None,
        steps: Steps | None = None,
        seed: Seed | None = None,
        still: bool = False,
        mask: discord.Attachment | None = None,
        region: str | None = None,
        time_lapse: bool = False,
        spoiler: bool = False,
        link: str | None = None,
        avatar: discord.User | None = None,
        content2: discord.Attachment | None = None,
        content3: discord.Attachment | None = None,
        content4: discord.Attachment | None = None,
        content5: discord.Attachment | None = None,
    ) -> None:
        method = method or ("gatys" if time_lapse else None)
        chosen = _chosen(strength=strength, method=method, colours=colours, size=size, steps=steps, seed=seed)
        chosen |= {"animate": False if still else None, "region": region, "time_lapse": time_lapse or None}
        where = None if region == "everything" or not mask else Given.attached(mask)
        attached = (content, content2, content3, content4, content5)
        async with spoken(interaction, bot.language):
            presets = [find_preset(style, bot.presets)] if style else []
            pictures = [Given.attached(style_image)] if style_image else []
            order = Order(content="", presets=presets, pictures=pictures, chosen=chosen, mask=where, spoiler=spoiler)
            await place_order(bot, interaction, _meant(bot, interaction, order, given(attached, link, avatar)))


def _add_mix(bot: PasticheClient, tree: app_commands.CommandTree[PasticheClient]) -> None:
    weights = {f"weight{number}": word("weight") for number in (1, 2, 3)}
    styles = {f"style{number}": word("mixed_style") for number in (1, 2, 3)}

    @tree.command(name="mix", description=word("mix_command"))
    @app_commands.describe(
        **{name: _WORDS[name] for name in ("content", "strength", "method", "spoiler")}, **weights, **styles
    )
    @app_commands.choices(method=_METHODS)
    @app_commands.autocomplete(style1=presets_starting_with, style2=presets_starting_with, style3=presets_starting_with)
    async def mix(
        interaction: discord.Interaction[PasticheClient],
        content: discord.Attachment,
        style1: str,
        style2: str,
        style3: str | None = None,
        weight1: Weight = 1.0,
        weight2: Weight = 1.0,
        weight3: Weight = 1.0,
        strength: Percent | None = None,
        method: str | None = None,
        spoiler: bool = False,
    ) -> None:
        async with spoken(interaction, bot.language):
            given = [(style1, weight1), (style2, weight2), (style3, weight3)]
            mixed = [(find_preset(name, bot.presets), float(weight)) for name, weight in given if name]
            chosen = _chosen(strength=strength, method=method)
            chosen["style_weights"] = tuple(weight for _, weight in mixed)
            names, picture = [name for name, _ in mixed], Given.attached(content)
            order = Order(content=picture, presets=names, chosen=chosen, spoiler=spoiler)
            await place_order(bot, interaction, order)


def _add_recipe(bot: PasticheClient, tree: app_commands.CommandTree[PasticheClient]) -> None:
    @tree.command(name="recipe", description=word("recipe_command"))
    @app_commands.describe(code=word("code"), content=word("recipe_content"), mask=word("recipe_mask"))
    async def recipe(
        interaction: discord.Interaction[PasticheClient],
        code: str,
        content: discord.Attachment | None = None,
        mask: discord.Attachment | None = None,
    ) -> None:
        where = Given.attached(mask) if mask else None
        async with spoken(interaction, bot.language):
            if " " in code.strip():
                order = _order_in_words(bot, code, where)
                await place_order(bot, interaction, _meant(bot, interaction, order, given([content])))
            else:
                found = Given.attached(content) if content else None
                await place_order(bot, interaction, lambda: _order_by_code(bot, interaction, code, found, where))


def given(
    attachments: Iterable[discord.Attachment | None], link: str | None = None, avatar: discord.User | None = None
) -> list[Given]:
    """Find the pictures that options give: attachments, else links and emoji, else an avatar.

    Raises:
        UserError: ``address_refused``: the link is none.
    """
    if attached := [Given.attached(attachment) for attachment in attachments if attachment]:
        return attached
    if link:
        found = pictures_in(link)
        if not found:
            raise UserError("address_refused")
        return found
    return [Given.avatar(avatar)] if avatar else []


def _meant(
    bot: PasticheClient, interaction: discord.Interaction, order: Order, contents: Sequence[Given]
) -> Order | LateOrder:
    """The order for what was given, or for the last pictures of the channel."""
    if contents:
        return replace(order, content=contents[0], others=contents[1:])

    async def look_around() -> Order:
        reads = interaction.guild_id is None or interaction.permissions.read_message_history
        found = await last_pictures(bot.user, interaction.channel) if reads else []
        if not found:
            raise UserError("image_missing")
        return replace(order, content=found[0], others=found[1:MOST])

    return look_around


def _order_in_words(bot: PasticheClient, words: str, mask: Given | None) -> Order:
    command = parse_style_command(words, bot.presets)
    chosen = command.options.as_dict()
    return Order(content="", presets=command.presets, chosen=chosen, mask=mask, spoiler=command.spoiler)


async def _order_by_code(
    bot: PasticheClient, interaction: discord.Interaction, code: str, content: Given | None, mask: Given | None
) -> Order:
    kept = await asyncio.to_thread(bot.recipes.read, code, user_key(interaction.user))
    found, photograph = kept.recipe, None
    if content is None:
        settings = await asyncio.to_thread(bot.chats.read, chat_key(interaction))
        photograph = await asyncio.to_thread(bot.access.opened, bot.viewer(interaction, settings), kept)
        if photograph is None:
            raise UserError("recipe_without_picture")
    elif not mask:
        found = found.elsewhere()
    return Order(
        content=content or found.content,
        presets=found.presets,
        pictures=() if found.presets else found.styles,
        chosen=found.options.as_dict(),
        mask=mask or found.mask or None,
        spoiler=found.spoiler,
        photograph=photograph,
    )


async def presets_starting_with(interaction: discord.Interaction[PasticheClient], current: str) -> list[Choice[str]]:
    """Up to 25 presets whose name or title contains what was typed."""
    bot = interaction.client
    language = language_of(interaction, bot.language)
    typed = current.strip().casefold()
    found = [
        Choice(name=preset.title(language)[:100], value=name)
        for name, preset in bot.presets.items()
        if typed in name or typed in preset.title(language).casefold()
    ]
    return found[:MAX_CHOICES]


def _chosen(strength: int | None = None, size: int | None = None, **others: Any) -> dict[str, Any]:
    """Options in chat's words to options in code's."""
    share = None if strength is None else strength_from_percent(strength)
    return {"strength": share, "max_side_px": size, **others}
