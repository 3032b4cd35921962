"""How a challenge goes from one state to the next: what is written, when the clock looks again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from bot.challenges import keys
from bot.challenges.announcements import announce, tell
from bot.challenges.entry import Entry
from bot.challenges.model import (
    EXTENSION_S,
    HOUR_S,
    KEPT_S,
    REVIEW_S,
    RUN_OFF_S,
    SHOWN_S,
    Challenge,
    State,
)
from bot.challenges.store import Change, swap_entry

REMINDER_HOURS = (24, 1)
_PASSING = ("abandon", "close", "review_over", "count", "archive", *(f"soon_{hours}" for hours in REMINDER_HOURS))


def due(challenge_id: str, moment: str) -> str:
    """A moment's name in the clock."""
    return f"{challenge_id}|{moment}"


def moments(challenge: Challenge) -> dict[str, float]:
    """When the clock has to look at a challenge again, by moment."""
    ends_s = challenge.until_s
    match challenge.state:
        case State.DRAFT:
            return {"abandon": challenge.closes_at_s}
        case State.OPEN:
            return {"close": ends_s, **_reminders(challenge)}
        case State.DRAINING:
            return {"settle": challenge.changed_at_s}
        case State.REVIEW:
            return {"review_over": ends_s}
        case State.VOTING | State.RUN_OFF:
            return {"count": ends_s, **_reminders(challenge)}
        case State.RESULTS:
            return {"archive": ends_s}
        case _:
            return {}


def turn(change: Change, before: Challenge, after: Challenge) -> None:
    """Replace a challenge by its next version, if nobody else did; call it before any other write."""
    key = keys.challenge(before.challenge_id)
    change.check(key, "state", before.state)
    change.check(key, "version", str(before.version))
    write_challenge(change, after)
    if after.state is not before.state:
        _note_state(change, after)
    # What is being made is waited for in open and draining; joining a chat must not end that.
    stale = [*_PASSING, *(() if after.state in {State.OPEN, State.DRAINING} else ("settle",))]
    change.write("ZREM", keys.DUE, *(due(after.challenge_id, moment) for moment in stale))
    _set_clock(change, after)
    keep(change, after)


def write_challenge(change: Change, challenge: Challenge) -> None:
    """Write what scripts and people read of a challenge."""
    change.write(
        "HSET",
        keys.challenge(challenge.challenge_id),
        *("data", challenge.to_json()),
        *("state", challenge.state),
        *("version", challenge.version),
        *("until", challenge.until_s),
        *("allowance", challenge.allowance),
        *("round", challenge.round),
    )


def create(change: Change, challenge: Challenge) -> None:
    """Write a new draft."""
    change.check(keys.challenge(challenge.challenge_id), "version", "")
    write_challenge(change, challenge)
    _note_state(change, challenge)
    _set_clock(change, challenge)
    keep(change, challenge)


def keep(change: Change, challenge: Challenge) -> None:
    """Let everything of a challenge live on from this change, and where it is found."""
    for key in (*_parts(challenge.challenge_id), keys.DUE, *(keys.of_chat(chat.key) for chat in challenge.chats)):
        change.write("EXPIRE", key, KEPT_S)


def delete(change: Change, challenge: Challenge) -> None:
    """Take what was never opened away, as if it had never been."""
    name = challenge.challenge_id
    change.check(keys.challenge(name), "state", challenge.state)
    change.check(keys.challenge(name), "version", str(challenge.version))
    for moment in moments(challenge):
        change.write("ZREM", keys.DUE, due(name, moment))
    for chat in challenge.chats:
        change.write("ZREM", keys.of_chat(chat.key), name)
    for key in _parts(name):
        change.write("DEL", key)


def _parts(name: str) -> list[str]:
    parts = [keys.challenge, keys.entries, keys.makers, keys.looks, keys.recent, keys.flags]
    parts += [keys.log, keys.history, keys.results]
    rounds = [part(name, vote_round) for part in (keys.ballot, keys.votes) for vote_round in (1, 2)]
    return [*(part(name) for part in parts), *rounds]


def extend(change: Change, challenge: Challenge, now_s: float) -> None:
    """A day for stragglers, once; also from draining, where what was being made came to nothing."""
    closes_s = max(now_s, challenge.closes_at_s) + EXTENSION_S
    changes = {"closes_at_s": closes_s, "extended": True}
    if challenge.state is State.OPEN:
        after = challenge.changed(**changes, until_s=closes_s, changed_at_s=now_s)
    else:
        after = challenge.to(State.OPEN, now_s, closes_s, **changes)
    turn(change, challenge, after)
    announce(change, after, now_s, "extended")


def to_review(change: Change, challenge: Challenge, entries: int, now_s: float) -> None:
    """Moderators look through the entries."""
    after = challenge.to(State.REVIEW, now_s, now_s + REVIEW_S)
    turn(change, challenge, after)
    tell_maker(change, after, now_s, "review", {"entries": entries})


def to_voting(change: Change, challenge: Challenge, entries: Iterable[Entry], now_s: float) -> None:
    """Number the entries, in an order that tells nothing, and open the ballot."""
    after = challenge.to(State.VOTING, now_s, now_s + challenge.voting_hours * HOUR_S)
    turn(change, challenge, after)
    shuffled = sorted(entries, key=lambda entry: order_key(challenge.challenge_id, entry.entry_id))
    for number, entry in enumerate(shuffled, 1):
        swap_entry(change, entry, entry.changed(number=number))
        change.write("HSET", keys.ballot(challenge.challenge_id, 1), entry.entry_id, entry.user)
    announce(change, after, now_s, "voting", {"entries": len(shuffled)})


def to_run_off(change: Change, challenge: Challenge, tied: Iterable[Entry], now_s: float) -> None:
    """The tied ones, once more."""
    after = challenge.to(State.RUN_OFF, now_s, now_s + RUN_OFF_S)
    turn(change, challenge, after)
    numbers = []
    for entry in sorted(tied, key=lambda entry: entry.number):
        numbers.append(entry.number)
        change.write("HSET", keys.ballot(challenge.challenge_id, 2), entry.entry_id, entry.user)
    announce(change, after, now_s, "run_off", {"numbers": numbers})


def to_results(change: Change, challenge: Challenge, results: str, now_s: float) -> None:
    """It is over.

    Args:
        change: What is put together.
        challenge: As it stands.
        results: JSON of ``scoring.Outcome``.
        now_s: The time.
    """
    after = challenge.to(State.RESULTS, now_s, now_s + SHOWN_S)
    turn(change, challenge, after)
    change.write("SET", keys.results(challenge.challenge_id), results, "EX", KEPT_S)
    announce(change, after, now_s, "results")


def tell_maker(
    change: Change, challenge: Challenge, now_s: float, kind: str, facts: Mapping[str, Any], suffix: str = ""
) -> None:
    """Tell the one who made the challenge, in private; nobody, once they are forgotten."""
    if challenge.created_by:
        tell(change, challenge, challenge.chats[0], now_s, kind, facts, suffix, challenge.created_by)


def order_key(*parts: str) -> str:
    """A place in an order that tells nothing and is the same in every process."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _set_clock(change: Change, challenge: Challenge) -> None:
    for moment, at_s in moments(challenge).items():
        change.write("ZADD", keys.DUE, at_s, due(challenge.challenge_id, moment))


def _note_state(change: Change, challenge: Challenge) -> None:
    change.write("RPUSH", keys.history(challenge.challenge_id), f"{challenge.changed_at_s} {challenge.state}")


def _reminders(challenge: Challenge) -> dict[str, float]:
    """Those that are still to come when the phase begins."""
    times = {f"soon_{hours}": challenge.until_s - hours * HOUR_S for hours in REMINDER_HOURS}
    return {moment: at_s for moment, at_s in times.items() if at_s > challenge.changed_at_s}
