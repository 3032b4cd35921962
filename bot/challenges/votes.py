"""Voting: one script decides, so that racing clicks give exactly the allowed count."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from bot.challenges import keys
from bot.challenges.entry import Ballot, BallotEntry, Choice, Status
from bot.challenges.membership import Seen
from bot.challenges.model import INDEX_KEPT_S, KEPT_S, VOTABLE, Challenge, Person
from bot.challenges.phases import due, order_key
from bot.challenges.rules import check_person, check_seen
from bot.challenges.store import Store
from nst.errors import UserError

BURST_VOTES, BURST_SAME, BURST_S = 20, 15, 60
_TRIES, _KNOWN = 20, 64

# KEYS: challenge, ballot, votes, recent, flags, due, the voter's challenges.
# ARGV: now, voter, entry, "vote" or "revoke", version of the challenge on which the rules were checked, challenge id,
# due moment, then the burst's numbers (of how many votes, how many for one entry, within how many seconds) and how long
# the index of the voter's challenges is kept,
# and how long everything else.
# A row holds void votes as well (for entries that left the ballot); only the others count.
# The vote is written first: a full Redis refuses that, and nothing was changed.
_VOTE = """
local c = redis.call('HMGET', KEYS[1], 'version', 'until', 'allowance')
if c[1] ~= ARGV[5] then return {'stale', '', '0'} end
if tonumber(ARGV[1]) >= tonumber(c[2]) then return {'closed', '', '0'} end
local maker = redis.call('HGET', KEYS[2], ARGV[3])
local all, valid, has = {}, {}, false
for id in (redis.call('HGET', KEYS[3], ARGV[2]) or ''):gmatch('%S+') do
  if id == ARGV[3] then has = true end
  if not (id == ARGV[3] and ARGV[4] == 'revoke') then
    all[#all + 1] = id
    if redis.call('HEXISTS', KEYS[2], id) == 1 then valid[#valid + 1] = id end
  end
end
local allowed = tonumber(c[3])
local function answer(word) return {word, table.concat(valid, ' '), tostring(allowed - #valid)} end
if not maker then return answer('unknown') end
if ARGV[4] == 'revoke' then
  if not has then return answer('same') end
  redis.call('HSET', KEYS[3], ARGV[2], table.concat(all, ' '))
  redis.call('HINCRBY', KEYS[1], 'rows', 1)
  return answer('changed')
end
if maker == ARGV[2] then return answer('own') end
if has then return answer('same') end
if #valid >= allowed then return answer('limit') end
all[#all + 1], valid[#valid + 1] = ARGV[3], ARGV[3]
redis.call('HSET', KEYS[3], ARGV[2], table.concat(all, ' '))
redis.call('HINCRBY', KEYS[1], 'rows', 1)
redis.call('SADD', KEYS[7], ARGV[6])
redis.call('EXPIRE', KEYS[7], ARGV[11])
local function ends(key) if redis.call('TTL', key) == -1 then redis.call('EXPIRE', key, ARGV[12]) end end
ends(KEYS[3])
local length = redis.call('LPUSH', KEYS[4], ARGV[1] .. ' ' .. ARGV[3])
ends(KEYS[4])
if length > tonumber(ARGV[8]) then redis.call('LTRIM', KEYS[4], 0, ARGV[8] - 1) end
local oldest = redis.call('LINDEX', KEYS[4], ARGV[8] - 1)
if oldest and tonumber(oldest:match('%S+')) > tonumber(ARGV[1]) - ARGV[10] then
  local same = 0
  for _, vote in ipairs(redis.call('LRANGE', KEYS[4], 0, -1)) do
    if vote:match(' (%S+)') == ARGV[3] then same = same + 1 end
  end
  if same >= tonumber(ARGV[9]) and redis.call('HSETNX', KEYS[1], 'burst:' .. ARGV[3], 1) == 1 then
    local flag = {at_s = tonumber(ARGV[1]), kind = 'burst', entry_id = ARGV[3], detail = same .. '/' .. ARGV[8]}
    redis.call('RPUSH', KEYS[5], cjson.encode(flag))
    redis.call('HINCRBY', KEYS[1], 'flags', 1)
    redis.call('ZADD', KEYS[6], ARGV[1], ARGV[7])
    ends(KEYS[5])
    ends(KEYS[6])
  end
end
return answer('changed')
"""


class Votes:
    """Use cases of voters.

    Args:
        store: Where challenges are.
        seen: Who was seen where.
        now_s: The time.
    """

    def __init__(self, store: Store, seen: Seen, now_s: Callable[[], float]) -> None:
        self._store, self._seen, self._now_s = store, seen, now_s
        self._script = store.redis.register_script(_VOTE)
        self._known: dict[str, Challenge] = {}

    def ballot(self, challenge_id: str, voter: Person) -> Ballot:
        """What one voter sees: all entries but the disqualified, in the voter's own order.

        Raises:
            UserError: ``challenge_unknown`` or ``voting_closed``; what keeps them from voting, as ``vote``.
        """
        challenge = self._store.challenge(challenge_id)
        self._check(challenge, voter)
        on_ballot, row = self._read(challenge, voter.user)
        entries = [
            e for e in self._store.entries(challenge_id) if e.entry_id in on_ballot and e.status is Status.ENTERED
        ]
        chosen = [name for name in row.split() if name in on_ballot]
        entries.sort(key=lambda entry: order_key(challenge_id, str(challenge.round), voter.user, entry.entry_id))
        return Ballot(
            challenge_id=challenge_id,
            entries=tuple(
                BallotEntry(
                    entry_id=entry.entry_id,
                    number=entry.number,
                    chosen=entry.entry_id in chosen,
                    own=entry.user == voter.user,
                    picture=entry.picture,
                    media_type=entry.media_type,
                    style_label=entry.style_label,
                    spoiler=entry.spoiler,
                )
                for entry in entries
            ),
            left=challenge.allowance - len(chosen),
            until_s=challenge.until_s,
            run_off=challenge.round == 2,
        )

    def vote(self, challenge_id: str, entry_id: str, voter: Person) -> Choice:
        """Vote for an entry; twice is once.

        Raises:
            UserError: ``challenge_unknown``, ``voting_closed``, ``entry_unknown`` (or disqualified),
                ``vote_own_entry``, ``vote_limit``, ``not_seen_before``; what ``rules.check_person`` raises.
        """
        return self._click(challenge_id, entry_id, voter, "vote")

    def revoke(self, challenge_id: str, entry_id: str, voter: Person) -> Choice:
        """Take a vote back, until the voting closes; twice is once.

        Raises:
            UserError: As ``vote``, but for the last two.
        """
        return self._click(challenge_id, entry_id, voter, "revoke")

    def _click(self, challenge_id: str, entry_id: str, voter: Person, action: str) -> Choice:
        for fresh in (False, *(True,) * _TRIES):
            challenge = self._reading(challenge_id, fresh)
            try:
                self._check(challenge, voter)
            except UserError:
                if fresh:
                    raise
                continue  # it may be otherwise by now
            choice = self._decided(challenge, entry_id, voter, action)
            if choice:
                return choice
        raise UserError("challenge_changed")

    def _reading(self, challenge_id: str, fresh: bool) -> Challenge:
        """A challenge as it stood when it was last read here: the script says whether it still does."""
        if fresh or challenge_id not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[challenge_id] = self._store.challenge(challenge_id)
        return self._known[challenge_id]

    def _decided(self, challenge: Challenge, entry_id: str, voter: Person, action: str) -> Choice | None:
        """What the script says; None if the challenge is at another version."""
        challenge_id, vote_round = challenge.challenge_id, challenge.round
        names = [
            keys.challenge(challenge_id),
            keys.ballot(challenge_id, vote_round),
            keys.votes(challenge_id, vote_round),
            keys.recent(challenge_id),
            keys.flags(challenge_id),
            keys.DUE,
            keys.of_user(voter.user),
        ]
        click: list[str | int] = [repr(self._now_s()), voter.user, entry_id, action, challenge.version, challenge_id]
        args = [*click, due(challenge_id, "flags"), BURST_VOTES, BURST_SAME, BURST_S, INDEX_KEPT_S, KEPT_S]
        word, chosen, left = (part.decode() for part in self._script(keys=names, args=args))
        if word == "stale":
            return None
        if word in _REFUSALS:
            raise UserError(_REFUSALS[word], {"allowed": challenge.allowance} if word == "limit" else None)
        return Choice(chosen=tuple(chosen.split()), left=int(left), changed=word == "changed")

    def _check(self, challenge: Challenge, voter: Person) -> None:
        if challenge.state not in VOTABLE or self._now_s() >= challenge.until_s:
            raise UserError("voting_closed", {"theme": challenge.theme})
        check_person(challenge, voter, self._now_s())
        if voter.member_since_s is None and challenge.rules.seen_before:
            try:
                check_seen(challenge, voter, self._seen.first(voter.chat, voter.user))
            except UserError:
                if not self._store.made_by(challenge.challenge_id, voter.user):
                    raise  # who entered need not have been seen before

    def _read(self, challenge: Challenge, user: str) -> tuple[set[str], str]:
        name, vote_round = challenge.challenge_id, challenge.round
        on_ballot = cast("list[bytes]", self._store.redis.hkeys(keys.ballot(name, vote_round)))
        row = cast("bytes | None", self._store.redis.hget(keys.votes(name, vote_round), user))
        return {entry.decode() for entry in on_ballot}, (row or b"").decode()


_REFUSALS = {"closed": "voting_closed", "unknown": "entry_unknown", "own": "vote_own_entry", "limit": "vote_limit"}
