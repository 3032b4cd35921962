"""What the tests of challenges share: the peer, the real bot process, and what people of a group do there."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.peers.discord.stage import Process
from tests.peers.telegram.peer import TOKEN, TelegramPeer
from tests.peers.telegram.people import Person
from tests.peers.telegram.world import Json
from workers.store.connection import connect

ROOT = Path(__file__).resolve().parents[3]
_SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
SPEC = (_SHARED if _SHARED.is_absolute() else ROOT / _SHARED) / "specs" / "api.json"
Until = Callable[..., Any]
DEADLINE_S = 60


class TelegramStage:
    """One group, its people, and the bot as a process.

    Args:
        folder: For logs.
        redis_url: The queue's Redis.
        until: The waiting fixture.
        group: The group's id.
        bot: A script that is run instead of the bot, and its arguments.
    """

    def __init__(self, folder: Path, redis_url: str, until: Until, group: int, *bot: str) -> None:
        self.until, self.group_id, self._redis_url = until, group, redis_url
        self.peer = TelegramPeer(SPEC if SPEC.is_file() else None)
        self.peer.__enter__()
        self.peer.group(group)
        environment = {
            "REDIS_URL": redis_url,
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_API_URL": self.peer.url,
            "TELEGRAM_WEBHOOK_URL": "",
            "LOG_LEVEL": "INFO",
        }
        command = bot or ("-m", "bot", "telegram")
        self.bot = Process(*command, environment=environment, log=folder / "telegram.log")
        self._pictures, self._people = itertools.count(40), itertools.count(9_000_001)

    def go_to(self, group: int) -> None:
        """What follows happens in another group."""
        self.group_id = self.peer.group(group)

    def close(self) -> None:
        """End the bot, however it is, and the peer."""
        process = self.bot.process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        self.peer.__exit__(None, None, None)

    def ready(self) -> None:
        """The bot listens."""
        known = len(self.peer.calls("getUpdates"))
        self.until(lambda: len(self.peer.calls("getUpdates")) > known, f"the bot ({self.log()[-2000:]})", DEADLINE_S)

    def log(self) -> str:
        """What the bot has said so far."""
        return self.bot.log.read_text(errors="replace") if self.bot.log.exists() else ""

    def member(self, manages: bool = False) -> Person:
        """Somebody of the group whom the bot has seen there."""
        person = self.peer.person(next(self._people), self.group_id)
        if manages:
            self.peer.do(lambda: self.peer.world.admins.add((self.group_id, person.user["id"])))
        person.send("Hello!")
        with connect(self._redis_url) as connection:
            key = f"pastiche:challenges:seen:telegram:{person.user['id']}"
            self.until(lambda: connection.exists(key), "somebody is seen", DEADLINE_S)
        return person

    def paint(self, person: Person, words: str = "mosaic palette") -> Json:
        """A result of somebody's, in the group or in private, wherever ``person`` is."""
        photo = person.silently(**person.a_photo(self.picture()))
        asked = person.send(f"/style {words}", answering=photo["message_id"])

        def result() -> Json | None:
            found = _answer_to(person, asked)
            return found if found and "photo" in found and _has(found, "r.recipe") else None

        painted: Json = self.until(result, f"a result ({self.log()[-2000:]})", DEADLINE_S)
        return painted

    def picture(self) -> bytes:
        """A photo like no other."""
        return _picture(next(self._pictures))

    def queued(self, person: Person) -> Json:
        """The message of a job of somebody's that waits for a worker or for its end, in private."""
        sent = person.photo(self.picture(), caption="/style mosaic palette")

        def held() -> Json | None:
            found = _answer_to(person, sent)
            return found if found and _has(found, "r.cancel") and "One moment" not in text_of(found) else None

        message: Json = self.until(held, f"a job ({self.log()[-600:]})", DEADLINE_S)
        return message

    def press(self, person: Person, message: Json, data: str) -> str:
        """Press a button; what the toast says."""
        query = person.press(message, data)
        self.until(lambda: person.toast(query) is not None, f"an answer to {data} ({self.log()[-600:]})", DEADLINE_S)
        return person.toast(query) or ""

    def says(self, person: Person, words: str, after: int = 0) -> Json:
        """A message of the bot's with these words, in the person's chat."""

        def found() -> Json | None:
            return next((m for m in person.bot_messages() if m["message_id"] > after and words in text_of(m)), None)

        message: Json = self.until(found, f"{words!r} ({self.log()[-600:]})", DEADLINE_S)
        return message

    def all_with(self, words: str) -> list[Json]:
        """Messages of the bot's in the group with these words."""
        return [m for m in self.peer.person(1, self.group_id).bot_messages() if words in text_of(m)]


def text_of(message: Json) -> str:
    """A message's text or caption."""
    return str(message.get("text") or message.get("caption") or "")


def _answer_to(person: Person, sent: Json) -> Json | None:
    return next(
        (
            message
            for message in reversed(person.bot_messages())
            if message.get("reply_to_message", {}).get("message_id") == sent["message_id"]
        ),
        None,
    )


def _has(message: Json, verb: str) -> bool:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return any(button.get("callback_data", "").startswith(verb) for row in rows for button in row)


def _picture(seed: int) -> bytes:
    ramp = Image.linear_gradient("L").resize((160, 120))
    bands = [ramp.rotate(37 * seed * (i + 1), fillcolor=(seed * 53 + 80 * i) % 256) for i in range(3)]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, "JPEG")
    return out.getvalue()
