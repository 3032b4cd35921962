"""Buttons and links of challenges; each carries all that it needs, so any of them outlives a restart.

c.<verb>.<challenge>.<chat in base 36>.<more> …          a button, at most 64 bytes
t.me/<bot>?start=challenge_<challenge>_<door>_<chat>     a link into the private chat, for somebody of a group
t.me/<bot>?start=challenge_new_<chat>                    the wizard, for that group's administrators
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from telegram import InlineKeyboardButton

from bot.telegram.keyboards import owner_code
from bot.texts import say

_START = re.compile(r"^(?:([a-z2-7]{8})_([a-z]+)|new)_(-?\d{1,20})$")
NEW = "new"


@dataclass(frozen=True)
class Pressed:
    """What a challenge's button or link says.

    Attributes:
        verb: What to do; of a link: which door.
        challenge_id: To which challenge; "" for a new one.
        chat_id: For whose chat: the group that the one who presses belongs to.
        more: What else the verb needs.
    """

    verb: str
    challenge_id: str
    chat_id: int
    more: tuple[str, ...] = ()

    @property
    def page(self) -> int:
        """The first of ``more`` as a page's number, from 1."""
        return max(1, int(self.more[0])) if self.more and self.more[0].isdecimal() else 1


def button(label: str, verb: str, challenge_id: str, chat_id: int, *more: object) -> InlineKeyboardButton:
    """A button; ``label`` is what it says."""
    data = ".".join(["c", verb, challenge_id, owner_code(chat_id), *map(str, more)])
    return InlineKeyboardButton(label, callback_data=data)


def spoken_button(verb: str, challenge_id: str, chat_id: int, language: str, *more: object) -> InlineKeyboardButton:
    """A button whose label is the catalogue's word for its verb."""
    return button(say(f"telegram_challenge.{verb}_button", language), verb, challenge_id, chat_id, *more)


def read_button(data: str) -> Pressed | None:
    """The inverse of ``button``; None for other data."""
    kind, _, rest = data.partition(".")
    parts = rest.split(".")
    if kind != "c" or len(parts) < 3:
        return None
    try:
        return Pressed(parts[0], parts[1], int(parts[2], 36), tuple(parts[3:]))
    except ValueError:
        return None


def link_button(label: str, bot_name: str, door: str, challenge_id: str, chat_id: int) -> InlineKeyboardButton:
    """A button that opens the private chat."""
    return InlineKeyboardButton(label, url=link(bot_name, door, challenge_id, chat_id))


def link(bot_name: str, door: str, challenge_id: str, chat_id: int) -> str:
    """A deep link: at most 64 of ``A-Za-z0-9_-`` after ``start=``."""
    place = NEW if door == NEW else f"{challenge_id}_{door}"
    return f"https://t.me/{bot_name}?start=challenge_{place}_{chat_id}"


def read_link(payload: str) -> Pressed | None:
    """What a link's payload says after ``challenge_``; None if it says nothing."""
    found = _START.match(payload)
    if found is None:
        return None
    return Pressed(found[2] or NEW, found[1] or "", int(found[3]))
