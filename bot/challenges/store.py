"""Challenges and entries in Redis, and the one script through which everything but votes is changed.

A change names what it relies on and what it writes; the script does all of it or nothing. So two
processes cannot make the same change, and a kill leaves no half of one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

import redis

from bot.challenges import keys
from bot.challenges.entry import Entry
from bot.challenges.model import INDEX_KEPT_S, KEPT_S, Challenge
from nst.errors import UserError
from workers.contract import ContractError

log = logging.getLogger(__name__)

# ARGV: {"checks": [[key, field, expected]], "writes": [[command, …]]} as JSON; "" as expected means absent.
# The names of keys are in the JSON: this is for one Redis, as everything here, not for a cluster.
# ANNOUNCE key, line, waiting, chat, data, now: once for a key, whatever became of it. On a platform that nobody serves
# nobody takes anything off a line, nor a chat off those that wait: what has ended goes when something new comes.
# What is written lives for half a year, where its writer says nothing else.
_COMMIT = """
local function announce(key, line, waiting, chat, data, now)
  if redis.call('HSETNX', key, 'data', data) == 0 then return end
  redis.call('EXPIRE', key, KEPT_S)
  local first = redis.call('LINDEX', line, 0)
  while first and redis.call('EXISTS', first) == 0 do
    redis.call('LPOP', line)
    first = redis.call('LINDEX', line, 0)
  end
  redis.call('RPUSH', line, key)
  redis.call('EXPIRE', line, KEPT_S)
  for _, silent in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', now - KEPT_S, 'LIMIT', 0, 100)) do
    if redis.call('EXISTS', waiting .. ':' .. silent) == 0 then redis.call('ZREM', waiting, silent) end
  end
  redis.call('ZADD', waiting, 'NX', now, chat)
  redis.call('EXPIRE', waiting, KEPT_S)
end
local change = cjson.decode(ARGV[1])
for _, check in ipairs(change.checks) do
  local found
  if check[2] == '' then found = redis.call('GET', check[1]) else found = redis.call('HGET', check[1], check[2]) end
  if (found or '') ~= check[3] then return 0 end
end
for _, write in ipairs(change.writes) do
  if write[1] == 'ANNOUNCE' then announce(unpack(write, 2)) else redis.call(unpack(write)) end
  if redis.call('TTL', write[2]) == -1 then redis.call('EXPIRE', write[2], KEPT_S) end
end
return 1
""".replace("KEPT_S", str(KEPT_S))
Check = tuple[str, str, str]
Write = tuple[str | int | float, ...]
Record = TypeVar("Record", Challenge, Entry)


@dataclass
class Change:
    """A change that is being put together.

    Attributes:
        checks: (key, field or "" for a plain value, what has to be there or "" for nothing).
        writes: Redis commands, in order. The first one should be one that a full Redis refuses.
    """

    checks: list[Check] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)

    def check(self, key: str, name: str, expected: str) -> None:
        """Rely on a value."""
        self.checks.append((key, name, expected))

    def write(self, *command: str | int | float) -> None:
        """Add a command."""
        self.writes.append(command)


class Store:
    """Reading and changing; synchronous.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self.redis = connection
        self._commit = connection.register_script(_COMMIT)

    def commit(self, change: Change) -> bool:
        """Make a change; False, and nothing is changed, if something that it relies on is otherwise."""
        writes = [[word if isinstance(word, str) else repr(word) for word in command] for command in change.writes]
        return bool(self._commit(args=[json.dumps({"checks": change.checks, "writes": writes})]))

    def challenge(self, challenge_id: str) -> Challenge:
        """A challenge as it stands.

        Raises:
            UserError: ``challenge_unknown``.
        """
        found = self.find(challenge_id)
        if found is None:
            raise UserError("challenge_unknown", {"received": challenge_id[:40]})
        return found

    def find(self, challenge_id: str) -> Challenge | None:
        """A challenge as it stands, or None."""
        text = cast("bytes | None", self.redis.hget(keys.challenge(challenge_id), "data"))
        return next(iter(_readable(Challenge, [text])), None)

    def find_all(self, challenge_ids: Iterable[str]) -> list[Challenge]:
        """Those challenges that are still kept, in one round trip."""
        with self.redis.pipeline(transaction=False) as pipe:
            for name in challenge_ids:
                pipe.hget(keys.challenge(name), "data")
            return _readable(Challenge, pipe.execute())

    def in_chat(self, chat: str) -> list[Challenge]:
        """A chat's challenges, the last to come first; those that are no longer kept leave its list."""
        with self.redis.pipeline(transaction=False) as pipe:
            names = cast("list[bytes]", self.redis.zrevrange(keys.of_chat(chat), 0, -1))
            for name in names:
                pipe.hget(keys.challenge(name.decode()), "data")
            texts = dict(zip(names, pipe.execute(), strict=True))
            gone = [name for name, text in texts.items() if text is None]
            if gone:
                self.redis.zrem(keys.of_chat(chat), *gone)
        return _readable(Challenge, texts.values())

    def rows(self, challenge_id: str) -> str:
        """Counter of the changes of entries and votes: a tally relies on it."""
        return (cast("bytes | None", self.redis.hget(keys.challenge(challenge_id), "rows")) or b"").decode()

    def entries(self, challenge_id: str) -> list[Entry]:
        """All rows that can be read, by time."""
        texts = cast("list[bytes]", self.redis.hvals(keys.entries(challenge_id)))
        return sorted(_readable(Entry, texts), key=lambda entry: (entry.entered_at_s, entry.entry_id))

    def entry(self, challenge_id: str, entry_id: str) -> Entry:
        """One row.

        Raises:
            UserError: ``entry_unknown``.
        """
        text = cast("bytes | None", self.redis.hget(keys.entries(challenge_id), entry_id))
        for entry in _readable(Entry, [text]):
            return entry
        raise UserError("entry_unknown")

    def made_by(self, challenge_id: str, user: str) -> str:
        """Ids of a user's entries that count, as the row has them."""
        return (cast("bytes | None", self.redis.hget(keys.makers(challenge_id), user)) or b"").decode()

    def members(self, key: str) -> Sequence[str]:
        """A set, sorted."""
        return sorted(name.decode() for name in cast("set[bytes]", self.redis.smembers(key)))


def _readable(kind: type[Record], texts: Iterable[bytes | None]) -> list[Record]:
    """Records; what is not kept any more is left out, and what nobody can read: that is unknown and takes no part."""
    found = []
    for text in texts:
        try:
            found += [kind.from_json(text)] if text else []
        except ContractError as error:
            log.error("A challenge's record cannot be read: %s", error)
    return found


def swap_entry(change: Change, before: Entry, after: Entry) -> None:
    """Replace a row by itself, otherwise; relies on it as it was."""
    key = keys.entries(before.challenge_id)
    change.check(key, before.entry_id, before.to_json())
    change.write("HSET", key, before.entry_id, after.to_json())


def index_user(change: Change, user: str, challenge_id: str) -> None:
    """Note that somebody has a part in a challenge, for "forget me"."""
    change.write("SADD", keys.of_user(user), challenge_id)
    change.write("EXPIRE", keys.of_user(user), INDEX_KEPT_S)


def count_row(change: Change, challenge_id: str) -> None:
    """Note that entries or votes changed; after the first write."""
    change.write("HINCRBY", keys.challenge(challenge_id), "rows", 1)
