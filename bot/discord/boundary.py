"""The boundary of this frontend: whatever goes wrong becomes a sentence in the user's language."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import aiohttp
import discord

from bot.discord.posting import NOBODY, UNKNOWN_INTERACTION
from bot.texts import as_told, explain, nearest_language, say
from nst.errors import OperatorError, PasticheError

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

log = logging.getLogger(__name__)

_ACKNOWLEDGED = 40060
_PERSONAL = frozenset({"not_your_job", "photograph_hidden", "recipe_without_picture"})  # nobody else's business
_LOST = frozenset({_ACKNOWLEDGED, UNKNOWN_INTERACTION})


def language_of(interaction: discord.Interaction, default: str) -> str:
    """The language of the one who asked."""
    return nearest_language(str(interaction.locale), default)


@asynccontextmanager
async def spoken(interaction: discord.Interaction, default_language: str) -> AsyncIterator[None]:
    """Everything raised inside is told to the user, and logged where it is not theirs to mend.

    Whatever was promised to them is answered then; if the process is told to end meanwhile, the next one will.

    Args:
        interaction: What is being answered.
        default_language: For users whose language has no catalogue.
    """
    try:
        yield
    except PasticheError as error:
        if isinstance(error, OperatorError):
            log.error("%s", error)
        text = sentence(error, language_of(interaction, default_language))
        await _tell(interaction, text, in_private=error.code in _PERSONAL)
    except discord.HTTPException as error:
        if error.code in _LOST:
            log.warning("An interaction was lost: %s", error.code)  # too late, or answered by another process
        else:
            log.error("Discord refused: %s %s", error.status, error.code)
            await _tell(interaction, say("discord.refused", language_of(interaction, default_language)))
    except (aiohttp.ClientError, TimeoutError) as error:
        log.error("Discord cannot be reached: %s", type(error).__name__)
    except Exception:  # the frontend's boundary: a sentence, not silence
        log.exception("An interaction failed")
        await _tell(interaction, say("discord.unforeseen", language_of(interaction, default_language)))
    bot = cast("PasticheClient", interaction.client)
    await bot.promises.end(bot.job_id(interaction))


def sentence(error: PasticheError, language: str) -> str:
    """What a user is told; what only the operator can mend is said without the operator's details."""
    told = as_told(error)
    if isinstance(told, OperatorError):
        return say("discord.not_now", language)
    return explain(told, language)[:2000]


async def _tell(interaction: discord.Interaction, text: str, in_private: bool = False) -> None:
    with contextlib.suppress(discord.HTTPException, aiohttp.ClientError, OSError):
        if in_private and interaction.extras.get("ephemeral") is False:
            # "Thinking …" is for all to see: it goes, and what follows is for the one who asked.
            await interaction.delete_original_response()
            await interaction.followup.send(text, ephemeral=True, allowed_mentions=NOBODY)
            return
        if interaction.response.type is discord.InteractionResponseType.deferred_message_update:
            # The "original response" is the message with the button: it must stay as it is.
            await interaction.followup.send(text, ephemeral=True, allowed_mentions=NOBODY)
        elif interaction.response.is_done():
            await interaction.edit_original_response(content=text, attachments=[], view=None, allowed_mentions=NOBODY)
        else:
            await interaction.response.send_message(text, ephemeral=True, allowed_mentions=NOBODY)
