"""``/settings``: what those who manage a chat decide about it, in words.

/settings                          shows them
/settings strength 70 method gatys changes some
/settings reset                    puts everything back
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.chat.chat_settings import ChatSettings
from bot.telegram.asker import Asker
from bot.telegram.posting import Post
from bot.texts import languages, say
from nst.errors import UserError
from nst.options import StyleOptions, strength_from_percent

if TYPE_CHECKING:
    from bot.telegram.frontend import Frontend

_OWN = "own"
_MOST_COOLDOWN_S, _MOST_PER_DAY = 86_400, 10_000
_YES, _NO = ("on", "yes", "oui"), ("off", "no", "non")


async def settings_command(front: Frontend, asker: Asker, words: str) -> None:
    """Show or change a chat's settings.

    Raises:
        UserError: ``not_a_manager``, ``option_unknown`` or ``option_out_of_range``.
    """
    if words:
        if not asker.private and not await front.rights.manages(asker.chat_id, asker.user_id):
            raise UserError("not_a_manager")
        now = await asyncio.to_thread(front.chats.read, asker.chat)
        changes = read_changes(words, now)
        settings = await asyncio.to_thread(lambda: front.chats.change(asker.chat, **changes))
        asker = asker.speaking(settings.language)
    else:
        settings = await asyncio.to_thread(front.chats.read, asker.chat)
    post = Post(describe(settings, asker.language))
    await front.posting.send(asker.chat_id, post, asker.message_id, asker.thread_id)


def read_changes(words: str, now: ChatSettings) -> dict[str, Any]:
    """What ``ChatSettingsStore.change`` is to change.

    Args:
        words: Names and values in turn, or ``reset``.
        now: The settings as they are.

    Raises:
        UserError: ``option_unknown`` or ``option_out_of_range``.
    """
    parts = words.lower().split()
    if parts == ["reset"]:
        plain = ChatSettings()
        return {
            name: getattr(plain, name)
            for name in ("defaults", "cooldown_s", "per_user_per_day", "spoiler", "language", "others_may_vary")
        }
    changes: dict[str, Any] = {}
    defaults = dict(now.defaults)
    for name, value in zip(parts[::2], [*parts[1::2], ""], strict=False):
        if name in _DEFAULTS:
            defaults[_DEFAULTS[name]] = _default(name, value)
        elif name in _READERS:
            key, read = _READERS[name]
            changes[key] = read(name, value)
        else:
            raise UserError("option_unknown", {"option": name[:40], "allowed": ", ".join([*_DEFAULTS, *_READERS])})
    return {**changes, "defaults": StyleOptions.from_dict(defaults).as_dict()}


def describe(settings: ChatSettings, language: str) -> str:
    """All settings of a chat, a line each, and how to change them."""
    yes, no, none = say("telegram.yes", language), say("telegram.no", language), say("telegram.no_limit", language)
    shown = dict(settings.defaults)
    if "strength" in shown:
        shown["strength"] = f"{shown['strength'] * 100:g}"
    return say(
        "telegram.settings",
        language,
        defaults=", ".join(f"{name} {value}" for name, value in sorted(shown.items())) or "–",
        cooldown=f"{settings.cooldown_s} s" if settings.cooldown_s else none,
        per_day=settings.per_user_per_day or none,
        spoiler=yes if settings.spoiler else no,
        speech=settings.language or say("telegram.own_language", language),
        others=yes if settings.others_may_vary else no,
    )


def _default(name: str, value: str) -> Any:
    if name == "strength":
        return strength_from_percent(_whole(name, value, 100))
    return _whole(name, value, 8192) if name == "size" else value


def _whole(name: str, value: str, most: int) -> int:
    if not value.isdecimal() or len(value) > len(str(most)) or int(value) > most:
        raise _wrong(name, value, f"0 to {most}")
    return int(value)


def _switch(name: str, value: str) -> bool:
    if value not in (*_YES, *_NO):
        raise _wrong(name, value, "on, off")
    return value in _YES


def _language(name: str, value: str) -> str:
    if value not in (*languages(), _OWN):
        raise _wrong(name, value, ", ".join((*languages(), _OWN)))
    return "" if value == _OWN else value


def _wrong(name: str, value: str, allowed: str) -> UserError:
    return UserError("option_out_of_range", {"option": name, "received": value[:40] or "–", "allowed": allowed})


_DEFAULTS = {"strength": "strength", "method": "method", "colours": "colours", "size": "max_side_px"}
_READERS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "cooldown": ("cooldown_s", lambda name, value: _whole(name, value, _MOST_COOLDOWN_S)),
    "per-day": ("per_user_per_day", lambda name, value: _whole(name, value, _MOST_PER_DAY)),
    "spoiler": ("spoiler", _switch),
    "language": ("language", _language),
    "others": ("others_may_vary", _switch),
}
