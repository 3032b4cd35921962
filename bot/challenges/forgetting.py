"""Somebody's "forget me" in challenges: nothing of theirs stays, and what was counted stays consistent.

A draft of theirs goes, and so does the style picture that they gave: every style is welcome then. Entries become
"withdrawn": the row and its number stay, maker, name, recipe and pictures go. Votes in a round that still runs are
taken back; those in a round that was counted stay counted, by nobody.
"""

from __future__ import annotations

import json
import secrets
from typing import Any, cast

import redis

from bot.challenges import keys, phases
from bot.challenges.entry import Entry, Status
from bot.challenges.model import RUNNING, VOTABLE, Challenge
from bot.challenges.moderation import leave_ballot
from bot.challenges.pictures import Pictures
from bot.challenges.store import Change, Store, count_row, swap_entry
from workers.contract import ContractError, read_object
from workers.store.blobs import Blobs

_TRIES = 20
_TAKES_PART = frozenset({Status.PENDING, Status.ENTERED})


def forget_in_challenges(connection: redis.Redis, user: str, blobs: Blobs | None = None) -> int:
    """Forget somebody in all challenges; twice is as good as once.

    Args:
        connection: To the queue's Redis.
        user: Their key.
        blobs: Where pictures are.

    Returns:
        How many entries were withdrawn.

    Raises:
        OperatorError: ``queue_unavailable``.
    """
    store, pictures = Store(connection), Pictures(blobs or Blobs(connection))
    count = 0
    for challenge_id in store.members(keys.of_user(user)):
        for _ in range(_TRIES):
            challenge = store.find(challenge_id)
            if challenge is None:
                break
            entries = [entry for entry in store.entries(challenge_id) if entry.user == user]
            if store.commit(_forgetting(store, challenge, entries, user)):
                style = challenge.style_kept if _gave_style(challenge, user) else ""
                pictures.forget(challenge_id, style, *(name for one in entries for name in one.kept))
                count += len(entries)
                break
    connection.delete(keys.of_user(user), keys.seen(user))
    return count


def _forgetting(store: Store, challenge: Challenge, entries: list[Entry], user: str) -> Change:
    change, name = Change(), challenge.challenge_id
    if challenge.created_by == user and not challenge.opened_at_s:  # no chat was told of it
        phases.delete(change, challenge)
        return change
    gone: dict[str, Any] = {"created_by": ""} if challenge.created_by == user else {}
    if _gave_style(challenge, user):
        gone |= {"style": "", "style_shown": "", "style_kept": "", "style_by": ""}
    if gone:
        phases.turn(change, challenge, challenge.changed(**gone))
        _untell(store, change, challenge, user)
    else:
        change.check(keys.challenge(name), "state", challenge.state)
    for entry in entries:
        swap_entry(change, entry, _nobodys(entry))
        if challenge.state in RUNNING:
            leave_ballot(change, name, entry.entry_id)
        else:
            _unname_ballots(store, change, name, entry)
            change.write("HDEL", keys.looks(name), entry.entry_id)
    if entries:
        change.write("HDEL", keys.makers(name), user)
    for vote_round in (1, 2):
        _unname_votes(store, change, challenge, vote_round, user)
    _unname_log(store, change, name, user)
    if change.writes:
        count_row(change, name)
    return change


def _gave_style(challenge: Challenge, user: str) -> bool:
    """Earlier releases did not note who; it was the maker nearly always."""
    return bool(challenge.style_kept) and (challenge.style_by or challenge.created_by) == user


def _untell(store: Store, change: Change, challenge: Challenge, user: str) -> None:
    """What waits to be told to them in private is told to nobody."""
    home = challenge.chats[0]
    line = keys.line(home.platform, home.key)
    for key in cast("list[bytes]", store.redis.lrange(line, 0, -1)):
        data = cast("bytes | None", store.redis.hget(key.decode(), "data"))
        if data and _is_of(data, user):
            change.write("HSET", key.decode(), "data", "", "dropped", "forgotten")
            change.write("LREM", line, 0, key.decode())


def _nobodys(entry: Entry) -> Entry:
    """The row without its maker."""
    return Entry(
        entry_id=entry.entry_id,
        challenge_id=entry.challenge_id,
        user="",
        job_id="",
        entered_at_s=entry.entered_at_s,
        status=Status.WITHDRAWN if entry.status in _TAKES_PART else entry.status,
        number=entry.number,
        reason=entry.reason,
    )


def _unname_ballots(store: Store, change: Change, challenge_id: str, entry: Entry) -> None:
    """It was counted: its votes stay valid."""
    for vote_round in (1, 2):
        key = keys.ballot(challenge_id, vote_round)
        if store.redis.hexists(key, entry.entry_id):
            change.write("HSET", key, entry.entry_id, "")


def _unname_votes(store: Store, change: Change, challenge: Challenge, vote_round: int, user: str) -> None:
    key = keys.votes(challenge.challenge_id, vote_round)
    row = (cast("bytes | None", store.redis.hget(key, user)) or b"").decode()
    change.check(key, user, row)
    if not row:
        return
    running = challenge.state in VOTABLE and vote_round == challenge.round
    if not running:  # they could not vote again
        change.write("HSET", key, f"{user.partition(':')[0]}:forgotten-{secrets.token_hex(8)}", row)
    change.write("HDEL", key, user)


def _unname_log(store: Store, change: Change, challenge_id: str, user: str) -> None:
    lines = cast("list[bytes]", store.redis.lrange(keys.log(challenge_id), 0, -1))
    for place, text in enumerate(lines):  # a log only grows: places stay
        if _is_of(text, user):
            change.write("LSET", keys.log(challenge_id), place, json.dumps({**_read(text), "user": ""}))


def _is_of(text: bytes, user: str) -> bool:
    """Whether a line is somebody's; one that nobody can read is theirs if it names them at all."""
    line = _read(text)
    return line.get("user") == user if line else user.encode() in text


def _read(text: bytes) -> dict[str, Any]:
    try:
        return read_object(text)
    except ContractError:
        return {}
