"""People in both chats, on the loopback peers: they order pictures and see what comes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bench.pictures import gradient
from tests.peers.discord.peer import DiscordPeer
from tests.peers.discord.world import Interaction
from tests.peers.telegram.peer import TOKEN, TelegramPeer

_PEOPLE = 5
# Each picture is another one, or it would be recalled and not painted.
_ANGLES = itertools.count(1)
_RESULT_BUTTON = "r.recipe"


class Order(Protocol):
    """A picture that somebody asked for."""

    def seen(self) -> int:
        """How many pictures their chat shows for it."""

    def accepted(self) -> bool:
        """Whether the bot has answered that it is in the queue, or done."""


@dataclass
class DiscordOrder:
    """``/style`` in a server."""

    peer: DiscordPeer
    interaction: Interaction

    def seen(self) -> int:
        """Attachments of the answer, and of messages that answer it."""
        message = self.interaction.message
        if message is None:
            return 0
        answers = [
            m for m in self.peer.messages(message.channel) if (m.reference or {}).get("message_id") == message.id
        ]
        return sum(len(m.attachments) for m in (message, *answers))

    def accepted(self) -> bool:
        """It says something, or shows the picture."""
        message = self.interaction.message
        return message is not None and bool(message.content or message.attachments)


@dataclass
class TelegramOrder:
    """A photo with a caption ``/style …``."""

    person: Any
    message_id: int

    def _answers(self) -> list[dict[str, Any]]:
        found = self.person.bot_messages()
        return [m for m in found if m.get("reply_to_message", {}).get("message_id") == self.message_id]

    def seen(self) -> int:
        """Photos that answer it and have a result's buttons."""
        rows = [m.get("reply_markup", {}).get("inline_keyboard", []) for m in self._answers()]
        return sum(any(b.get("callback_data", "").startswith(_RESULT_BUTTON) for r in row for b in r) for row in rows)

    def accepted(self) -> bool:
        """There is an answer."""
        return bool(self._answers())


@dataclass
class Chats:
    """Both platforms and those who write there.

    Attributes:
        discord: The Discord peer.
        telegram: The Telegram peer.
        orders: All that was asked for, oldest first.
    """

    discord: DiscordPeer
    telegram: TelegramPeer
    orders: list[Order] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path, at_end: Callable[[Callable[[], object]], object]) -> Chats:
        """Start both peers.

        Args:
            folder: For the throw-away certificates.
            at_end: Takes what has to be called at the end.
        """
        discord = DiscordPeer(folder).start()
        at_end(discord.stop)
        telegram = TelegramPeer().__enter__()
        at_end(lambda: telegram.__exit__(None, None, None))
        return cls(discord, telegram)

    def variables(self) -> dict[str, str]:
        """What .env says so that both bots come here."""
        given = self.discord.environment()
        there = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": self.telegram.url}
        return {name: given[name] for name in ("DISCORD_TOKEN", "DISCORD_PROXY")} | there

    def certificates(self) -> dict[str, str]:
        """What a process needs to trust the Discord peer."""
        return {"SSL_CERT_FILE": self.discord.environment()["SSL_CERT_FILE"]}

    def order(self, number: int, method: str) -> Order:
        """The next person asks for a picture, on either platform in turn."""
        picture, who = gradient(160, next(_ANGLES)), number // 2 % _PEOPLE
        if number % 2:
            user = next((u for u in list(self.discord.world.users.values()) if u.name == f"d{who}"), None)
            user = user or self.discord.add_user(f"d{who}")
            given: dict[str, Any] = {"content": picture, "style": "mosaic", "method": method}
            order: Order = DiscordOrder(self.discord, self.discord.slash("style", user, **given))
        else:
            person = self.telegram.person(8_000_000 + who)
            sent = person.photo(picture, caption=f"/style mosaic 80 {method}")
            order = TelegramOrder(person, sent["message_id"])
        self.orders.append(order)
        return order

    def requests(self) -> Counter[str]:
        """What the bots asked of the platforms so far, by kind; questions for updates left out."""
        calls = Counter(f"Telegram {name}" for name, _ in self.telegram.requests if name != "getUpdates")
        return calls + Counter(f"Discord {method} {_shape(path)}" for method, path, _ in self.discord.world.requests)

    def counted(self, orders: list[Order]) -> Counter[str]:
        """``lost``: shows no picture; ``duplicated``: shows several."""
        counts = [order.seen() for order in orders]
        return Counter(lost=counts.count(0), duplicated=sum(count > 1 for count in counts), done=sum(map(bool, counts)))


def _shape(path: str) -> str:
    """A path without what is another one each time."""
    words = path.removeprefix("/api/v10/").split("/")
    return "/".join("…" if len(word) > 14 or word.isdecimal() else word for word in words)
