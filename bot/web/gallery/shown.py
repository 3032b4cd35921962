"""What of a challenge everybody may see, by where it stands. The one place that decides it.

before the voting   theme, rules, times; no entry
voting, run-off     the ballot's pictures by number; no maker, no photo, no recipe, no count
results, archived   all that took part, with places, votes, makers, photos and recipes
draft, cancelled    nothing
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Mapping
from typing import cast

import redis

from bot.challenges import keys
from bot.challenges.entry import Entry, Status
from bot.challenges.model import FINISHED, RUNNING, VOTABLE, Challenge
from bot.challenges.service import Challenges
from bot.challenges.store import Store
from bot.presets.catalogue import Preset
from nst.errors import UserError

PUBLIC = RUNNING | FINISHED
_ID = re.compile("[a-z2-7]{8}")
_INDEX_S = 15.0


class Shown:
    """The challenges as everybody may see them; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis.
        presets: All presets by name.
    """

    def __init__(self, connection: redis.Redis, presets: Mapping[str, Preset]) -> None:
        self.core = Challenges(connection, presets)
        self._redis = connection
        self._store = Store(connection)
        self._index: tuple[float, list[Challenge]] = (-_INDEX_S, [])

    def challenges(self) -> list[Challenge]:
        """All that may be seen, the last changed first; up to fifteen seconds old."""
        read_s, found = self._index
        if time.monotonic() - read_s < _INDEX_S:
            return found
        names = [name.decode() for name in self._redis.scan_iter(keys.challenge("?" * 8), count=1000)]
        ids = [name.rpartition(":")[2] for name in names]
        known = [self._store.find(name) for name in ids if _ID.fullmatch(name)]
        public = [one for one in known if one is not None and one.state in PUBLIC]
        public.sort(key=lambda one: (one.state not in RUNNING, -one.changed_at_s, one.challenge_id))
        self._index = (time.monotonic(), public)
        return public

    def challenge(self, slug: str) -> Challenge:
        """The challenge of an address.

        Args:
            slug: Its id, or anything that ends in ``-`` and its id.

        Raises:
            UserError: ``challenge_unknown``, also for one that may not be seen.
        """
        found = self._store.find(slug[-8:]) if _ID.fullmatch(slug[-8:]) else None
        if found is None or found.state not in PUBLIC:
            raise UserError("challenge_unknown", {"received": slug[:40]})
        return found

    def ballot(self, challenge: Challenge) -> list[Entry]:
        """What is voted on, by number; empty where no voting is on."""
        if challenge.state not in VOTABLE:
            return []
        ids = cast("list[bytes]", self._redis.hkeys(keys.ballot(challenge.challenge_id, challenge.round)))
        on_it = {name.decode() for name in ids}
        entries = self._store.entries(challenge.challenge_id)
        return sorted((one for one in entries if one.entry_id in on_it and one.picture), key=lambda one: one.number)

    def picture(self, challenge: Challenge, entry_id: str, before: bool) -> str:
        """Where a picture is kept that may be seen now, or "".

        Args:
            challenge: Whose.
            entry_id: Of which entry.
            before: The photo that it was made from, instead of the pastiche.
        """
        if challenge.state in VOTABLE:
            entries = [] if before else self.ballot(challenge)
        elif challenge.state in FINISHED:
            placed = self.core.gallery.results(challenge.challenge_id).placed
            entries = [one.entry for one in placed if one.entry.status is Status.ENTERED]
        else:
            entries = []
        found = next((one for one in entries if one.entry_id == entry_id), None)
        return "" if found is None else found.before if before else found.small


def slug_of(challenge: Challenge) -> str:
    """``cats-at-night-abcd2345``: the theme to be read, the id to be found by."""
    plain = unicodedata.normalize("NFKD", challenge.theme).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall("[a-z0-9]+", plain))[:60].strip("-")
    return f"{words}-{challenge.challenge_id}" if words else challenge.challenge_id
