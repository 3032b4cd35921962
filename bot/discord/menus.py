"""Apps in the context menus: a message's picture as content or style, a user's avatar as content."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.discord.boundary import language_of, spoken
from bot.discord.intake import check_permissions
from bot.discord.keys import channel_key, chat_key, user_key
from bot.discord.pictures import Given, check_declared, pictures_of, read_picture, size_bytes
from bot.discord.posting import NOBODY
from bot.discord.promises import acknowledge
from bot.discord.views import HIDDEN, style_view
from bot.discord.words import word
from bot.texts import say
from nst.errors import UserError

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient


def add_menus(bot: PasticheClient, tree: app_commands.CommandTree[PasticheClient]) -> None:
    """Register the menus' entries."""

    @tree.context_menu(name=word("stylize_menu"))
    async def stylize(interaction: discord.Interaction[PasticheClient], message: discord.Message) -> None:
        async with spoken(interaction, bot.language):
            where = "" if message.flags.ephemeral else channel_key(message.channel.id)
            await _stylize(bot, interaction, _picture_of(message), where)

    @tree.context_menu(name=word("use_as_style_menu"))
    async def use_as_style(interaction: discord.Interaction[PasticheClient], message: discord.Message) -> None:
        async with spoken(interaction, bot.language):
            await _use_as_style(bot, interaction, _picture_of(message).as_style)

    @tree.context_menu(name=word("avatar_menu"))
    async def stylize_avatar(interaction: discord.Interaction[PasticheClient], user: discord.User) -> None:
        async with spoken(interaction, bot.language):
            await _stylize(bot, interaction, Given.avatar(user))


async def _stylize(bot: PasticheClient, interaction: discord.Interaction, picture: Given, where: str = "") -> None:
    """Keep the picture at once (its link expires), then let the user pick a style for it.

    Args:
        bot: The client.
        interaction: What is being answered.
        picture: The picture.
        where: Key of the channel in which everybody sees it, or "".
    """
    check_permissions(interaction)
    await acknowledge(bot, interaction, ephemeral=True)
    digest = await _keep(bot, interaction, picture)
    for place in filter(None, (user_key(interaction.user), where)):
        await asyncio.to_thread(bot.access.shown.note, place, digest)
    language = language_of(interaction, bot.language)
    chat, user = chat_key(interaction), user_key(interaction.user)
    noted = await asyncio.to_thread(bot.sessions.noted_style, chat, user)
    argument = digest + HIDDEN if picture.spoiler else digest
    view = style_view("choose", argument, bot.presets, language, noted=bool(noted))
    text = say("discord.choose_style", language)
    await interaction.edit_original_response(content=text, view=view, allowed_mentions=NOBODY)


async def _use_as_style(bot: PasticheClient, interaction: discord.Interaction, picture: Given) -> None:
    await acknowledge(bot, interaction, ephemeral=True)
    digest = await _keep(bot, interaction, picture)
    await asyncio.to_thread(bot.sessions.note_style, chat_key(interaction), user_key(interaction.user), digest)
    text = say("discord.style_noted", language_of(interaction, bot.language))
    await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)


async def _keep(bot: PasticheClient, interaction: discord.Interaction, picture: Given) -> str:
    async with bot.picture_room.take(size_bytes(picture)):
        return await bot.service.keep(await read_picture(bot.fetcher, picture), user_key(interaction.user))


def _picture_of(message: discord.Message) -> Given:
    pictures = pictures_of(message)
    if not pictures:
        raise UserError("image_missing")
    check_declared(pictures[0])
    return pictures[0]
