"""``/settings``: what those who manage a server decide about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.chat.chat_settings import ChatSettings, place_key
from bot.discord.boundary import language_of, spoken
from bot.discord.keys import channel_keys, chat_key
from bot.discord.posting import NOBODY
from bot.discord.promises import acknowledge
from bot.discord.words import word
from bot.texts import languages, say
from nst.errors import UserError
from nst.options import COLOURS, METHODS, strength_from_percent

if TYPE_CHECKING:
    from bot.discord.client import PasticheClient

Percent = Range[int, 0, 100]
Size = Range[int, 64, 8192]
Seconds = Range[int, 0, 86_400]
Count = Range[int, 0, 10_000]


class _ByName(app_commands.Transformer):
    """A channel as Discord names it: it need not be one that we may see."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """The kind of option."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """Where people can write."""
        kinds = discord.ChannelType
        return [kinds.text, kinds.news, kinds.voice, kinds.stage_voice, kinds.forum]

    async def transform(self, interaction: discord.Interaction, value: Any) -> discord.abc.Snowflake:
        """What was picked."""
        channel: discord.abc.Snowflake = value
        return channel


AnyChannel = app_commands.Transform[discord.abc.Snowflake, _ByName]

_OWN = "own"  # everybody's own language
_NAMES = (
    "toggle_channel",
    "toggle_role",
    "cooldown",
    "per_day",
    "spoiler",
    "language",
    "others_may_vary",
    "challenge_role",
)
_DESCRIPTIONS = {
    name: word(f"set_{name}") for name in (*_NAMES, "strength", "method", "colours", "size", "only_here", "reset")
}
_LANGUAGES = [Choice(name=word("language_own"), value=_OWN), *(Choice(name=code, value=code) for code in languages())]
_METHODS = [Choice(name=word(f"method_{name}"), value=name) for name in METHODS]
_COLOURS = [Choice(name=word(f"colours_{name}"), value=name) for name in COLOURS]


def add_settings_command(bot: PasticheClient, tree: app_commands.CommandTree[PasticheClient]) -> None:
    """Register the command."""

    @tree.command(name="settings", description=word("settings_command"))
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.describe(**_DESCRIPTIONS)
    @app_commands.choices(method=_METHODS, colours=_COLOURS, language=_LANGUAGES)
    async def settings(
        interaction: discord.Interaction[PasticheClient],
        toggle_channel: AnyChannel | None = None,
        toggle_role: discord.Role | None = None,
        strength: Percent | None = None,
        method: str | None = None,
        colours: str | None = None,
        size: Size | None = None,
        cooldown: Seconds | None = None,
        per_day: Count | None = None,
        spoiler: bool | None = None,
        language: str | None = None,
        others_may_vary: bool | None = None,
        challenge_role: discord.Role | None = None,
        only_here: bool = False,
        reset: bool = False,
    ) -> None:
        async with spoken(interaction, bot.language):
            if not interaction.permissions.manage_guild:
                raise UserError("not_a_manager")
            await acknowledge(bot, interaction, ephemeral=True)
            options = {"strength": strength, "method": method, "colours": colours, "size": size}
            if only_here:
                await _change_here(bot, interaction, reset, **options)
                return
            now = ChatSettings() if reset else await asyncio.to_thread(bot.chats.read, chat_key(interaction))
            changes = {
                "channels": _toggled(now.channels, toggle_channel),
                "roles": _toggled(now.roles, toggle_role),
                "defaults": _defaults(now, **options),
                "cooldown_s": now.cooldown_s if cooldown is None else cooldown,
                "per_user_per_day": now.per_user_per_day if per_day is None else per_day,
                "spoiler": now.spoiler if spoiler is None else spoiler,
                "language": now.language if language is None else language.replace(_OWN, ""),
                "others_may_vary": now.others_may_vary if others_may_vary is None else others_may_vary,
                "challenge_roles": _toggled(now.challenge_roles, challenge_role),
            }
            await asyncio.to_thread(bot.chats.change, chat_key(interaction), **changes)
            await _show(bot, interaction)


async def _change_here(bot: PasticheClient, interaction: discord.Interaction, reset: bool, **options: Any) -> None:
    """The defaults of this one channel; what it does not say is the server's."""
    place = place_key(chat_key(interaction), channel_keys(interaction.channel)[-1])
    now = ChatSettings() if reset else await asyncio.to_thread(bot.chats.read, place)
    given = {name: value for name, value in _chosen(**options).items() if value is not None}
    now.options(**given)  # what cannot be is refused here
    await asyncio.to_thread(bot.chats.change, place, defaults={**now.defaults, **given})
    await _show(bot, interaction)


async def _show(bot: PasticheClient, interaction: discord.Interaction) -> None:
    settings = await asyncio.to_thread(bot.chats.read_at, chat_key(interaction), channel_keys(interaction.channel))
    text = describe(settings, language_of(interaction, bot.language))
    await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)


def describe(settings: ChatSettings, language: str) -> str:
    """All settings of a server, a line each."""
    everywhere, nobody = say("discord.everywhere", language), say("discord.no_limit", language)
    yes, no = say("discord.yes", language), say("discord.no", language)
    return say(
        "discord.settings",
        language,
        channels=", ".join(f"<#{name}>" for name in settings.channels) or everywhere,
        roles=", ".join(f"<@&{name}>" for name in settings.roles) or say("discord.everybody", language),
        defaults=", ".join(f"{name} {value}" for name, value in _readable(settings.defaults)) or "–",
        cooldown=f"{settings.cooldown_s} s" if settings.cooldown_s else nobody,
        per_day=settings.per_user_per_day or nobody,
        spoiler=yes if settings.spoiler else no,
        speech=settings.language or say("discord.own_language", language),
        others=yes if settings.others_may_vary else no,
        challenge_roles=", ".join(f"<@&{name}>" for name in settings.challenge_roles) or "–",
    )


def _toggled(now: tuple[str, ...], thing: discord.abc.Snowflake | None) -> tuple[str, ...]:
    if thing is None:
        return now
    name = str(thing.id)
    return tuple(other for other in now if other != name) if name in now else (*now, name)


def _defaults(now: ChatSettings, **options: Any) -> dict[str, Any]:
    return now.options(**_chosen(**options)).as_dict()


def _chosen(strength: int | None, size: int | None, **others: Any) -> dict[str, Any]:
    """Options in chat's words to options in code's; None where nothing was said."""
    return {"strength": None if strength is None else strength_from_percent(strength), "max_side_px": size, **others}


def _readable(defaults: Any) -> list[tuple[str, Any]]:
    shown = dict(defaults)
    if "strength" in shown:
        shown["strength"] = f"{shown['strength'] * 100:g}"
    return sorted(shown.items())
