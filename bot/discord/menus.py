"""Apps in the context menus: a message's picture as content or style, a user's avatar as content."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.chat.memory import NotedStyle
from bot.discord.boundary import language_of, spoken
from bot.discord.intake import check_permissions
from bot.discord.keys import channel_key, chat_key, user_key
from bot.discord.pictures import Given, check_declared, pictures_of, read_picture, size_bytes
from bot.discord.posting import NOBODY
from bot.discord.promises import acknowledge
from bot.discord.several import keep_all, note_shown
from bot.discord.views import HIDDEN, SEVERAL, style_view
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
            await _stylize(bot, interaction, _pictures_of(message), where)

    @tree.context_menu(name=word("use_as_style_menu"))
    async def use_as_style(interaction: discord.Interaction[PasticheClient], message: discord.Message) -> None:
        async with spoken(interaction, bot.language):
            await _use_as_style(bot, interaction, _pictures_of(message)[0])

    @tree.context_menu(name=word("avatar_menu"))
    async def stylize_avatar(interaction: discord.Interaction[PasticheClient], user: discord.User) -> None:
        async with spoken(interaction, bot.language):
            await _stylize(bot, interaction, [Given.avatar(user)])


async def _stylize(
    bot: PasticheClient, interaction: discord.Interaction, pictures: Sequence[Given], where: str = ""
) -> None:
    """Keep the pictures at once (their links expire), then let the user pick a style for them.

    Args:
        bot: The client.
        interaction: What is being answered.
        pictures: The pictures, at least one.
        where: Key of the channel in which everybody sees them, or "".
    """
    check_permissions(interaction)
    await acknowledge(bot, interaction, ephemeral=True)
    language = language_of(interaction, bot.language)
    chat, user = chat_key(interaction), user_key(interaction.user)
    digests, failures = await keep_all(bot, pictures, user, language)
    kept = list(filter(None, digests))
    await note_shown(bot, (user, where), kept)
    noted = await asyncio.to_thread(bot.sessions.noted_style, chat, user)
    argument, text = kept[0], say("discord.choose_style", language)
    if len(kept) > 1:
        argument = f"{SEVERAL}{interaction.id}"
        await asyncio.to_thread(bot.sessions.note_pictures, chat, user, str(interaction.id), digests)
        text = say("discord.choose_style_for", language, count=len(kept))
    if any(picture.spoiler for picture in pictures):
        argument += HIDDEN
    view = style_view("choose", argument, bot.presets, language, noted=bool(noted))
    text = f"{text}\n{failures}".strip()
    await interaction.edit_original_response(content=text, view=view, allowed_mentions=NOBODY)


async def _use_as_style(bot: PasticheClient, interaction: discord.Interaction, picture: Given) -> None:
    await acknowledge(bot, interaction, ephemeral=True)
    style = NotedStyle(await _keep(bot, interaction, picture.as_style), picture.spoiler)
    await asyncio.to_thread(bot.sessions.note_style, chat_key(interaction), user_key(interaction.user), style)
    text = say("discord.style_noted", language_of(interaction, bot.language))
    await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)


async def _keep(bot: PasticheClient, interaction: discord.Interaction, picture: Given) -> str:
    async with bot.picture_room.take(size_bytes(picture)):
        return await bot.service.keep(await read_picture(bot.fetcher, picture), user_key(interaction.user))


def _pictures_of(message: discord.Message) -> list[Given]:
    pictures = pictures_of(message)
    if not pictures:
        raise UserError("image_missing")
    if len(pictures) == 1:
        check_declared(pictures[0])  # refused before anything is acknowledged
    return pictures
