"""The core of community challenges, put together: what an adapter makes once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import redis

from bot.challenges.announcements import Announcement, Announcements
from bot.challenges.clock import Clock
from bot.challenges.entries import Entries
from bot.challenges.lifecycle import Life
from bot.challenges.membership import Seen
from bot.challenges.moderation import Moderation
from bot.challenges.pictures import Pictures
from bot.challenges.results import Gallery
from bot.challenges.store import Store
from bot.challenges.submissions import Submissions
from bot.challenges.votes import Votes
from bot.challenges.wording import Escape, When, announcement_text
from bot.presets.catalogue import Preset
from workers.client.line import Limits
from workers.store.blobs import Blobs
from workers.store.clock import server_time_s


class Challenges:
    """All use cases, by room. Synchronous and quick: call them in a thread.

    Args:
        connection: To the queue's Redis, from ``workers.store.connection.connect``.
        presets: All presets by name.
        blobs: The queue's pictures.
        now_s: The time, in Unix seconds; Redis' own if left out, since moments are compared there.
        limits: What those who give pictures may have in all; None where nobody gives any.

    Attributes:
        life: Make, open, join, end.
        entries: Enter, replace, withdraw.
        votes: Ballot, vote, revoke.
        moderation: Flags, log, disqualify.
        announcements: What has to be posted.
        clock: What is due.
        gallery: Results, poster, leaderboard, export.
        pictures: What is kept, and how it is made small.
    """

    def __init__(
        self,
        connection: redis.Redis,
        presets: Mapping[str, Preset],
        blobs: Blobs | None = None,
        now_s: Callable[[], float] | None = None,
        limits: Limits | None = None,
    ) -> None:
        now_s = now_s or partial(server_time_s, connection)
        store, seen = Store(connection), Seen(connection, now_s)
        queue_blobs = blobs or Blobs(connection)
        self.pictures = pictures = Pictures(queue_blobs, limits)
        self.life = Life(store, pictures, seen, presets, now_s)
        self.entries = Entries(store, Submissions(store, queue_blobs, pictures), now_s)
        self.votes = Votes(store, seen, now_s)
        self.moderation = Moderation(store, now_s)
        self.announcements = Announcements(connection, now_s)
        self.clock = Clock(store, self.entries, now_s)
        self.gallery = Gallery(store, pictures, presets)

    def text(self, announcement: Announcement, when: When, escape: Escape = str) -> str:
        """What an announcement says, in its chat's language.

        Args:
            announcement: What to say.
            when: A time as the platform shows it, for the end of "entries close …": ``in 3 hours``.
            escape: Takes the platform's markup out of what people wrote.
        """
        results = self.gallery.results(announcement.challenge_id) if announcement.kind == "results" else None
        return announcement_text(announcement, when, escape, results)
