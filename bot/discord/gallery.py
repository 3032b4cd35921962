"""The preset gallery in pages, and the pictures of ``/help``."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

import discord

from bot.discord.boundary import language_of
from bot.discord.posting import NOBODY, Picture, to_file
from bot.discord.views import pages_view
from bot.presets.catalogue import Preset, contact_sheet
from bot.texts import say

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

PER_PAGE = 9
_COLUMNS = 3
_CELL_PX = 240


async def show_page(bot: PasticheClient, interaction: discord.Interaction, page: int) -> None:
    """Turn the interaction's message into a page of the gallery.

    Args:
        bot: For its presets.
        interaction: Acknowledged already.
        page: From 0; the nearest one is shown if there is no such page.
    """
    language = language_of(interaction, bot.language)
    pages = -(-len(bot.presets) // PER_PAGE)
    page = max(0, min(page, pages - 1))
    shown = dict(islice(bot.presets.items(), page * PER_PAGE, (page + 1) * PER_PAGE))
    names = ", ".join(f"`{name}`" for name in shown)
    text = say("discord.styles", language, page=page + 1, pages=pages, names=names)
    file = await to_file(await sheet(bot, shown, language), interaction.filesize_limit)
    await interaction.edit_original_response(
        content=text, attachments=[file], view=pages_view(page, pages, language), allowed_mentions=NOBODY
    )


async def show_help(bot: PasticheClient, interaction: discord.Interaction) -> None:
    """Turn the interaction's message into the help."""
    language = language_of(interaction, bot.language)
    shown = dict(islice(bot.presets.items(), 2 * _COLUMNS))
    file = await to_file(await sheet(bot, shown, language), interaction.filesize_limit)
    await interaction.edit_original_response(
        content=say("discord.help", language), attachments=[file], allowed_mentions=NOBODY
    )


async def sheet(bot: PasticheClient, shown: dict[str, Preset], language: str) -> Picture:
    """Some presets side by side, with their names as alt text; made once, then remembered by the bot."""
    key = (tuple(shown), language)
    if key not in bot.sheets:
        bot.sheets[key] = await asyncio.to_thread(
            contact_sheet, shown, columns=_COLUMNS, cell_px=_CELL_PX, language=language
        )
    data = bot.sheets[key]
    titles = ", ".join(preset.title(language) for preset in shown.values())
    return Picture(data, "image/jpeg", say("discord.styles_alt", language, titles=titles), name="styles")
