"""Somebody's part in challenges, for tests of what is left when they are forgotten."""

from __future__ import annotations

import redis

from bot.challenges.model import Chat, State
from tests.bot.challenges.conftest import World, picture
from workers.store.blobs import blob_hash


def take_part(connection: redis.Redis, user: str, platform: str) -> list[str | bytes]:
    """Enter a challenge of somebody else's, vote in it, and hold one of one's own with a style that one gave.

    Args:
        connection: To the queue's Redis.
        user: Their key.
        platform: One that no bot serves here.

    Returns:
        What would be traces of theirs. The row of an entry stays, withdrawn and without a name.
    """
    world, where = World(connection), Chat(platform=platform, chat_id="1", channel_id="11")
    life, host = world.core.life, world.person("web:host", where, manages=True)
    theirs = life.open(life.create(world.plan(), where, host).challenge_id, host)
    entries = [
        world.core.entries.submit(theirs.challenge_id, world.made(who, seed), world.person(who, where))
        for who, seed in ((user, 31), ("web:other", 32))
    ]
    world.wait(48)
    assert life.read(theirs.challenge_id).state is State.VOTING
    world.core.votes.vote(theirs.challenge_id, entries[1].entry_id, world.person(user, where))
    style, maker = picture(33), world.person(user, where, manages=True)
    own = life.create(world.plan(theme="Of my own", style_picture=style), where, maker)
    life.open(own.challenge_id, maker)
    return [picture(31), blob_hash(picture(31)), blob_hash(picture(1031)), style]
