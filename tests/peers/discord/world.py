"""What there is on the peer's Discord: users, a server with channels, messages, interactions and files."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

EPOCH_MS = 1_420_070_400_000
ALL_PERMISSIONS = (1 << 50) - 1
VIEW_CHANNEL, SEND_MESSAGES, ATTACH_FILES = 1 << 10, 1 << 11, 1 << 15
MANAGE_GUILD, MANAGE_MESSAGES, ADMINISTRATOR, MANAGE_EVENTS = 1 << 5, 1 << 13, 1 << 3, 1 << 33
OLD_ENOUGH_S = 400 * 86_400  # an account's age says its id
READ_HISTORY = 1 << 16
MEMBER_PERMISSIONS = VIEW_CHANNEL | SEND_MESSAGES | ATTACH_FILES | READ_HISTORY
DEFAULT_LIMIT_BYTES = 20 * 1024 * 1024
EPHEMERAL, LOADING = 1 << 6, 1 << 7
Json = dict[str, Any]

_numbers = itertools.count(1)


def snowflake(age_s: float = 0) -> str:
    """An id that carries its moment, as Discord's do."""
    moment_ms = int((time.time() - age_s) * 1000) - EPOCH_MS
    return str((moment_ms << 22) | (next(_numbers) & 0x3FFFFF))


@dataclass
class User:
    """Somebody on Discord."""

    name: str
    locale: str = "en-US"
    permissions: int = MEMBER_PERMISSIONS
    roles: list[str] = field(default_factory=list)
    avatar: str | None = None
    bot: bool = False
    takes_messages: bool = True
    joined_at: str = "2024-01-01T00:00:00+00:00"
    id: str = field(default_factory=lambda: snowflake(OLD_ENOUGH_S))

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "username": self.name,
            "global_name": self.name.title(),
            "discriminator": "0",
            "avatar": self.avatar,
            "bot": self.bot,
            "public_flags": 0,
        }

    def to_member(self) -> Json:
        return {
            "user": self.to_json(),
            "roles": self.roles,
            "nick": None,
            "avatar": None,
            "joined_at": self.joined_at,
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "flags": 0,
            "permissions": str(self.permissions),
        }


@dataclass
class Channel:
    """A text channel of a server, or a private one; without ``recipient`` one of several people."""

    name: str
    guild_id: str | None
    app_permissions: int = ALL_PERMISSIONS & ~ADMINISTRATOR
    recipient: User | None = None
    id: str = field(default_factory=snowflake)

    def to_json(self) -> Json:
        if self.guild_id is None:
            recipients = [self.recipient.to_json()] if self.recipient else []
            kind = 1 if self.recipient else 3
            return {"id": self.id, "type": kind, "recipients": recipients, "last_message_id": None, "flags": 0}
        return {
            "id": self.id,
            "type": 0,
            "guild_id": self.guild_id,
            "name": self.name,
            "position": 0,
            "permission_overwrites": self._overwrites(),
            "nsfw": False,
            "parent_id": None,
            "topic": None,
            "rate_limit_per_user": 0,
            "flags": 0,
        }

    def _overwrites(self) -> list[Json]:
        """What the bot lacks here, said in the way in which a bot can work it out."""
        lacking = MEMBER_PERMISSIONS & ~self.app_permissions
        return [{"id": self.guild_id, "type": 0, "allow": "0", "deny": str(lacking)}] if lacking else []


@dataclass
class Revision:
    """A message as it was at one moment."""

    at_s: float
    content: str
    attachments: list[Json]
    components: list[Json]
    flags: int


@dataclass
class Message:
    """A message with all that it ever was."""

    channel: Channel
    author: User
    content: str = ""
    attachments: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    flags: int = 0
    nonce: str | None = None
    reference: Json | None = None
    mentions: list[User] = field(default_factory=list)
    asked_by: User | None = None
    deleted: bool = False
    more: Json = field(default_factory=dict)  # embeds, sticker_items, message_snapshots …, as Discord writes them
    history: list[Revision] = field(default_factory=list)
    id: str = field(default_factory=snowflake)

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        return bool(self.flags & LOADING)

    def parts(self) -> list[Json]:
        """Its components, in order."""
        return [part for row in self.components for part in row["components"]]

    def buttons(self) -> dict[str, Json]:
        """Its components by the meaning in their ``custom_id`` (``stronger`` of ``p:stronger:…``)."""
        return {part["custom_id"].split(":")[1]: part for part in self.parts() if "custom_id" in part}

    def remember(self) -> None:
        now = Revision(time.monotonic(), self.content, list(self.attachments), list(self.components), self.flags)
        self.history.append(now)

    def to_json(self) -> Json:
        data: Json = {
            "id": self.id,
            "type": 19 if self.reference else 0,
            "channel_id": self.channel.id,
            "author": self.author.to_json(),
            "content": self.content,
            "timestamp": "2026-01-01T00:00:00+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [user.to_json() for user in self.mentions],
            "mention_roles": [],
            "attachments": self.attachments,
            "embeds": [],
            "pinned": False,
            "components": self.components,
            "flags": self.flags,
        }
        if self.nonce is not None:
            data["nonce"] = self.nonce
        if self.reference:
            data["message_reference"] = self.reference
        if self.asked_by:
            data["interaction_metadata"] = {
                "id": self.id,
                "type": 2,
                "user": self.asked_by.to_json(),
                "authorizing_integration_owners": {},
            }
        return data | self.more


@dataclass
class Interaction:
    """Something that a user did, and what the bot made of it."""

    id: str
    token: str
    kind: int
    user: User
    channel: Channel
    sent_s: float
    dies_s: float
    limit_bytes: int
    source: Message | None = None
    answered: int | None = None
    answered_after_s: float | None = None
    message: Message | None = None
    followups: list[Message] = field(default_factory=list)
    choices: list[Json] | None = None
    attached: list[str] = field(default_factory=list)

    def expired(self) -> bool:
        """Whether its token is dead."""
        return time.monotonic() > self.dies_s


@dataclass
class World:
    """Everything, and the numbers that its rules are made of.

    The tests' thread adds to it while the peer's reads, and the other way round: who goes through one of its
    dictionaries copies it first, at one stroke.
    """

    token: str
    bot: User = field(default_factory=lambda: User("pastiche", bot=True))
    commands: list[Json] = field(default_factory=list)
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    interactions: dict[str, Interaction] = field(default_factory=dict)
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    checked: int = 0
    violations: list[str] = field(default_factory=list)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)  # interactions as they were acknowledged, files as they were fetched
    roles: dict[str, str] = field(default_factory=dict)
    guild_id: str = field(default_factory=snowflake)

    limit_bytes: int = DEFAULT_LIMIT_BYTES  # of a file in a message of the bot's own
    reads_all: bool = False  # whether the application was given the intent to read what others say

    @property
    def application_id(self) -> str:
        return self.bot.id

    def seen(self, message: Message) -> Json:
        """A message as the bot gets it: of those that are not for it, not what people put in."""
        data = message.to_json()
        mine = message.author is self.bot or self.bot in message.mentions or message.channel.guild_id is None
        if mine or self.reads_all:
            return data
        blank = {"content": "", "attachments": [], "embeds": [], "components": []}
        return {name: value for name, value in data.items() if name != "message_snapshots"} | blank

    def private_channel(self, user: User) -> Channel:
        """The bot's channel with one person; opened when it is first asked for, in the peer's thread."""
        for channel in list(self.channels.values()):
            if channel.recipient is user:
                return channel
        opened = Channel("private", None, recipient=user)
        self.channels[opened.id] = opened
        return opened

    def guild_json(self) -> Json:
        everyone = {"id": self.guild_id, "name": "@everyone", "permissions": str(MEMBER_PERMISSIONS)}
        others = [{"id": key, "name": name, "permissions": "0"} for key, name in list(self.roles.items())]
        plain = {"color": 0, "colors": {"primary_color": 0}, "hoist": False, "position": 0, "managed": False}
        plain |= {"mentionable": False, "flags": 0}
        channels = [channel.to_json() for channel in list(self.channels.values()) if channel.guild_id]
        return {
            "id": self.guild_id,
            "name": "Painters",
            "owner_id": "1",
            "unavailable": False,
            "member_count": 3,
            "large": False,
            "roles": [role | plain for role in (everyone, *others)],
            "channels": channels,
            "members": [self.bot.to_member()],
            "threads": [],
            "emojis": [],
            "stickers": [],
            "features": [],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "preferred_locale": "en-US",
            "premium_tier": 0,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "system_channel_flags": 0,
            "afk_timeout": 300,
            "joined_at": "2024-01-01T00:00:00+00:00",
        }
