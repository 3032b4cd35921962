"""Whose bytes are: the one place that counts the owners of every blob, and the bytes of everybody and of all.

A blob has owners: users, challenges, or nobody in particular (presets, jobs without a user). It lives as long as the
owner who wants it longest, and goes with the last one. Bytes are counted on accounts: one of each owner, one of whoever
answers for owners besides (the address that a session comes from, the maker of a challenge), and one of all.

Accounts and owners are known by fingerprints, and what has expired is taken off in passing, a bounded number at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import redis

from nst.errors import BusyError
from workers.client.line import Limits
from workers.store import keys
from workers.store.byte_stores import byte_store

NOBODY = ""
FULL = 0.9  # of Redis' memory: the rest is for what is being painted
_AT_ONCE = 500

# Names of keys are made here: this is for one Redis, as everything, not for a cluster. After its first write a script
# may write although Redis is full: what takes bytes off begins with a command that needs no memory.
_ACCOUNTS = """
local now = tonumber(redis.call('TIME')[1])
local function blob_of(digest) return 'pastiche:blob:' .. digest end
local function owners_of(digest) return 'pastiche:owners:' .. digest end
local function held(account) return 'pastiche:held:' .. account end
local function bytes(account) return 'pastiche:bytes:' .. account end
local function total(account) return tonumber(redis.call('HGET', bytes(account), 'total') or 0) end

-- A sorted set of what ends when, which ends with the last of it.
local function last_until(key, name, until_s)
  local before = tonumber(redis.call('ZSCORE', key, name) or -1)
  if before < until_s then redis.call('ZADD', key, until_s, name) end
  if redis.call('TTL', key) < until_s - now then redis.call('EXPIREAT', key, until_s) end
end

local function count(account, name, size, note, until_s)
  last_until(held(account), name, until_s)
  if redis.call('HSET', bytes(account), name, size .. note) == 1 then
    redis.call('HINCRBY', bytes(account), 'total', size)
  end
  if redis.call('TTL', bytes(account)) < until_s - now then redis.call('EXPIREAT', bytes(account), until_s) end
end

local function uncount(account, name)
  if redis.call('ZREM', held(account), name) == 0 then return '' end
  local size, note = string.match(redis.call('HGET', bytes(account), name) or '0', '^(%d+) ?(.*)$')
  redis.call('HDEL', bytes(account), name)
  redis.call('HINCRBY', bytes(account), 'total', 0 - size)  -- of nothing, -size is "-0"
  if redis.call('ZCARD', held(account)) == 0 then redis.call('DEL', bytes(account)) end
  return note
end

local function purge(account)
  local ended = redis.call('ZRANGEBYSCORE', held(account), '-inf', now, 'LIMIT', 0, 100)
  for _, name in ipairs(ended) do uncount(account, name) end
  return #ended
end

-- Seconds until so many bytes of an account have ended; -1 where that is too far to see.
local function seconds_to(account, size)
  local ends = redis.call('ZRANGE', held(account), 0, 999, 'WITHSCORES')
  for i = 1, #ends, 2 do
    size = size - tonumber(string.match(redis.call('HGET', bytes(account), ends[i]) or '0', '^%d+'))
    if size <= 0 then return math.max(1, ends[i + 1] - now) end
  end
  return -1
end
"""

# ARGV: owner's account, payer's account, seconds to live, key that must not exist or "", limits (owner, payer, all;
# 0: none), share of Redis' memory that may be taken (0: any), whether Redis keeps bytes itself, bytes that there has to
# be room for besides, then for each blob: digest, size or "" for one that is there, "1" if it is nobody's.
_CLAIM = (
    _ACCOUNTS
    + """
local own, payer, until_s = ARGV[1], ARGV[2], now + ARGV[3]
if ARGV[4] ~= '' and redis.call('EXISTS', ARGV[4]) == 1 then return {'answered'} end
if payer == '' then payer = redis.call('HGET', bytes(own), 'payer') or '' end
local more, blobs, missing = tonumber(ARGV[10]), {}, {'missing'}
local growth = {[own] = more, [payer] = more, [''] = more}
for i = 11, #ARGV, 3 do
  local digest, size, account = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2] == '1' and '' or own
  local name = redis.sha1hex(digest)
  local known = redis.call('HGET', bytes(''), name)
  if not size then
    size = tonumber(known or redis.call('STRLEN', blob_of(digest)))
    if redis.call('EXISTS', blob_of(digest)) == 0 then table.insert(missing, digest) end
  end
  local theirs = redis.sha1hex(account .. digest)
  local pays = account ~= '' and payer or ''
  if not known then growth[''] = growth[''] + size end
  if account ~= '' then
    local mine = redis.call('HGET', bytes(own), digest)
    if not mine then growth[own] = growth[own] + size
    elseif ARGV[2] == '' then pays = string.match(mine, ' (.*)$') or '' end  -- it is paid for as it was
    if pays == payer and pays ~= '' and redis.call('HEXISTS', bytes(pays), theirs) == 0 then
      growth[pays] = growth[pays] + size
    end
  end
  table.insert(blobs, {digest, name, size, account, theirs, pays})
end
if #missing > 1 then return missing end

local most, inside = 0, ARGV[9] == '1'
-- Jobs that wait were let in: there has to be room for their results, which are as large as what is kept on average.
local waiting = redis.call('LLEN', 'rq:queue:fast') + redis.call('LLEN', 'rq:queue:slow')
local kept = redis.call('ZCARD', held(''))
growth[''] = growth[''] + (kept > 0 and math.floor(waiting * math.min(total('') / kept, 1048576)) or 0)
if tonumber(ARGV[8]) > 0 then
  local memory = redis.call('INFO', 'memory')
  most = tonumber(string.match(memory, '\\nmaxmemory:(%d+)') or 0) * ARGV[8]
  local over = tonumber(string.match(memory, 'used_memory:(%d+)')) + (inside and growth[''] or 0) - most
  if most > 0 and over > 0 then return {'all', inside and seconds_to('', over) or -1, most, most} end
end
for i, account in ipairs({own, payer, ''}) do
  purge(account)
  local limit, here = tonumber(ARGV[4 + i]), total(account)
  if i == 3 and inside and most > 0 then limit = 0 end
  local over = here + growth[account] - limit
  if (account ~= '' or i == 3) and limit > 0 and growth[account] > 0 and over > 0 then
    return {({'owner', 'payer', 'all'})[i], seconds_to(account, over), here, limit}
  end
end

for _, blob in ipairs(blobs) do
  local digest, name, size, account, theirs, pays = unpack(blob)
  last_until(owners_of(digest), account, until_s)
  redis.call('ZREMRANGEBYSCORE', owners_of(digest), '-inf', now)
  count('', name, size, '', until_s)
  if account ~= '' then
    local before = string.match(redis.call('HGET', bytes(own), digest) or '', ' (.*)$') or ''
    if before ~= '' and before ~= pays then uncount(before, theirs) end
    count(own, digest, size, ' ' .. pays, until_s)
    if pays ~= '' then count(pays, theirs, size, '', until_s) end
  end
  for _, key in ipairs({blob_of(digest), 'pastiche:side:' .. digest, 'pastiche:frames:' .. digest}) do
    if redis.call('TTL', key) < until_s - now then redis.call('EXPIREAT', key, until_s) end
  end
end
if payer ~= '' and redis.call('EXISTS', bytes(own)) == 1 then redis.call('HSET', bytes(own), 'payer', payer) end
return {'claimed'}
"""
)

# After the bytes were written: they live as long as their owners say, and not at all once the last one left.
_SETTLE = """
local last = redis.call('ZREVRANGE', 'pastiche:owners:' .. ARGV[1], 0, 0, 'WITHSCORES')[2]
if last then redis.call('EXPIREAT', 'pastiche:blob:' .. ARGV[1], last)
else redis.call('DEL', 'pastiche:blob:' .. ARGV[1]) end
"""

# ARGV: owner's account, or "*" for all owners, then digests. Returns the digests of what is nobody's now.
_RELEASE = (
    _ACCOUNTS
    + """
local gone = {}
for i = 2, #ARGV do
  local digest = ARGV[i]
  local leaving = ARGV[1] == '*' and redis.call('ZRANGE', owners_of(digest), 0, -1) or {ARGV[1]}
  for _, account in ipairs(leaving) do
    redis.call('ZREM', owners_of(digest), account)
    if account ~= '' then
      local payer = uncount(account, digest)
      if payer ~= '' then uncount(payer, redis.sha1hex(account .. digest)) end
    end
  end
  redis.call('ZREMRANGEBYSCORE', owners_of(digest), '-inf', now)
  local last = redis.call('ZREVRANGE', owners_of(digest), 0, 0, 'WITHSCORES')[2]
  if last then
    redis.call('EXPIREAT', blob_of(digest), last)
    redis.call('EXPIREAT', owners_of(digest), last)
    if redis.call('ZSCORE', held(''), redis.sha1hex(digest)) then
      redis.call('ZADD', held(''), last, redis.sha1hex(digest))
    end
  else
    redis.call('DEL', blob_of(digest), owners_of(digest))
    table.insert(gone, digest)
    uncount('', redis.sha1hex(digest))
  end
end
return gone
"""
)


def account_of(owner: str) -> str:
    """The account of an owner: a fingerprint, so that what is counted names nobody.

    Args:
        owner: A user's key, ``challenge:`` and an id, ``address:`` and a key of an address, or ``NOBODY``.
    """
    return keys.fingerprint("owner", owner) if owner else NOBODY


class Owners:
    """Counts; synchronous.

    Args:
        connection: To the queue's Redis.
        limits: What may be held; None where nobody is refused, as in a worker, whose jobs were let in.
    """

    def __init__(self, connection: redis.Redis, limits: Limits | None = None) -> None:
        self._connection, self._limits = connection, limits
        self._claim = connection.register_script(_CLAIM)
        self._settle = connection.register_script(_SETTLE)
        self._release = connection.register_script(_RELEASE)

    def claim(
        self,
        owner: str,
        sizes: Mapping[str, int | None],
        ttl_s: int,
        *,
        payer: str = NOBODY,
        job_id: str = "",
        nobodys: Collection[str] = (),
        more_bytes: int = 0,
    ) -> list[str] | None:
        """Become an owner of blobs, all of them or none.

        Args:
            owner: Whose they are.
            sizes: Bytes by digest; None for a blob that has to be there already.
            ttl_s: Seconds from now for which this owner wants them.
            payer: Who answers for the owner besides, from now on; "" for whoever did last.
            job_id: A job for whose sake it is; nothing is claimed once it has its answer.
            nobodys: Those of the digests that are nobody's: presets.
            more_bytes: What there has to be room for besides: what comes of it.

        Returns:
            Digests that had to be there and are not: then nothing was claimed. None if the job has its answer.

        Raises:
            BusyError: ``bytes_limited``, ``address_bytes_limited`` or ``store_full``.
        """
        answered = keys.done(job_id) if job_id else ""
        limits = self._allowed(owner, payer)
        head: list[Any] = [account_of(owner), account_of(payer), ttl_s, answered, *limits, more_bytes]
        blobs = [part for name, size in sizes.items() for part in (name, _or(size, ""), int(name in nobodys))]
        verdict, *details = cast("list[Any]", self._claim(args=[*head, *blobs]))
        if verdict == b"answered":
            return None
        if verdict in (b"claimed", b"missing"):
            return [digest.decode() for digest in details]
        by_address = verdict == b"payer" and (payer or _ADDRESS).startswith(_ADDRESS)
        code = "store_full" if verdict == b"all" else "address_bytes_limited" if by_address else "bytes_limited"
        raise _refusal(code, *details)

    def settle(self, pipe: Any, digest: str) -> None:
        """Let bytes that were just written live as long as their owners want, as a part of what a pipeline does."""
        self._settle(args=[digest], client=pipe)

    def release(self, owner: str, *digests: str) -> list[str]:
        """Be an owner no more; what has no other owner is deleted, with all that was learnt of it.

        Args:
            owner: Who leaves; ``*`` for all owners.
            digests: Of any blobs; one without a word about its owners, from an earlier release, is deleted.

        Returns:
            Digests of what was nobody else's.
        """
        account = owner if owner == "*" else account_of(owner)
        known = [digest for digest in digests if digest]
        gone: list[str] = []
        for first in range(0, len(known), _AT_ONCE):
            some = cast("list[bytes]", self._release(args=[account, *known[first : first + _AT_ONCE]]))
            gone += [digest.decode() for digest in some]
        if gone:
            self._forget_about(gone)
        return gone

    def release_all(self, owner: str) -> list[str]:
        """Leave every blob; what ``release`` returns."""
        names = cast("list[bytes]", self._connection.zrange(keys.held(account_of(owner)), 0, -1))
        gone = self.release(owner, *(name.decode() for name in names))
        self._connection.delete(keys.held(account_of(owner)), keys.held_bytes(account_of(owner)))
        return gone

    def total_bytes(self, owner: str = NOBODY) -> int:
        """What an owner, or a payer, has; all that there is for ``NOBODY``. What just expired may be among it."""
        return int(cast("bytes | None", self._connection.hget(keys.held_bytes(account_of(owner)), "total")) or 0)

    def _allowed(self, owner: str, payer: str) -> tuple[int | float, ...]:
        """What ``_CLAIM`` wants to know of limits."""
        in_redis = int(byte_store() is None)
        if self._limits is None:
            return (0, 0, 0, 0, in_redis)
        limits = self._limits
        own, paid = _limit(owner, limits), _limit(payer or _ADDRESS, limits)
        return (own, paid, limits.bytes_in_all, FULL, in_redis)

    def _forget_about(self, gone: Collection[str]) -> None:
        """Delete what is kept beside blobs that are no more."""
        learnt = cast("set[bytes]", self._connection.sunion([keys.vectors_of(digest) for digest in gone]))
        names = [name(digest) for digest in gone for name in (keys.side, keys.frames, keys.vectors_of)]
        prefix = keys.blob("").encode()
        pyramids = [name.removeprefix(prefix).decode() for name in learnt if name.startswith(prefix)]
        self._connection.delete(*names, *learnt)
        if pyramids:
            self._release(args=["*", *pyramids])
        store = byte_store()
        if store:
            store.delete(*gone, *pyramids)


_ADDRESS, _CHALLENGE = "address:", "challenge:"


def _limit(who: str, limits: Limits) -> int:
    if not who or who.startswith(_CHALLENGE):
        return 0
    return limits.bytes_per_address if who.startswith(_ADDRESS) else limits.bytes_per_user


def _or(size: int | None, otherwise: str) -> int | str:
    return otherwise if size is None else size


def _refusal(code: str, wait_s: int, held: int, allowed: int) -> BusyError:
    detail = {"held_bytes": held, "allowed_bytes": allowed} if code != "store_full" else {}
    return BusyError(code, detail | ({"retry_after_s": wait_s} if wait_s > 0 else {}))
