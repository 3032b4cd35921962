"""The clock: a sorted set of due moments in Redis. Any number of processes may run it.

A moment's effect and its removal are one script that relies on the challenge's version, so each
happens once; what is overdue at a start is done in its order.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import cast

from bot.challenges import keys, phases
from bot.challenges.announcements import announce
from bot.challenges.entries import SETTLE_S, Entries
from bot.challenges.entry import Entry, Status
from bot.challenges.model import DRAIN_S, FEWEST_ENTRIES, HOUR_S, VOTABLE, Challenge, State
from bot.challenges.scoring import Outcome, outcome, read_tally
from bot.challenges.store import Change, Store, count_row, swap_entry
from nst.errors import BusyError, OperatorError, PasticheError

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
_LATE_S = HOUR_S / 2  # a reminder later than that is left out
_TRIES = 50
_AGAIN_S = 60.0  # before a moment that failed is tried again


class Clock:
    """Does what is due.

    Args:
        store: Where challenges are.
        entries: For what is still being made.
        now_s: The time.
    """

    def __init__(self, store: Store, entries: Entries, now_s: Callable[[], float]) -> None:
        self._store, self._entries, self._now_s = store, entries, now_s
        self._steps: dict[str, Callable[[Challenge, float], Change | None]] = {
            "abandon": self._abandon,
            "close": self._close,
            "settle": self._settle,
            "review_over": self._begin_voting,
            "count": self._count,
            "archive": self._archive,
            "flags": self._tell_flags,
            **{f"soon_{hours}": self._remind(hours) for hours in phases.REMINDER_HOURS},
        }
        self._afterwards: dict[str, Callable[[Challenge], None]] = {
            "abandon": self._let_go,
            "archive": entries.keep_on,
        }

    def tick(self) -> int:
        """Do everything that is due, in order.

        Returns:
            How many moments were dealt with.

        Raises:
            OperatorError: ``queue_unavailable``.
            BusyError: ``store_full``: Redis has no memory left.
        """
        dealt_with = 0
        tries: Counter[str] = Counter()
        while found := self._first():  # at the time of each look: one step may make the next one due
            member, at_s = found
            tries[member] += 1
            try:
                dealt_with += self._do(member, at_s)
            except (OperatorError, BusyError):  # Redis is away or full: nothing was changed
                raise
            except (PasticheError, ValueError, LookupError, TypeError) as error:
                log.error("A challenge's moment failed and is tried again", exc_info=error)
                self._put_off(member, _AGAIN_S)
            else:
                if tries[member] >= _TRIES:  # others change it faster than we look
                    self._put_off(member, SETTLE_S)
        return dealt_with

    def _first(self) -> tuple[str, float] | None:
        due = self._store.redis.zrangebyscore(keys.DUE, "-inf", repr(self._now_s()), start=0, num=1, withscores=True)
        moments = cast("list[tuple[bytes, float]]", due)
        return (moments[0][0].decode(), moments[0][1]) if moments else None

    def _do(self, member: str, at_s: float) -> bool:
        """One moment; False if somebody else was faster: the next look sees how things stand then."""
        name, _, moment = member.partition("|")
        challenge, step = self._store.find(name), self._steps.get(moment)
        change = (step(challenge, at_s) if challenge and step else None) or Change()
        if not _reschedules(change, member):
            change.write("ZREM", keys.DUE, member)
        done = self._store.commit(change)
        if done and challenge and moment in self._afterwards:
            self._afterwards[moment](challenge)
        return done

    def _put_off(self, member: str, for_s: float) -> None:
        self._store.redis.zadd(keys.DUE, {member: self._now_s() + for_s}, xx=True)

    def _abandon(self, challenge: Challenge, _: float) -> Change | None:
        if challenge.state is not State.DRAFT:
            return None
        change = Change()
        phases.turn(change, challenge, challenge.to(State.CANCELLED, self._now_s()))
        return change

    def _let_go(self, challenge: Challenge) -> None:
        if challenge.state is State.DRAFT:  # else it was opened in time
            self._entries.forget_style(challenge)

    def _remind(self, hours: int) -> Callable[[Challenge, float], Change | None]:
        def step(challenge: Challenge, at_s: float) -> Change | None:
            now_s = self._now_s()
            kind = {State.OPEN: "closing_soon", **dict.fromkeys(VOTABLE, "voting_soon")}.get(challenge.state)
            if kind is None or now_s > at_s + _LATE_S or now_s >= challenge.until_s:
                return None
            change = self._relying_on(challenge)
            suffix = f"{hours}h.{challenge.round + challenge.extended}"
            announce(change, challenge, now_s, kind, {"hours": hours}, suffix)
            return change

        return step

    def _close(self, challenge: Challenge, _: float) -> Change | None:
        if challenge.state is not State.OPEN:
            return None
        change, now_s = Change(), self._now_s()
        entries = self._relied_entries(change, challenge)
        if len(entries) < FEWEST_ENTRIES and not challenge.extended:
            phases.extend(change, challenge, now_s)
        else:
            phases.turn(change, challenge, challenge.to(State.DRAINING, now_s, now_s + DRAIN_S))
        return change

    def _settle(self, challenge: Challenge, _: float) -> Change | None:
        if challenge.state not in {State.OPEN, State.DRAINING}:
            return None
        now_s, change = self._now_s(), self._relying_on(challenge, rows=True)
        waiting = self._entries.settle(challenge)
        draining = challenge.state is State.DRAINING
        if waiting and not (draining and now_s >= challenge.until_s):
            again = Change()
            again.write("ZADD", keys.DUE, now_s + SETTLE_S, phases.due(challenge.challenge_id, "settle"))
            return again
        return self._drained(challenge, now_s) if draining else change

    def _drained(self, challenge: Challenge, now_s: float) -> Change:
        """Everything that could be waited for is there."""
        change = Change()
        entries = self._relied_entries(change, challenge)
        late = [entry for entry in entries if entry.status is Status.PENDING]
        made = [entry for entry in entries if entry.status is Status.ENTERED]
        if late:
            count_row(change, challenge.challenge_id)
            for entry in late:
                swap_entry(change, entry, entry.changed(status=Status.FAILED))
            change.write("ZADD", keys.DUE, now_s, phases.due(challenge.challenge_id, "settle"))
        elif len(made) < FEWEST_ENTRIES and not challenge.extended:
            phases.extend(change, challenge, now_s)
        elif len(made) < FEWEST_ENTRIES:
            phases.to_results(change, challenge, Outcome().to_json(), now_s)
        elif challenge.review:
            phases.to_review(change, challenge, len(made), now_s)
        else:
            phases.to_voting(change, challenge, made, now_s)
        return change

    def _begin_voting(self, challenge: Challenge, _: float) -> Change | None:
        if challenge.state is not State.REVIEW:
            return None
        change, now_s = Change(), self._now_s()
        entries = self._relied_entries(change, challenge)
        if len(entries) < FEWEST_ENTRIES:
            phases.to_results(change, challenge, Outcome().to_json(), now_s)
        else:
            phases.to_voting(change, challenge, entries, now_s)
        return change

    def _count(self, challenge: Challenge, _: float) -> Change | None:
        if challenge.state not in VOTABLE:
            return None
        change, now_s = Change(), self._now_s()
        entries = {entry.entry_id: entry for entry in self._relied_entries(change, challenge)}
        connection, name = self._store.redis, challenge.challenge_id
        run_off = challenge.state is State.RUN_OFF
        second = read_tally(connection, name, 2) if run_off else None
        result = outcome(read_tally(connection, name, 1), second, challenge.scoring)
        if len(result.winners) > 1 and not run_off:
            phases.to_run_off(change, challenge, [entries[winner] for winner in result.winners], now_s)
        else:
            phases.to_results(change, challenge, result.to_json(), now_s)
        return change

    def _archive(self, challenge: Challenge, _: float) -> Change | None:
        if challenge.state is not State.RESULTS:
            return None
        change = Change()
        phases.turn(change, challenge, challenge.to(State.ARCHIVED, self._now_s()))
        return change

    def _tell_flags(self, challenge: Challenge, _: float) -> Change | None:
        found = cast("bytes | None", self._store.redis.hget(keys.challenge(challenge.challenge_id), "flags"))
        count, change = (found or b"").decode(), Change()
        change.check(keys.challenge(challenge.challenge_id), "flags", count)
        phases.tell_maker(change, challenge, self._now_s(), "flagged", {"count": int(count or 0)}, count)
        return change

    def _relying_on(self, challenge: Challenge, rows: bool = False) -> Change:
        change, key = Change(), keys.challenge(challenge.challenge_id)
        change.check(key, "version", str(challenge.version))
        if rows:
            change.check(key, "rows", self._store.rows(challenge.challenge_id))
        return change

    def _relied_entries(self, change: Change, challenge: Challenge) -> list[Entry]:
        """What takes part, by time; the change fails if entries or votes changed since."""
        rows = self._store.rows(challenge.challenge_id)
        change.check(keys.challenge(challenge.challenge_id), "rows", rows)
        taking_part = {Status.PENDING, Status.ENTERED}
        return [entry for entry in self._store.entries(challenge.challenge_id) if entry.status in taking_part]


def _reschedules(change: Change, member: str) -> bool:
    return any(write[0] == "ZADD" and write[1] == keys.DUE and write[3] == member for write in change.writes)


async def keep_time(clock: Clock, interval_s: float = INTERVAL_S) -> None:
    """Tick until cancelled; waits while Redis is away.

    Args:
        clock: It is used in a thread.
        interval_s: Seconds between two ticks.
    """
    while True:
        try:
            await asyncio.to_thread(clock.tick)
        except (OperatorError, BusyError) as error:
            log.warning("Challenges wait for Redis: %s", error.code)
        await asyncio.sleep(interval_s)
