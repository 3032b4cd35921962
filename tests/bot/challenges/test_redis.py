"""What Redis itself does to challenges: it is killed, and it is full."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from bench.steady_redis import SteadyRedis
from bot.challenges import keys
from bot.challenges.model import State
from tests.bot.challenges.conftest import NO_RULES, World, refused
from workers.store.connection import connect


@pytest.fixture
def own_redis() -> Iterator[SteadyRedis]:
    """A Redis that the test may kill."""
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        server = SteadyRedis(Path(folder))
        server.start()
        yield server
        server.kill()


def _records(connection: redis.Redis) -> dict[bytes, object]:
    """Everything but the clock, which may drop reminders whose moment has passed."""
    return {key: connection.dump(key) for key in connection.scan_iter() if key.decode() != keys.DUE}


def test_a_killed_redis_comes_back_with_all_of_it(own_redis: SteadyRedis) -> None:
    with connect(own_redis.url) as connection:
        world = World(connection)
        challenge = world.opened(rules=NO_RULES)
        name = challenge.challenge_id
        entries = [world.enter(challenge, f"discord:p{number}", number) for number in range(2)]
        claimed = world.core.announcements.claim("discord")
        own_redis.kill()
        own_redis.start()
        world.to_voting(challenge)
        world.core.votes.vote(name, entries[0].entry_id, world.person("discord:v"))
        own_redis.kill()
        own_redis.start()
        world.wait(48)
        assert world.core.gallery.results(name).winners == (entries[0].entry_id,)
        world.core.announcements.resume("discord")
        again = world.core.announcements.claim("discord")
        assert claimed is not None
        assert again is not None
        assert (again.key, again.redelivered) == (claimed.key, True)
        world.core.announcements.posted(again, "m")
        assert world.told() == ["voting", "results"]


def test_a_full_redis_changes_nothing_and_goes_on_when_there_is_room(own_redis: SteadyRedis) -> None:
    with connect(own_redis.url) as connection:
        world = World(connection)
        challenge = world.opened(rules=NO_RULES)
        name = challenge.challenge_id
        entries = [world.enter(challenge, f"discord:p{number}", number) for number in range(2)]
        spare = world.made("discord:late", 9)
        before = _records(connection)
        world.now_s += 48 * 3600
        connection.config_set("maxmemory", 1)
        refused("store_full", world.core.life.cancel, name, world.maker)
        refused("store_full", world.core.clock.tick)
        refused("queue_unavailable", world.core.announcements.claim, "discord")  # a poster waits, as if it were away
        assert _records(connection) == before
        connection.config_set("maxmemory", 0)
        world.core.clock.tick()
        assert world.core.life.read(name).state is State.VOTING
        connection.config_set("maxmemory", 1)
        refused("store_full", world.core.votes.vote, name, entries[0].entry_id, world.person("discord:v"))
        connection.config_set("maxmemory", 0)
        assert not connection.exists(keys.votes(name, 1))
        assert world.core.votes.vote(name, entries[0].entry_id, world.person("discord:v")).left == 2
        refused("challenge_closed", world.core.entries.submit, name, spare, world.person("discord:late"))
