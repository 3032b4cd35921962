"""Names and descriptions of commands in every language of the catalogue."""

from __future__ import annotations

from discord import Locale, app_commands
from discord.app_commands import TranslationContextTypes, locale_str

from bot.texts import FALLBACK_LANGUAGE, catalogue, languages


def word(key: str) -> locale_str:
    """A text of the catalogue's ``[command]`` table, to be translated when the commands are announced."""
    return locale_str(catalogue(FALLBACK_LANGUAGE)[f"command.{key}"], key=f"command.{key}")


class Words(app_commands.Translator):
    """Translates what ``word`` made."""

    async def translate(self, string: locale_str, locale: Locale, context: TranslationContextTypes) -> str | None:
        """The text in a language, or None where the catalogue has none."""
        language = locale.value.split("-")[0]
        key = string.extras.get("key")
        if key is None or language == FALLBACK_LANGUAGE or language not in languages():
            return None
        return catalogue(language).get(key)
