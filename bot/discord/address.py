"""Where an answer goes: what a job carries through the queue and back, so that no process has to remember it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

import discord

from bot.chat.access import Photograph
from bot.discord.keys import chat_key
from workers.contract import fill

TOKEN_LIFE_S = 15 * 60
_MARGIN_S = 20  # a picture may take that long to upload
_LAST_WORD_S = 60
# What Discord lets everybody upload: https://discord.com/developers/docs/reference#uploading-files. It was 10 MiB until
# September 2026 and will change again: what Discord refuses as too large is sent again, half as large.
DEFAULT_LIMIT_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Address:
    """The message that says "queued" and becomes the result.

    Attributes:
        channel_id: Its channel.
        message_id: Itself.
        user_id: Who asked.
        token: The interaction's token; "" where a message was the question.
        token_until_s: Unix time at which Discord forgets the token.
        limit_bytes: Size of a file that may be attached, as far as Discord said it.
        language: Of everything said there.
        spoiler: Whether the result is hidden until clicked.
        strip: The strip's name, where the job is one of its five, or of several pictures'.
        parts: How many pictures it is of; 0 where it is one in five strengths.
        numbers: The places of those pictures among all that were given, "1 3"; "" where none was refused.
        chat: Key of the server, or "" in private: the name that the queue reads as well, for its limit of a chat.
        by_token_only: Whether the bot is not of that place: once the token is dead nothing can be written there.
        photograph: What the one who asked has of the job's photograph: a ``bot.chat.access.Photograph``.
    """

    channel_id: int
    message_id: int
    user_id: int
    token: str = ""
    token_until_s: int = 0
    limit_bytes: int = DEFAULT_LIMIT_BYTES
    language: str = "en"
    spoiler: bool = False
    strip: str = ""
    parts: int = 0
    numbers: str = ""
    chat: str = ""
    by_token_only: bool = False
    photograph: str = Photograph.OWN.value

    @property
    def token_lives(self) -> bool:
        """Whether the message can still be edited by the interaction's token."""
        return bool(self.token) and time.time() < self.token_until_s - _MARGIN_S

    @property
    def link(self) -> str:
        """The message's address in Discord's apps."""
        return (
            f"https://discord.com/channels/{self.chat.partition(':')[2] or '@me'}/{self.channel_id}/{self.message_id}"
        )

    @property
    def last_word_due(self) -> bool:
        """Whether what is written now is the last that can be written there."""
        return self.by_token_only and time.time() > self.token_until_s - _LAST_WORD_S

    def to_reply_to(self) -> dict[str, str]:
        """For ``Job.reply_to``; its ``chat`` is for the queue's limit of one chat."""
        own = {name: str(int(value) if isinstance(value, bool) else value) for name, value in asdict(self).items()}
        return {"chat": f"discord:{self.channel_id}", **own}

    @classmethod
    def from_reply_to(cls, data: Mapping[str, str]) -> Self:
        """The inverse of ``to_reply_to``; fields that a neighbouring release added are ignored.

        Raises:
            ContractError: It is none.
        """
        return fill(cls, data)

    @classmethod
    def of(
        cls, interaction: discord.Interaction, message_id: int, language: str, spoiler: bool = False, strip: str = ""
    ) -> Self:
        """The address of an interaction's own answer."""
        return cls(
            channel_id=interaction.channel_id or 0,
            message_id=message_id,
            user_id=interaction.user.id,
            token=interaction.token,
            token_until_s=int(interaction.created_at.timestamp()) + TOKEN_LIFE_S,
            limit_bytes=interaction.filesize_limit,
            language=language,
            spoiler=spoiler,
            strip=strip,
            chat=chat_key(interaction) if interaction.guild_id else "",
            by_token_only=interaction.is_user_integration() and not interaction.is_guild_integration(),
        )


def limit_in(guild: discord.Guild | None) -> int:
    """How large a file may be where no interaction says it: as the server's tier has it, at least as for all."""
    return max(DEFAULT_LIMIT_BYTES, guild.filesize_limit if guild else 0)
