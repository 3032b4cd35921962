"""What the peer's Telegram knows: people, chats, messages, files, and updates that wait for the bot."""

from __future__ import annotations

import io
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

Json = dict[str, Any]

BOT_ID = 4_242_424_242
BOT_NAME = "pastiche_test_bot"
BOT = {"id": BOT_ID, "is_bot": True, "first_name": "Pastiche", "username": BOT_NAME}


@dataclass
class File:
    """A file on Telegram's servers."""

    file_id: str
    data: bytes
    width: int = 0
    height: int = 0
    name: str = ""
    mime_type: str = "application/octet-stream"


@dataclass
class World:
    """All of it, in the peer's own thread."""

    chats: dict[int, Json] = field(default_factory=dict)
    messages: dict[int, dict[int, Json]] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    updates: list[Json] = field(default_factory=list)
    admins: set[tuple[int, int]] = field(default_factory=set)
    absent: set[tuple[int, int]] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)
    moved: dict[int, int] = field(default_factory=dict)
    confirmed: int = 0

    def __post_init__(self) -> None:
        self._file_numbers, self._update_numbers = itertools.count(1), itertools.count(1000)
        self._message_numbers: dict[int, itertools.count[int]] = {}

    def chat(self, chat_id: int) -> Json:
        """A chat; private ones come into being with their person."""
        kind = "private" if chat_id > 0 else "supergroup" if str(chat_id).startswith("-100") else "group"
        base: Json = {"id": chat_id, "type": kind}
        base |= {"first_name": f"User {chat_id}"} if chat_id > 0 else {"title": f"Group {chat_id}"}
        return self.chats.setdefault(chat_id, base)

    def new_file(self, data: bytes, name: str = "", mime_type: str = "image/jpeg") -> File:
        """Keep a file under an id that says nothing."""
        file = File(f"AgACAgIAAxkB{next(self._file_numbers):08d}", data, name=name, mime_type=mime_type)
        try:
            with Image.open(io.BytesIO(data)) as image:
                file.width, file.height = image.size
        except (OSError, ValueError, Image.DecompressionBombError):
            pass
        self.files[file.file_id] = file
        return file

    def new_message(self, chat_id: int, sender: Json, **content: Any) -> Json:
        """A message in a chat."""
        numbers = self._message_numbers.setdefault(chat_id, itertools.count(1))
        message = {
            "message_id": next(numbers),
            "date": int(time.time()),
            "chat": self.chat(chat_id),
            "from": sender,
            **content,
        }
        self.messages.setdefault(chat_id, {})[message["message_id"]] = message
        return message

    def push(self, **update: Any) -> Json:
        """An update for the bot."""
        whole = {"update_id": next(self._update_numbers), **update}
        self.updates.append(whole)
        return whole

    def pending(self, offset: int, limit: int) -> list[Json]:
        """What getUpdates answers; a higher offset forgets what is before it."""
        if offset > 0:
            self.updates = [update for update in self.updates if update["update_id"] >= offset]
            self.confirmed = max(self.confirmed, offset)
        return self.updates[:limit]


def person(user_id: int, language: str = "en") -> Json:
    """A user as Telegram shows them."""
    return {"id": user_id, "is_bot": False, "first_name": f"Person{user_id}", "language_code": language}


def photo_sizes(file: File) -> list[Json]:
    """A photo's sizes: a small one and the large one."""
    small = {"file_id": file.file_id + "-s", "file_unique_id": file.file_id[-8:] + "s", "width": 90, "height": 90}
    large = {"file_id": file.file_id, "file_unique_id": file.file_id[-8:], "width": file.width, "height": file.height}
    return [small, {**large, "file_size": len(file.data)}]


def film(file: File, duration_s: int = 1) -> Json:
    """An animation or a video as a message has it."""
    return {
        "file_id": file.file_id,
        "file_unique_id": file.file_id[-8:],
        "width": file.width or 128,
        "height": file.height or 96,
        "duration": duration_s,
        "mime_type": file.mime_type,
        "file_size": len(file.data),
    }


def document(file: File) -> Json:
    """A file as a message has it."""
    return {
        "file_id": file.file_id,
        "file_unique_id": file.file_id[-8:],
        "file_name": file.name,
        "mime_type": file.mime_type,
        "file_size": len(file.data),
    }


def sticker(file: File, still: File | None = None, **kind: bool) -> Json:
    """A sticker as a message has it; one that moves with the picture that stands still for it."""
    shown = photo_sizes(still)[1] if still else None
    return {
        "file_id": file.file_id,
        "file_unique_id": file.file_id[-8:],
        "type": "regular",
        "is_animated": False,
        "is_video": False,
        "width": file.width or 512,
        "height": file.height or 512,
        **kind,
    } | ({"thumbnail": shown} if shown else {})
