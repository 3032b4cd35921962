"""What moderators see and do: flags, a log, and disqualification, which deletes no row."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from bot.challenges import keys
from bot.challenges.entry import COUNTED, Entry, Status
from bot.challenges.model import RUNNING, Person, UnixTime
from bot.challenges.rules import check_manager
from bot.challenges.store import Change, Store, count_row, index_user, swap_entry
from nst.errors import UserError
from workers.contract import ContractError, fill, read_object

T = TypeVar("T")

_REASON_LENGTH = 200
_TRIES = 20


@dataclass(frozen=True)
class Flag:
    """Something that moderators should look at.

    Attributes:
        at_s: When it was noticed.
        kind: ``twin``: it looks like another entry (``detail``: that one's id); ``burst``: most of the last votes,
            within a minute, were for it (``detail``: how many of how many).
        entry_id: Which entry.
        detail: See ``kind``.
    """

    at_s: UnixTime
    kind: str
    entry_id: str
    detail: str = ""


@dataclass(frozen=True)
class LogLine:
    """Something that a moderator did.

    Attributes:
        at_s: When.
        user: Who; "" once forgotten.
        action: What: ``opened``, ``cancelled``, ``disqualified``, ``{state}.changed``.
        entry_id: To which entry, or "".
        reason: Why, or "".
    """

    at_s: UnixTime
    user: str
    action: str
    entry_id: str = ""
    reason: str = ""


class Moderation:
    """Use cases of moderators of any chat that takes part.

    Args:
        store: Where challenges are.
        now_s: The time.
    """

    def __init__(self, store: Store, now_s: Callable[[], float]) -> None:
        self._store, self._now_s = store, now_s

    def disqualify(self, challenge_id: str, entry_id: str, reason: str, manager: Person) -> Entry:
        """Take an entry out: its votes are void, their voters have them back, the row stays.

        Raises:
            UserError: ``not_a_manager``, ``challenge_unknown``, ``challenge_closed`` (after the results),
                ``entry_unknown``, or ``option_out_of_range`` without a reason.
        """
        reason = " ".join(reason.encode("utf-8", "ignore").decode().split())[:_REASON_LENGTH]
        if not reason:
            raise UserError("option_out_of_range", {"option": "reason", "received": '""', "allowed": "1–200"})
        for _ in range(_TRIES):
            challenge = self._store.challenge(challenge_id)
            check_manager(manager, challenge, home_only=False)
            if challenge.state not in RUNNING:
                raise UserError("challenge_closed", {"theme": challenge.theme})
            entry = self._store.entry(challenge_id, entry_id)
            if entry.status is Status.DISQUALIFIED:
                return entry
            if entry.status not in COUNTED:
                raise UserError("entry_unknown")
            after, change = entry.changed(status=Status.DISQUALIFIED, reason=reason), Change()
            change.check(keys.challenge(challenge_id), "state", challenge.state)
            swap_entry(change, entry, after)
            count_row(change, challenge_id)
            log_line(change, challenge_id, self._now_s(), manager.user, "disqualified", entry_id, reason)
            leave_ballot(change, challenge_id, entry_id)
            if self._store.commit(change):
                return after
        raise UserError("challenge_changed")

    def flags(self, challenge_id: str, manager: Person) -> list[Flag]:
        """What was noticed, oldest first.

        Raises:
            UserError: ``not_a_manager`` or ``challenge_unknown``.
        """
        return self._lines(Flag, keys.flags(challenge_id), challenge_id, manager)

    def log(self, challenge_id: str, manager: Person) -> list[LogLine]:
        """What moderators did, oldest first.

        Raises:
            UserError: ``not_a_manager`` or ``challenge_unknown``.
        """
        return self._lines(LogLine, keys.log(challenge_id), challenge_id, manager)

    def _lines(self, kind: type[T], key: str, challenge_id: str, manager: Person) -> list[T]:
        check_manager(manager, self._store.challenge(challenge_id), home_only=False)
        texts = cast("list[bytes]", self._store.redis.lrange(key, 0, -1))
        lines = []
        for text in texts:
            with contextlib.suppress(ContractError):
                lines.append(fill(kind, read_object(text)))
        return lines


def log_line(
    change: Change, challenge_id: str, now_s: float, user: str, action: str, entry_id: str = "", reason: str = ""
) -> None:
    """Note what a moderator did, as part of a change; and that they did, for "forget me"."""
    line = {"at_s": now_s, "user": user, "action": action, "entry_id": entry_id, "reason": reason}
    change.write("RPUSH", keys.log(challenge_id), json.dumps(line))
    index_user(change, user, challenge_id)


def leave_ballot(change: Change, challenge_id: str, entry_id: str) -> None:
    """Make all votes for an entry void; the voters' rows stay."""
    for vote_round in (1, 2):
        change.write("HDEL", keys.ballot(challenge_id, vote_round), entry_id)
    change.write("HDEL", keys.looks(challenge_id), entry_id)
