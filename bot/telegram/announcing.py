"""The commands as Telegram's menus show them: per scope and language."""

from __future__ import annotations

import logging

from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)
from telegram.error import TelegramError

from bot.texts import FALLBACK_LANGUAGE, languages, say

log = logging.getLogger(__name__)

_IN_GROUPS = ("style", "mix", "styles", "queue", "cancel", "recipe", "enter", "privacy", "help")
_FOR_ADMINISTRATORS = (*_IN_GROUPS, "settings", "challenge")
_IN_PRIVATE = ("style", "mix", "styles", "queue", "cancel", "recipe", "settings", "privacy", "help", "start", "enter")
_OWN = frozenset({"start", "settings", "challenge", "enter"})  # described in words of Telegram's own


async def announce_commands(bot: Bot) -> None:
    """Tell Telegram what there is; failing costs the menus only."""
    scopes = (
        (BotCommandScopeAllPrivateChats(), _IN_PRIVATE),
        (BotCommandScopeAllGroupChats(), _IN_GROUPS),
        (BotCommandScopeAllChatAdministrators(), _FOR_ADMINISTRATORS),
    )
    try:
        for language in languages():
            code = None if language == FALLBACK_LANGUAGE else language
            for scope, names in scopes:
                commands = [BotCommand(name, _describe(name, language)) for name in names]
                await bot.set_my_commands(commands, scope, language_code=code)
    except TelegramError as error:
        log.warning("The commands could not be announced: %s", type(error).__name__)


def _describe(name: str, language: str) -> str:
    table = "telegram" if name in _OWN else "command"
    return say(f"{table}.{name}_command", language)
