"""Entering, replacing and withdrawing; and the wait for what is still being made."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from bot.challenges import keys, phases
from bot.challenges.entry import Entry, Status
from bot.challenges.model import Challenge, Person, State
from bot.challenges.moderation import leave_ballot
from bot.challenges.rules import check_manager, check_person
from bot.challenges.store import Change, Store, count_row, index_user, swap_entry
from bot.challenges.submissions import Submissions
from nst.errors import UserError

_TRIES = 20
SETTLE_S = 3.0  # between two looks at what is being made


class Entries:
    """Use cases of those who enter.

    Args:
        store: Where challenges are.
        submissions: What is known of jobs and pictures.
        now_s: The time.
    """

    def __init__(self, store: Store, submissions: Submissions, now_s: Callable[[], float]) -> None:
        self._store, self._submissions, self._now_s = store, submissions, now_s

    def submit(self, challenge_id: str, job_id: str, person: Person, instead_of: str = "") -> Entry:
        """Enter a pastiche of one's own, made or being made; the same job twice is one entry.

        Args:
            challenge_id: Which challenge.
            job_id: Which job; its result is known for a day.
            person: Who.
            instead_of: The entry of theirs that it replaces, or "".

        Returns:
            The entry, ``entered`` or ``pending``; where they entered this job before, as it stands.

        Raises:
            UserError: ``challenge_unknown``, ``challenge_closed``, ``entry_limit``, ``entry_too_old``,
                ``entry_style_given``, ``entry_not_made``, ``entry_not_a_picture``, ``not_your_job``,
                ``entry_unknown``, ``entry_not_yours``; what ``rules.check_person`` raises.
            JobError: ``job_expired``.
        """
        challenge = self._store.challenge(challenge_id)
        now_s = self._now_s()
        check_person(challenge, person, now_s)
        _check_open(challenge, now_s)
        submission = self._submissions.of(challenge, job_id, person.user)
        entry_id = _entry_id(challenge_id, job_id)
        for _ in range(_TRIES):
            rows = {entry.entry_id: entry for entry in self.of_person(challenge_id, person.user)}
            if entry_id in rows:
                return rows[entry_id]
            replaced = self._own(challenge_id, instead_of, person.user) if instead_of else None
            left = [name for name in rows if replaced is None or name != replaced.entry_id]
            if len(left) >= challenge.entries_per_person:
                raise UserError("entry_limit", {"allowed": challenge.entries_per_person})
            entry = self._submissions.entry(challenge, submission, entry_id, person, now_s)
            change = self._entering(challenge, entry, [*rows], [*left, entry_id], now_s)
            if replaced:
                self._take_out(change, replaced)
            if self._store.commit(change):
                self._submissions.forget(replaced)
                return entry
            challenge = self._store.challenge(challenge_id)
            _check_open(challenge, now_s)
        raise UserError("challenge_changed")

    def withdraw(self, challenge_id: str, entry_id: str, person: Person) -> Entry:
        """Take one's own entry back, until closing; its picture is forgotten.

        Raises:
            UserError: ``challenge_unknown``, ``challenge_closed``, ``entry_unknown`` or ``entry_not_yours``.
        """
        for _ in range(_TRIES):
            challenge = self._store.challenge(challenge_id)
            _check_open(challenge, self._now_s())
            entry = self._own(challenge_id, entry_id, person.user)
            rows = self._store.made_by(challenge_id, person.user).split()
            change = Change()
            change.check(keys.challenge(challenge_id), "state", State.OPEN)
            self._take_out(change, entry)
            count_row(change, challenge_id)
            self._note_rows(change, challenge_id, person.user, rows, [name for name in rows if name != entry_id])
            if self._store.commit(change):
                self._submissions.forget(entry)
                return withdrawn(entry)
        raise UserError("challenge_changed")

    def of_person(self, challenge_id: str, user: str) -> list[Entry]:
        """Somebody's entries that count towards what they may enter."""
        return [self._store.entry(challenge_id, name) for name in self._store.made_by(challenge_id, user).split()]

    def all(self, challenge_id: str, manager: Person) -> list[Entry]:
        """All rows, by time, for moderators of any chat that takes part.

        Raises:
            UserError: ``challenge_unknown`` or ``not_a_manager``.
        """
        check_manager(manager, self._store.challenge(challenge_id), home_only=False)
        return self._store.entries(challenge_id)

    def picture(self, digest: str) -> bytes:
        """A kept picture: of an entry, of the photo it was made from, of a given style.

        Raises:
            JobError: ``job_expired``: it is no longer kept.
        """
        return self._submissions.picture(digest)

    def forget_style(self, challenge: Challenge) -> None:
        """Delete the style picture of a challenge that came to nothing."""
        self._submissions.forget_style(challenge)

    def keep_on(self, challenge: Challenge) -> None:
        """Keep a challenge's pictures for as long as its records, from now."""
        self._submissions.keep_on(challenge)

    def settle(self, challenge: Challenge) -> bool:
        """See what became of pastiches that were being made; the clock asks.

        Returns:
            Whether any is still being made.
        """
        pending = [entry for entry in self._store.entries(challenge.challenge_id) if entry.status is Status.PENDING]
        settled = [self._settle(challenge, entry) for entry in pending]
        return not all(settled)

    def _settle(self, challenge: Challenge, entry: Entry) -> bool:
        after = self._submissions.settled(challenge, entry)
        if after is None:
            return False
        change = Change()
        change.check(keys.challenge(challenge.challenge_id), "state", challenge.state)
        swap_entry(change, entry, after)
        count_row(change, challenge.challenge_id)
        if after.status is Status.ENTERED:
            self._submissions.note_look(change, after, self._now_s())
        else:
            rows = self._store.made_by(challenge.challenge_id, entry.user).split()
            left = [name for name in rows if name != entry.entry_id]
            self._note_rows(change, challenge.challenge_id, entry.user, rows, left)
        return self._store.commit(change)

    def _entering(self, challenge: Challenge, entry: Entry, before: list[str], rows: list[str], now_s: float) -> Change:
        name, change = challenge.challenge_id, Change()
        change.check(keys.challenge(name), "state", State.OPEN)
        change.check(keys.challenge(name), "until", repr(challenge.until_s))
        change.write("HSET", keys.entries(name), entry.entry_id, entry.to_json())
        count_row(change, name)
        self._note_rows(change, name, entry.user, before, rows)
        index_user(change, entry.user, name)
        if entry.status is Status.PENDING:
            change.write("ZADD", keys.DUE, now_s + SETTLE_S, phases.due(name, "settle"))
        else:
            self._submissions.note_look(change, entry, now_s)
        return change

    @staticmethod
    def _take_out(change: Change, entry: Entry) -> None:
        swap_entry(change, entry, withdrawn(entry))
        leave_ballot(change, entry.challenge_id, entry.entry_id)

    @staticmethod
    def _note_rows(change: Change, challenge_id: str, user: str, before: list[str], after: list[str]) -> None:
        change.check(keys.makers(challenge_id), user, " ".join(before))
        if after:
            change.write("HSET", keys.makers(challenge_id), user, " ".join(after))
        else:
            change.write("HDEL", keys.makers(challenge_id), user)

    def _own(self, challenge_id: str, entry_id: str, user: str) -> Entry:
        entry = self._store.entry(challenge_id, entry_id)
        if entry.user != user:
            raise UserError("entry_not_yours")
        if entry.status not in {Status.PENDING, Status.ENTERED}:
            raise UserError("entry_unknown")
        return entry


def withdrawn(entry: Entry) -> Entry:
    """The row of an entry that was taken back: no picture is left."""
    return entry.changed(status=Status.WITHDRAWN, picture="", before="", dhash="", twin_of=())


def _check_open(challenge: Challenge, now_s: float) -> None:
    if challenge.state is not State.OPEN or now_s >= challenge.until_s:
        raise UserError("challenge_closed", {"theme": challenge.theme})


def _entry_id(challenge_id: str, job_id: str) -> str:
    digest = hashlib.sha256(f"{challenge_id}|{job_id}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:8]
