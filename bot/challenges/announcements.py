"""What chats have to be told, each thing once: an outbox with a unique key (challenge, event, chat).

waiting ── claimed ── posted
   ╰─ later ─╯ ╰── dropped (the chat is closed to us)
A chat's announcements go out in order and one at a time: the head of its line is claimed for a
while, and the next one is only reached when it was noted as posted. docs/challenges.md says what
that guarantees.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import redis

from bot.challenges import keys
from bot.challenges.model import KEPT_S, Challenge, Chat
from bot.challenges.store import Change
from nst.errors import BusyError, OperatorError
from workers.contract import ContractError, fill, read_object

log = logging.getLogger(__name__)

LEASE_S = 120.0  # longer than the slowest post takes

# KEYS: waiting. ARGV: now, leased until, consumer, what a chat's line starts with.
_CLAIM = """
local chat = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)[1]
if not chat then return false end
local key = redis.call('LINDEX', ARGV[4] .. chat, 0)
if not key or redis.call('EXISTS', key) == 0 then
  if key then redis.call('LPOP', ARGV[4] .. chat) else redis.call('ZREM', KEYS[1], chat) end
  return {'', '', '', '', ''}
end
local unsure = redis.call('HGET', key, 'consumer') or ''
redis.call('HSET', key, 'consumer', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], chat)
return {key, redis.call('HGET', key, 'data') or '', chat, unsure, redis.call('HGET', key, 'placed') or ''}
"""

# KEYS: announcement, line, waiting. ARGV: chat, now, outcome, detail, ttl_s. What was shown is not kept.
_END = """
if redis.call('LINDEX', KEYS[2], 0) ~= KEYS[1] then return 0 end
redis.call('HSET', KEYS[1], 'data', '', ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('LPOP', KEYS[2])
if redis.call('LLEN', KEYS[2]) == 0 then redis.call('ZREM', KEYS[3], ARGV[1])
else redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1]) end
return 1
"""


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """One thing to be told to one chat, or to one moderator.

    Attributes:
        key: Its unique name.
        challenge_id: What it is about.
        kind: To the chat ``opened``, ``closing_soon``, ``extended``, ``voting``, ``voting_soon``, ``run_off``,
            ``results``, ``cancelled``; to the moderator ``review``, ``flagged``.
        event: The kind, told apart from others of its kind.
        chat: Where.
        user: Key of the moderator who is told in private, or "" for the chat.
        facts: What its sentence needs.
        redelivered: It was claimed before and nobody noted what became of it: it may stand there already.
        placed: The message that was noted as its place, or "".
    """

    key: str
    challenge_id: str
    kind: str
    event: str
    chat: Chat
    user: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    redelivered: bool = False
    placed: str = ""

    @property
    def nonce(self) -> str:
        """25 characters that no other announcement has: Discord takes a nonce of that length once."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:25]


def announce(
    change: Change,
    challenge: Challenge,
    now_s: float,
    kind: str,
    facts: Mapping[str, Any] | None = None,
    suffix: str = "",
) -> None:
    """Tell all of a challenge's chats something, as part of a change."""
    for chat in challenge.chats:
        tell(change, challenge, chat, now_s, kind, facts, suffix)


def tell(
    change: Change,
    challenge: Challenge,
    chat: Chat,
    now_s: float,
    kind: str,
    facts: Mapping[str, Any] | None = None,
    suffix: str = "",
    user: str = "",
) -> None:
    """Tell one chat, or one moderator, something, as part of a change.

    Args:
        change: What is put together.
        challenge: What it is about, as it stands after the change.
        chat: Where.
        now_s: The time.
        kind: See ``Announcement``.
        facts: What its sentence needs besides theme, times and votes.
        suffix: Tells it apart from others of its kind.
        user: The moderator who is told in private, or "".
    """
    event = f"{kind}.{suffix}" if suffix else kind
    key = keys.announcement(challenge.challenge_id, event, chat.key)
    times = {"closes_at_s": challenge.closes_at_s, "until_s": challenge.until_s}
    data = {
        "challenge_id": challenge.challenge_id,
        "kind": kind,
        "event": event,
        "chat": asdict(chat),
        "user": user,
        "facts": {"theme": challenge.theme, "votes": challenge.allowance, **times, **(facts or {})},
    }
    line, waiting = keys.line(chat.platform, chat.key), keys.waiting(chat.platform)
    change.write("ANNOUNCE", key, line, waiting, chat.key, json.dumps(data), now_s)


class Announcements:
    """The outbox, as adapters read it.

    Args:
        connection: To the queue's Redis.
        now_s: The time.
    """

    def __init__(self, connection: redis.Redis, now_s: Callable[[], float]) -> None:
        self._redis = connection
        self._now_s = now_s
        self._claim, self._end = connection.register_script(_CLAIM), connection.register_script(_END)

    def claim(self, platform: str, consumer: str = "main") -> Announcement | None:
        """The oldest announcement that is due on a platform, for this consumer to post; None if there is none.

        Args:
            platform: Whose chats.
            consumer: Name of the one who posts; keep it over restarts.
        """
        now_s = self._now_s()
        args = [repr(now_s), repr(now_s + LEASE_S), consumer, keys.line(platform, "")]
        while True:
            with _full_is_away():
                found = cast("list[bytes] | None", self._claim(keys=[keys.waiting(platform)], args=args))
            if not found:
                return None
            if found[0]:
                key, chat, unsure, placed = (word.decode(errors="replace") for word in (found[0], *found[2:]))
                try:
                    beside = {"key": key, "redelivered": bool(unsure), "placed": placed}
                    return fill(Announcement, read_object(found[1]) | beside)
                except ContractError as error:
                    log.error("An announcement that cannot be read was dropped: %s", error)
                    self._over(key, platform, chat, "dropped", "unreadable")

    def resume(self, platform: str, consumer: str = "main") -> None:
        """Take up again what this consumer claimed before it was killed; call it once at the start."""
        with _full_is_away():
            for chat in cast("list[bytes]", self._redis.zrange(keys.waiting(platform), 0, -1)):
                head = cast("bytes | None", self._redis.lindex(keys.line(platform, chat.decode()), 0))
                if head and self._redis.hget(head.decode(), "consumer") == consumer.encode():
                    self._redis.zadd(keys.waiting(platform), {chat: self._now_s()}, xx=True)

    def place(self, announcement: Announcement, message_id: str) -> None:
        """Note in which message it is going to stand, before it does."""
        with _full_is_away(), self._redis.pipeline() as pipe:
            pipe.hset(announcement.key, "placed", message_id)
            pipe.expire(announcement.key, KEPT_S)
            pipe.execute()

    def posted(self, announcement: Announcement, message_id: str) -> bool:
        """Note that it stands there: it is never handed out again.

        Returns:
            False if somebody else noted it before.
        """
        chat = announcement.chat
        return self._over(announcement.key, chat.platform, chat.key, "posted", message_id)

    def drop(self, announcement: Announcement, reason: str) -> bool:
        """Give it up: the chat is closed to us."""
        chat = announcement.chat
        return self._over(announcement.key, chat.platform, chat.key, "dropped", reason)

    def later(self, announcement: Announcement, after_s: float, sure: bool = True) -> None:
        """It could not be posted now.

        Args:
            announcement: What ``claim`` gave.
            after_s: When to try again.
            sure: Whether it certainly does not stand there; else it comes back as redelivered.
        """
        with _full_is_away(), self._redis.pipeline() as pipe:
            if sure:
                pipe.hdel(announcement.key, "consumer")
            waiting = keys.waiting(announcement.chat.platform)
            pipe.zadd(waiting, {announcement.chat.key: self._now_s() + after_s}, xx=True)
            pipe.execute()

    def message(self, challenge_id: str, event: str, chat: str) -> str:
        """The message in which something was told to a chat, or ""."""
        with _full_is_away():
            found = self._redis.hget(keys.announcement(challenge_id, event, chat), "posted")
        return cast("bytes | None", found).decode() if found else ""  # type: ignore[union-attr]

    def _over(self, key: str, platform: str, chat: str, outcome: str, detail: str) -> bool:
        names = [key, keys.line(platform, chat), keys.waiting(platform)]
        with _full_is_away():
            return bool(self._end(keys=names, args=[chat, repr(self._now_s()), outcome, detail, KEPT_S]))


@contextmanager
def _full_is_away() -> Iterator[None]:
    """Posters have nobody to tell "try again": a full Redis is one that is away.

    Raises:
        OperatorError: ``queue_unavailable``.
    """
    try:
        yield
    except BusyError:
        raise OperatorError("queue_unavailable", {"reason": "Redis has no memory left"}) from None
