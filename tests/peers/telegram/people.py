"""People who use the bot: what they send, press and see."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.peers.telegram.world import BOT, Json, document, film, photo_sizes, sticker

if TYPE_CHECKING:
    from tests.peers.telegram.peer import TelegramPeer


class Person:
    """Somebody who uses the bot.

    Args:
        peer: The server.
        user: As Telegram shows them.
        chat_id: Where they write.
    """

    def __init__(self, peer: TelegramPeer, user: Json, chat_id: int) -> None:
        self.peer, self.user, self.chat_id = peer, user, chat_id

    def send(self, text: str = "", answering: int = 0, **content: Any) -> Json:
        """A message; the bot hears of it."""

        def act() -> Json:
            if text:
                content["text"] = text
            if answering:
                found = self.peer.world.messages[self.chat_id][answering]
                content["reply_to_message"] = {k: v for k, v in found.items() if k != "reply_to_message"}
            return self.peer.world.new_message(self.chat_id, self.user, **content)

        message = self.peer.do(act)
        self.peer.push(message=message)
        return message

    def silently(self, **content: Any) -> Json:
        """A message that the bot does not hear of: privacy mode."""
        return self.peer.do(lambda: self.peer.world.new_message(self.chat_id, self.user, **content))

    def photo(self, data: bytes, caption: str = "", **more: Any) -> Json:
        """A photo."""
        words: Json = {"caption": caption} if caption else {}
        return self.send(**self.a_photo(data), **words, **more)

    def a_photo(self, data: bytes) -> Json:
        """A photo's content, for ``send`` or ``silently``."""
        return {"photo": photo_sizes(self.peer.do(lambda: self.peer.world.new_file(data)))}

    def file(self, data: bytes, name: str = "picture.png", mime_type: str = "image/png", caption: str = "") -> Json:
        """A picture sent as a file."""
        sent = self.peer.do(lambda: self.peer.world.new_file(data, name, mime_type))
        words: Json = {"caption": caption} if caption else {}
        return self.send(document=document(sent), **words)

    def animation(self, data: bytes, caption: str = "", duration_s: int = 1) -> Json:
        """What an app makes of a GIF: an MP4 without sound, which is a document as well."""
        sent = self.peer.do(lambda: self.peer.world.new_file(data, "clip.mp4", "video/mp4"))
        words: Json = {"caption": caption} if caption else {}
        return self.send(animation=film(sent, duration_s), document=document(sent), **words)

    def sticker(self, data: bytes) -> Json:
        """A static sticker."""
        return self.send(sticker=sticker(self.peer.do(lambda: self.peer.world.new_file(data, mime_type="image/webp"))))

    def press(self, message: Json, verb: str) -> str:
        """Press the first button whose data begins with ``verb``; returns the query's id."""
        return self.forge(message, self.button(message, verb))

    def forge(self, message: Json, data: str) -> str:
        """Press a button that is not there, as a client of one's own can; returns the query's id."""
        query_id = str(10**17 + int(time.monotonic_ns() % 10**15))
        fresh = self.peer.do(lambda: dict(self.peer.world.messages[message["chat"]["id"]][message["message_id"]]))
        query = {"id": query_id, "from": self.user, "chat_instance": "1", "data": data, "message": fresh}
        self.peer.push(callback_query=query)
        return query_id

    def button(self, message: Json, verb: str) -> str:
        """The data of the first button whose data begins with ``verb``."""
        now = self.peer.do(lambda: self.peer.world.messages[message["chat"]["id"]][message["message_id"]])
        rows = now.get("reply_markup", {}).get("inline_keyboard", [])
        data: list[str] = [b["callback_data"] for row in rows for b in row if "callback_data" in b]
        return next(one for one in data if one.startswith(verb))

    def named(self, message: Json, label: str) -> str:
        """The data of the first button whose label begins with ``label``."""
        rows = message["reply_markup"]["inline_keyboard"]
        data: str = next(b["callback_data"] for row in rows for b in row if b["text"].startswith(label))
        return data

    def follow(self, message: Json, label: str) -> Json:
        """Tap a button that links to the bot: Telegram opens the private chat and sends ``/start`` for it."""
        rows = message["reply_markup"]["inline_keyboard"]
        url: str = next(b["url"] for row in rows for b in row if b["text"].startswith(label))
        return self.peer.person_again(self).send(f"/start {url.partition('?start=')[2]}")

    def toast(self, query_id: str) -> str | None:
        """What a press was answered with; None before it was."""
        answers = self.peer.calls("answerCallbackQuery")
        return next((a.get("text", "") for a in answers if a["callback_query_id"] == query_id), None)

    def bot_messages(self) -> list[Json]:
        """What the bot has to be seen in this chat, oldest first."""

        def act() -> list[Json]:
            messages = self.peer.world.messages.get(self.chat_id, {}).values()
            return [json.loads(json.dumps(message)) for message in messages if message["from"]["id"] == BOT["id"]]

        return self.peer.do(act)
