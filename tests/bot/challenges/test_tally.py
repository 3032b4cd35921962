"""Many voters at once, and an exact tally: the measurement at a small size."""

from __future__ import annotations

import redis

from bench.challenges import VOTES_EACH, take_votes


def test_the_tally_of_many_voters_is_exact(redis_connection: redis.Redis) -> None:
    taken = take_votes(redis_connection, entries=6, voters=150, threads=8)
    assert taken.given.total() == 150 * VOTES_EACH
    assert taken.counted == taken.given
