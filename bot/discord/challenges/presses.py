"""What the buttons of challenges do, in this process or after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import discord

from bot.challenges.model import State
from bot.discord.challenges.entering import enter, enter_instead, enter_picked
from bot.discord.challenges.managing import ask_once_more, show_invitation
from bot.discord.challenges.pages import show_ballot, show_gallery, show_review, vote
from bot.discord.challenges.people import acting
from bot.discord.challenges.status import show_status
from bot.discord.promises import acknowledge

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

Show = Callable[["PasticheClient", discord.Interaction, str, int], Awaitable[None]]
Press = Callable[["PasticheClient", discord.Interaction, str], Awaitable[None]]


async def _enter(bot: PasticheClient, interaction: discord.Interaction, job_id: str) -> None:
    await acknowledge(bot, interaction, ephemeral=True)
    await enter(bot, interaction, job_id)


async def _status(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    await acknowledge(bot, interaction, ephemeral=True)
    await show_status(bot, interaction, _challenge(argument))


async def _open(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    await _manage(bot, interaction, argument, bot.challenges.life.open)


async def _end(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    await interaction.response.defer()
    await ask_once_more(bot, interaction, argument, "challenge_end")


async def _cancel(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    await interaction.response.defer()
    await ask_once_more(bot, interaction, argument, "challenge_cancel")


async def _end_surely(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    await _manage(bot, interaction, argument, bot.challenges.life.end_phase)


async def _cancel_surely(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    await _manage(bot, interaction, argument, bot.challenges.life.cancel)


async def _stay(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    await interaction.response.defer()
    await show_status(bot, interaction, argument)


async def _manage(
    bot: PasticheClient, interaction: discord.Interaction, argument: str, act: Callable[..., object]
) -> None:
    """Do it, in the state that ``argument`` names if it does, and show in the same message how the challenge stands."""
    await interaction.response.defer()
    challenge_id, _, state = argument.partition(":")
    meant = [State(state)] if state in set(State) else []
    await asyncio.to_thread(act, challenge_id, await acting(bot, interaction), *meant)
    await show_status(bot, interaction, challenge_id)


async def _invite(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    await acknowledge(bot, interaction, ephemeral=True)
    await show_invitation(bot, interaction, argument)


async def _vote(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    await vote(bot, interaction, argument, "vote")


async def _revoke(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
    await vote(bot, interaction, argument, "unvote")


def _opens(show: Show) -> Press:
    """A private message with the first page."""

    async def press(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
        await acknowledge(bot, interaction, ephemeral=True)
        await show(bot, interaction, _challenge(argument), 1)

    return press


def _turns(show: Show) -> Press:
    """Another page in the same message."""

    async def press(bot: PasticheClient, interaction: discord.Interaction, argument: str) -> None:
        await interaction.response.defer()
        challenge_id, _, page = argument.partition(":")
        await show(bot, interaction, challenge_id, int(page))

    return press


def _challenge(argument: str) -> str:
    return argument.partition(":")[0]


PRESSES: dict[str, Press] = {
    "enter": _enter,
    "enter_in": enter_picked,
    "enter_for": enter_instead,
    "challenge": _status,
    "challenge_open": _open,
    "challenge_end": _end,
    "challenge_cancel": _cancel,
    "challenge_end_sure": _end_surely,
    "challenge_cancel_sure": _cancel_surely,
    "challenge_stay": _stay,
    "challenge_invite": _invite,
    "ballot": _opens(show_ballot),
    "leaf": _turns(show_ballot),
    "vote": _vote,
    "unvote": _revoke,
    "winners": _opens(show_gallery),
    "plate": _turns(show_gallery),
    "sift": _turns(show_review),
}
