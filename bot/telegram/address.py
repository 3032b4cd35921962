"""Where an answer goes: what a job carries through the queue and back, so that no process has to remember it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from bot.chat.access import Photograph
from workers.contract import fill


@dataclass(frozen=True, kw_only=True)
class Address:
    """The message that says "queued" and becomes the result.

    Attributes:
        chat_id: Its chat.
        message_id: Itself; 0 where the order has no line of its own: its end is a new message.
        user_id: Who asked.
        thread_id: The forum topic, or 0.
        answers: The message that it replies to, or 0.
        language: Of everything said there.
        full_quality: Whether the result is a document: nothing is recompressed.
        spoiler: Whether the result is hidden until tapped.
        strip: The strip's name, where the job is one of its five.
        photograph: What the one who asked has of the job's photograph: a ``bot.chat.access.Photograph``.
        sticker: Whether the result comes as a sticker as well, as its content image did.
    """

    chat_id: int
    message_id: int
    user_id: int
    thread_id: int = 0
    answers: int = 0
    language: str = "en"
    full_quality: bool = False
    spoiler: bool = False
    strip: str = ""
    photograph: str = Photograph.OWN.value
    sticker: bool = False

    def to_reply_to(self) -> dict[str, str]:
        """For ``Job.reply_to``; its ``chat`` is for the queue's limit of one chat."""
        own = {name: str(int(value) if isinstance(value, bool) else value) for name, value in asdict(self).items()}
        return {"chat": f"telegram:{self.chat_id}", **own}

    @classmethod
    def from_reply_to(cls, data: Mapping[str, str]) -> Self:
        """The inverse of ``to_reply_to``; fields that a neighbouring release added are ignored.

        Raises:
            ContractError: It is none.
        """
        return fill(cls, data)
