"""Who asks, where, and in which language: all that a handler needs to know of an update."""

from __future__ import annotations

from dataclasses import dataclass, replace

from telegram import CallbackQuery, Message, User
from telegram.constants import ChatType

from bot.texts import nearest_language


@dataclass(frozen=True, kw_only=True)
class Asker:
    """One person in one chat.

    Attributes:
        chat_id: The chat.
        user_id: The person, or the channel or group that they speak for.
        message_id: The message to reply to.
        thread_id: The forum topic, or 0.
        private: Whether nobody else is there.
        language: Theirs.
    """

    chat_id: int
    user_id: int
    message_id: int
    thread_id: int
    private: bool
    language: str

    @property
    def user(self) -> str:
        """The user's key everywhere behind this frontend."""
        return user_key(self.user_id)

    @property
    def chat(self) -> str:
        """The chat's key everywhere behind this frontend."""
        return chat_key(self.chat_id)

    def speaking(self, language: str) -> Asker:
        """The same one, in the language that the chat wants ("" for their own)."""
        return replace(self, language=language) if language else self


def asker_of_message(message: Message, default_language: str) -> Asker | None:
    """Who sent a message; None for those without a sender, and for other bots."""
    if message.from_user is None or (message.from_user.is_bot and message.sender_chat is None):
        return None
    return _asker(message, message.from_user, default_language)


def asker_of_query(query: CallbackQuery, default_language: str) -> Asker | None:
    """Who pressed a button; None where its message is out of reach."""
    message = query.message
    return _asker(message, query.from_user, default_language) if isinstance(message, Message) else None


def user_key(user_id: int) -> str:
    """The key of a user."""
    return f"telegram:{user_id}"


def chat_key(chat_id: int) -> str:
    """The key of a chat."""
    return f"telegram:{chat_id}"


def _asker(message: Message, user: User, default_language: str) -> Asker:
    own_words = message.from_user is not None and message.from_user.id == user.id
    spoken_for = message.sender_chat.id if message.sender_chat and own_words else 0  # an anonymous administrator
    return Asker(
        chat_id=message.chat.id,
        user_id=spoken_for or user.id,
        message_id=message.message_id,
        thread_id=(message.message_thread_id or 0) if message.is_topic_message else 0,
        private=message.chat.type == ChatType.PRIVATE,
        language=nearest_language(user.language_code, default_language),
    )
