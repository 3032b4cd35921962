"""Challenges and entries in Redis, and the one script through which everything but votes is changed.

A change names what it relies on and what it writes; the script does all of it or nothing. So two
processes cannot make the same change, and a kill leaves no half of one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import redis

from bot.challenges import keys
from bot.challenges.entry import Entry
from bot.challenges.model import INDEX_KEPT_S, KEPT_S, Challenge
from nst.errors import UserError
from workers.connection import speaking_redis

# ARGV: {"checks": [[key, field, expected]], "writes": [[command, …]]} as JSON; "" as expected means absent.
# The names of keys are in the JSON: this is for one Redis, as everything here, not for a cluster.
# ANNOUNCE key, line, waiting, chat, data, now: once for a key, whatever became of it.
_COMMIT = """
local change = cjson.decode(ARGV[1])
for _, check in ipairs(change.checks) do
  local found
  if check[2] == '' then found = redis.call('GET', check[1]) else found = redis.call('HGET', check[1], check[2]) end
  if (found or '') ~= check[3] then return 0 end
end
for _, write in ipairs(change.writes) do
  if write[1] == 'ANNOUNCE' then
    if redis.call('HSETNX', write[2], 'data', write[6]) == 1 then
      redis.call('EXPIRE', write[2], KEPT_S)
      redis.call('RPUSH', write[3], write[2])
      redis.call('ZADD', write[4], 'NX', write[7], write[5])
    end
  else redis.call(unpack(write)) end
end
return 1
""".replace("KEPT_S", str(KEPT_S))
Check = tuple[str, str, str]
Write = tuple[str | int | float, ...]


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
        with speaking_redis():
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
        with speaking_redis():
            text = cast("bytes | None", self.redis.hget(keys.challenge(challenge_id), "data"))
        return Challenge.from_json(text) if text else None

    def find_all(self, challenge_ids: Iterable[str]) -> list[Challenge]:
        """Those challenges that are still kept, in one round trip."""
        with speaking_redis(), self.redis.pipeline(transaction=False) as pipe:
            for name in challenge_ids:
                pipe.hget(keys.challenge(name), "data")
            return [Challenge.from_json(text) for text in pipe.execute() if text]

    def rows(self, challenge_id: str) -> str:
        """Counter of the changes of entries and votes: a tally relies on it."""
        with speaking_redis():
            return (cast("bytes | None", self.redis.hget(keys.challenge(challenge_id), "rows")) or b"").decode()

    def entries(self, challenge_id: str) -> list[Entry]:
        """All rows, by time."""
        with speaking_redis():
            texts = cast("list[bytes]", self.redis.hvals(keys.entries(challenge_id)))
        return sorted(map(Entry.from_json, texts), key=lambda entry: (entry.entered_at_s, entry.entry_id))

    def entry(self, challenge_id: str, entry_id: str) -> Entry:
        """One row.

        Raises:
            UserError: ``entry_unknown``.
        """
        with speaking_redis():
            text = cast("bytes | None", self.redis.hget(keys.entries(challenge_id), entry_id))
        if not text:
            raise UserError("entry_unknown")
        return Entry.from_json(text)

    def made_by(self, challenge_id: str, user: str) -> str:
        """Ids of a user's entries that count, as the row has them."""
        with speaking_redis():
            return (cast("bytes | None", self.redis.hget(keys.makers(challenge_id), user)) or b"").decode()

    def members(self, key: str) -> Sequence[str]:
        """A set, sorted."""
        with speaking_redis():
            return sorted(name.decode() for name in cast("set[bytes]", self.redis.smembers(key)))


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
