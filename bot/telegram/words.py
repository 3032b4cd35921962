"""Commands as people write them: in texts and in captions, with or without the bot's name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from telegram import Message

_COMMAND = re.compile(r"^/(\w{1,32})(?:@(\w+))?(?:\s+|$)")


@dataclass(frozen=True)
class Command:
    """A command at the beginning of a text or caption.

    Attributes:
        name: Without the slash, in lower case.
        rest: The words after it.
    """

    name: str
    rest: str


def command_in(message: Message, bot_name: str) -> Command | None:
    """The command that a message is for this bot, if it is one.

    ``CommandHandler`` does not look at captions, so this does.

    Args:
        message: With a text or a caption.
        bot_name: Our own user name: ``/style@another_bot`` is not for us.
    """
    text = message.text or message.caption or ""
    found = _COMMAND.match(text)
    if found is None or (found[2] and found[2].lower() != bot_name.lower()):
        return None
    return Command(found[1].lower(), text[found.end() :].strip())
