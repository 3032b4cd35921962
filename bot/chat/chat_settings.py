"""What the people who run a chat decided about it, and who may have a picture now.

The same on every platform: a chat is an opaque key, and so are its channels, roles and users.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import redis
from pydantic import Field

from nst.errors import BusyError, UserError
from nst.options import StyleOptions
from workers.contract import ContractError, fill, read_object
from workers.store import keys
from workers.store.clock import server_time_s

log = logging.getLogger(__name__)

_DAY_S = 86_400
Count = Annotated[int, Field(ge=0, le=1_000_000)]


@dataclass(frozen=True, kw_only=True)
class ChatSettings:
    """The settings of one chat.

    Attributes:
        channels: Where pictures may be asked for; empty: everywhere.
        roles: Who may ask, by role; empty: everybody.
        defaults: Options as ``StyleOptions.as_dict`` has them, used where a user chose none.
        cooldown_s: Seconds between two requests of one user; 0: none.
        per_user_per_day: Requests of one user on one day (UTC); 0: as many as the queue takes.
        spoiler: Whether results are hidden until clicked.
        language: Of everything said in public; "": the language of the one who asked.
        others_may_vary: Whether the buttons under a result are for everybody.
        challenge_roles: Who may run challenges, by role, besides those whom the platform trusts with events.
    """

    channels: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    cooldown_s: Count = 0
    per_user_per_day: Count = 0
    spoiler: bool = False
    language: str = ""
    others_may_vary: bool = True
    challenge_roles: tuple[str, ...] = ()

    def options(self, **chosen: Any) -> StyleOptions:
        """The chat's defaults with a user's choices over them; None counts as not chosen.

        Raises:
            UserError: ``option_out_of_range``.
        """
        given = {name: value for name, value in chosen.items() if value is not None}
        return StyleOptions.from_dict({**self.defaults, **given})


class ChatSettingsStore:
    """Settings of all chats in Redis; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def read(self, chat: str) -> ChatSettings:
        """A chat's settings; the defaults where nobody set any, nobody asked for a year, or nobody can read them."""
        with self._connection.pipeline(transaction=False) as pipe:
            pipe.get(_settings(chat))
            pipe.expire(_settings(chat), keys.LASTING_TTL_S)
            text, _renewed = pipe.execute(raise_on_error=False)
            if isinstance(text, Exception):  # while a store refuses to write, it is read all the same
                raise text
        try:
            return fill(ChatSettings, read_object(text)) if text else ChatSettings()
        except ContractError as error:
            log.error("The settings of a chat cannot be read: %s", error)
            return ChatSettings()

    def read_at(self, chat: str, places: Sequence[str]) -> ChatSettings:
        """A chat's settings as they are at one place of it.

        Args:
            chat: Whose settings.
            places: Keys of the channel and what it is part of, the nearest first; the nearest one's defaults win.
        """
        settings, defaults = self.read(chat), dict[str, Any]()
        for place in reversed(places):
            defaults |= self.read(place_key(chat, place)).defaults
        return replace(settings, defaults={**settings.defaults, **defaults})

    def change(self, chat: str, **changes: Any) -> ChatSettings:
        """Change some settings of a chat and return them all."""
        changed = replace(self.read(chat), **changes)
        self._connection.set(_settings(chat), json.dumps(asdict(changed)), ex=keys.LASTING_TTL_S)
        return changed

    def move(self, old: str, new: str) -> None:
        """A chat goes on under another key: its settings follow, unless it has some there already."""
        text = cast("bytes | None", self._connection.getdel(_settings(old)))
        if text:
            self._connection.set(_settings(new), text, nx=True, ex=keys.LASTING_TTL_S)

    def forget(self, chat: str) -> None:
        """Delete a chat's settings: a private chat's are its user's."""
        self._connection.delete(_settings(chat))

    def take(self, chat: str, user: str, settings: ChatSettings, pictures: int = 1) -> None:
        """Count one request of a user; ``give_back`` undoes it if nothing came of it.

        Args:
            chat: Where.
            user: Whose.
            settings: The chat's.
            pictures: How many it is for: each counts for the day, all of them are one request.

        Raises:
            BusyError: ``rate_limited``: the cooldown has not passed, or the day's quota is used up.
        """
        if settings.per_user_per_day:
            self._take_quota(chat, user, settings.per_user_per_day, pictures)
        if settings.cooldown_s:
            self._take_turn(chat, user, settings, pictures)

    def take_more(self, chat: str, user: str, settings: ChatSettings, pictures: int) -> None:
        """Count further pictures of a request that was counted as one; fewer than none are given back.

        Raises:
            BusyError: ``rate_limited``: the day's quota is used up.
        """
        if settings.per_user_per_day and pictures:
            self._take_quota(chat, user, settings.per_user_per_day, pictures)

    def give_back(self, chat: str, user: str, settings: ChatSettings, pictures: int = 1) -> None:
        """Undo ``take``."""
        if settings.per_user_per_day:
            self._count(self._quota(chat, user), -pictures)
        if settings.cooldown_s:
            self._connection.delete(_cooldown(chat, user))

    def _take_quota(self, chat: str, user: str, allowed: int, pictures: int) -> None:
        name = self._quota(chat, user)
        if self._count(name, pictures) > allowed:
            self._count(name, -pictures)
            raise BusyError("rate_limited", {"retry_after_s": round(_DAY_S - server_time_s(self._connection) % _DAY_S)})

    def _take_turn(self, chat: str, user: str, settings: ChatSettings, pictures: int) -> None:
        name = _cooldown(chat, user)
        if self._connection.set(name, 1, nx=True, ex=settings.cooldown_s):
            return
        if settings.per_user_per_day:
            self._count(self._quota(chat, user), -pictures)
        raise BusyError("rate_limited", {"retry_after_s": max(1, self._connection.ttl(name))})

    def _count(self, name: str, pictures: int) -> int:
        with self._connection.pipeline() as pipe:
            pipe.incrby(name, pictures)
            pipe.expire(name, 2 * _DAY_S)
            taken: int = pipe.execute()[0]
        return taken

    def _quota(self, chat: str, user: str) -> str:
        day = datetime.fromtimestamp(server_time_s(self._connection), UTC).date().isoformat()
        return f"pastiche:chatquota:{keys.fingerprint(day, chat, user)}"


def check_place(settings: ChatSettings, channels: Collection[str], roles: Collection[str]) -> None:
    """Whether pictures may be asked for here and by this person.

    Args:
        settings: The chat's.
        channels: The channel's key, and its parent's for a thread.
        roles: Keys of the user's roles.

    Raises:
        UserError: ``channel_not_allowed`` or ``role_missing``.
    """
    if settings.channels and not set(settings.channels) & set(channels):
        raise UserError("channel_not_allowed", {"allowed": ", ".join(f"<#{name}>" for name in settings.channels)})
    if settings.roles and not set(settings.roles) & set(roles):
        raise UserError("role_missing", {"allowed": ", ".join(f"<@&{name}>" for name in settings.roles)})


def place_key(chat: str, place: str) -> str:
    """The key under which a place has settings of its own; only its ``defaults`` are looked at."""
    return f"{chat}:{place}"


def _settings(chat: str) -> str:
    return f"pastiche:settings:{chat}"


def _cooldown(chat: str, user: str) -> str:
    return f"pastiche:cooldown:{keys.fingerprint(chat, user)}"
